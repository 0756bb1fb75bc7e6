"""Reads files of up to 100 MB that are made to cost memory, and prints what came of it; run by ``test_formats_hostile``."""

from __future__ import annotations

import io
import itertools
import json
import resource
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

from sources import (
    DOCDB_HEAD,
    INVENTED,
    LENS_HEADER,
    bigquery_object,
    derwent,
    espacenet_csv,
    incopat_xlsx,
    lens_csv,
    uspto_document,
)

from ipclass import formats
from ipclass.errors import InputError

MB = 1 << 20
LARGE = 100


class Made(io.RawIOBase):
    """A stream of parts that are made when they are read."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._left = part
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size


def much(part: bytes, megabytes: int = LARGE) -> Iterator[bytes]:
    block = part * (MB // len(part) + 1)
    return itertools.repeat(block, megabytes)


def around(before: bytes, inside: Iterable[bytes], behind: bytes = b"") -> Iterator[bytes]:
    return itertools.chain([before], inside, [behind])


def changed_workbook(**parts: bytes) -> bytes:
    [content] = incopat_xlsx(INVENTED).values()
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            replaced = parts.get(Path(name).stem)
            new.writestr(name, replaced if replaced is not None else old.read(name))
    return buffer.getvalue()


def sheet(rows: bytes) -> bytes:
    space = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return b'<worksheet xmlns="%s"><sheetData>%s</sheetData></worksheet>' % (space, rows)


def far_apart() -> bytes:
    near, far = b'<row r="1"><c r="A1"><v>1</v></c></row>', b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    return changed_workbook(sheet1=sheet(near + far))


def unplaced() -> bytes:
    many, one = b"<c><v>1</v></c>" * 16_000, b"<c><v>1</v></c>"
    return changed_workbook(sheet1=sheet(b'<row r="1048576">%s</row><row r="1">%s</row>' % (many, one)))


def strings() -> bytes:
    return changed_workbook(sharedStrings=b"<sst>" + b"<si><t>a</t></si>" * 18_000_000 + b"</sst>")


def cases() -> Iterator[tuple[str, str, Iterable[bytes]]]:
    lens = ",".join(LENS_HEADER).encode() + b"\n"
    whole = next(iter(lens_csv(INVENTED).values()))
    grant = uspto_document(INVENTED[1]).encode()
    start = grant[: grant.index(b"<classifications-cpc")]
    docdb = DOCDB_HEAD.encode()
    line = json.dumps(bigquery_object(INVENTED[0])).encode() + b"\n"
    attributes = (b'a%d="" ' % n for n in range(1_000_000))
    prefixes = (b' xmlns:a%d="x"' % n for n in range(1_000_000))
    document = b"<exchange-document>"
    for format in ("lens", "derwent", "cnipa", "patentscope"):
        yield f"one line of {LARGE} MB", format, much(b"a kite ")
    yield (
        "a mark that is never closed",
        "lens",
        around(lens + b'1,"', much(b"a kite, it flies in the wind that blows all day\n" * 99, 20)),
    )
    yield "marks opened in every line", "lens", around(lens, much(b'"a kite\n', 2))
    yield "a line of separators", "lens", around(lens, much(b","))
    yield "a header of millions of columns", "lens", around(lens.strip(), much(b",a", 40), b"\n1,2\n")
    yield "rows of one cell", "lens", around(lens, much(b"x\n", 1))
    yield "blank lines", "lens", around(whole, much(b"\r\n", 5), b"x")
    yield f"a cell of {LARGE} MB", "lens", around(whole + b'1,"', much(b"kite "), b'"\n')
    yield "text that never ends in a document", "uspto", around(grant[: grant.index(b"Invented loom")], much(b"a kite "))
    yield "millions of elements", "uspto", around(start, much(b"<b/>", 15), grant[-20:])
    yield "tags opened", "uspto", around(start, much(b"<b>"))
    yield "declarations", "uspto", much(b"<?xml version='1.0'?>", 1)
    yield "an element of a million attributes", "uspto", around(b"<us-patent-grant ", attributes, b"/>")
    yield "nothing before a document", "docdb", much(b" ")
    yield "prefixes", "docdb", around(b"<x", prefixes, b"><exchange-document></exchange-document></x>")
    yield "documents of nothing", "docdb", around(docdb, much(b"<exchange-document/>", 1))
    yield "documents within documents", "docdb", around(docdb, much(document, 1))
    yield "a line of JSON that never ends", "bigquery", around(line + b'{"a": "', much(b"a kite "))
    yield "lists in JSON", "bigquery", around(line + b'{"a": [', much(b"[],", 15), b"[]]}\n" + line)
    yield "a million elements in JSON", "ops", around(b'{"exchange-document": {"a": [', much(b"1,", 6), b"1]}}")
    yield "texts with elements between", "uspto", around(start, much(b"x<b/>", 15), grant[-20:])
    yield (
        "a name of a million spaces",
        "espacenet",
        [espacenet_csv(INVENTED)["espacenet.csv"].replace(b" GmbH", b" " * MB + b"G")],
    )
    yield "a name of a million spaces", "derwent", [derwent(INVENTED)["savedrecs.txt"].replace(b" GmbH", b" " * MB + b"G")]
    yield "lists in lists", "ops", around(b'{"a": ', much(b"[", 15))
    yield "a number of millions of digits", "bigquery", around(b'{"publication_number": ', much(b"9", 10), b"}\n")
    yield "a JSON array that never ends", "lens", around(b"[", much(b"{},", 80))
    yield "orphans", "patentsview", around(b"patent_id\tpatent_abstract\n", much(b"1\tA kite flies in the wind.\n", 2))
    yield "cells far apart in a workbook", "incopat", [far_apart()]
    yield "cells that do not say where they stand", "incopat", [unplaced()]
    yield "a packed part of 300 MB", "incopat", [strings()]


def outcome(format: str, parts: Iterable[bytes]) -> str:
    found = rejected = 0
    stream = io.BufferedReader(Made(parts))
    try:
        for batch in formats.read(format, [formats.Input("x", lambda: stream)], title_only=True):
            found, rejected = found + batch.frame.height, rejected + len(batch.rejects)
    except InputError as error:
        return f"refused: {error}"
    return f"{found} documents, {rejected} rejects"


def peak() -> float:
    """Return the most memory that was used, in MB; ru_maxrss counts what the parent used before, too."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024


def main() -> None:
    told, unexpected = {}, []
    for name, format, parts in cases():
        told[f"{format}: {name}"] = shown = outcome(format, parts)
        if shown == "0 documents, 0 rejects":
            unexpected.append(name)
    print(
        json.dumps(
            {"peak_mb": peak(), "cases": len(told), "unexpected": unexpected, "told": told}, ensure_ascii=False, indent=1
        )
    )


if __name__ == "__main__":
    main()
