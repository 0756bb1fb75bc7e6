"""Fuzzes workbooks: parts of a whole one are changed and packed again, so that changes reach what is inside.

See ``formats_harness``. fastexcel is compiled, so nothing guides the fuzzer within it; what is watched is that it does not
end the process.
"""

from __future__ import annotations

import io
import zipfile

from formats_harness import fuzz, written

PARTS = ("xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml", "[Content_Types].xml", "xl/styles.xml")
BETWEEN = b"\n==== next part ====\n"


def seeds() -> dict[str, list[bytes]]:
    found = {}
    for format, (content,) in written("incopat XLSX", "patsnap XLSX", "cnipa XLSX", "espacenet XLSX").items():
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            found[format] = [BETWEEN.join(parts.read(name) for name in PARTS)]
    return found


def packed(content: bytes) -> bytes:
    """Return a workbook with the parts that the fuzzer changed in their places."""
    (original,) = written("incopat XLSX")["incopat"]
    changed = dict(zip(PARTS, content.split(BETWEEN), strict=False))
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(original)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            new.writestr(name, changed.get(name, old.read(name)))
    return buffer.getvalue()


if __name__ == "__main__":
    fuzz(("incopat", "patsnap", "cnipa", "espacenet"), seeds, change=packed)
