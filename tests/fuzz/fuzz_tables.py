"""Coverage-guided fuzzing of what reads tables, with atheris. Not run by pytest; a target at a time:

    python tests/fuzz/fuzz_tables.py csv -max_total_time=600     # or jsonl, rows, cut, packed, zip

What must hold: an ``InputError`` of one line, or rows and rejects that are counted without gap; nothing else is raised, in a
second and in little memory. What the last campaign found stands in README.md.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["ipclass", "csv", "json", "zipfile", "gzip"]):
    import csv
    import json

    from ipclass import blocks, files, rendering
    from ipclass.blocks import Bad, RawBlock
    from ipclass.errors import InputError
    from ipclass.layout import Layout
    from ipclass.parsing import sift

HOME = Path(tempfile.mkdtemp(prefix="ipclass-fuzz-"))


def rows_of(source: files.Source) -> tuple[list[str], int]:
    """Return the texts and the number of rejects, after making sure that rejects are numbered without gap."""
    texts: list[str] = []
    rejected = 0
    with closing(source.blocks()) as raw_blocks:
        for raw in raw_blocks:
            block = sift(raw, source.layout)
            numbers = [bad.row for bad in block.bad]
            assert numbers == sorted(set(numbers))
            assert not numbers or (numbers[0] >= 1 and numbers[-1] <= len(block) + len(numbers))
            if block.frame is not None:
                assert block.frame.height == len(block)
                rendering.as_table(block, block.frame.select([]), source.layout, "csv")
            texts += block.texts
            rejected += len(numbers)
    return texts, rejected


def read(name: str, content: bytes, **options: str) -> tuple[list[str], int] | None:
    path = HOME / name
    path.write_bytes(content)
    try:
        source = files.Source(str(path), **options)
        source.learn_columns()
        return rows_of(source)
    except InputError as error:
        if "\n" in str(error):
            raise AssertionError(str(error)) from error
        return None


def any_table(data: atheris.FuzzedDataProvider, ending: str) -> None:
    """A table is the same whatever the size of its blocks."""
    encoding = data.PickValueInList(["utf-8", "utf-8", "utf-8", "latin-1", "cp1252", "utf-16", "gb18030", "shift-jis"])
    size = data.PickValueInList([7, 64, 1000])
    content = data.ConsumeBytes(5000)
    found = read(f"t.{ending}", content, encoding=encoding)
    before = blocks.BLOCK_BYTES
    blocks.BLOCK_BYTES = max(size, len(content) // 20)  # many more blocks cost time, and find no more
    try:
        again = read(f"t.{ending}", content, encoding=encoding)
    finally:
        blocks.BLOCK_BYTES = before
    assert (found is None) == (again is None) or ending == "jsonl", (found, again)
    if found and again and not found[1] and not again[1] and ending == "csv":
        assert found == again, (found, again)


def csv_target(data: atheris.FuzzedDataProvider) -> None:
    any_table(data, data.PickValueInList(["csv", "csv", "tsv"]))


def jsonl_target(data: atheris.FuzzedDataProvider) -> None:
    any_table(data, "jsonl")


def rows_target(data: atheris.FuzzedDataProvider) -> None:
    """What the quick reader takes, Python's csv takes for the same."""
    separator = data.PickValueInList([",", ";", "\t"])
    content = data.ConsumeBytes(3000)
    layout = Layout("csv", ("title", "abstract"), "title", "abstract", "", separator)
    block = sift(RawBlock("t", layout, content), layout)
    if block.bad or b"\r" in content:  # a CR alone ends a row for csv, and is a character for polars
        return
    assert block.frame is not None
    try:
        text = io.StringIO(content.decode(), newline="")
        expected = [tuple(row) for row in csv.reader(text, delimiter=separator, strict=True) if row]
    except (csv.Error, UnicodeDecodeError):
        return  # read with bare marks, which csv does not take
    assert block.frame.rows() == expected


def cut_target(data: atheris.FuzzedDataProvider) -> None:
    """Pieces make the whole, and each but the last ends with a line feed."""
    separator = data.PickValueInList([",", ";", None])
    blocks.BLOCK_BYTES = data.PickValueInList([16, 100, 1000])
    blocks.LARGEST_ROW = data.PickValueInList([64, 1 << 20])
    content = data.ConsumeBytes(5000)
    at, pieces = 0, []
    for place, piece in blocks.cut(io.BytesIO(content), b"", separator):
        if isinstance(piece, Bad):
            at = -1
            continue
        assert at < 0 or place == at
        at = place + len(piece) if at >= 0 else at
        assert content[place : place + len(piece)] == bytes(piece)
        pieces.append(bytes(piece))
    assert all(piece.endswith(b"\n") for piece in pieces[:-1])
    if at >= 0:
        assert content.startswith(b"".join(pieces))
        assert not content[at:].strip(b"\r\n")


def packed_target(data: atheris.FuzzedDataProvider) -> None:
    read(f"t.csv.{data.PickValueInList(['gz', 'zst'])}", data.ConsumeBytes(5000))


def zip_target(data: atheris.FuzzedDataProvider) -> None:
    read("t.zip", data.ConsumeBytes(5000))


TARGETS: dict[str, Callable[[atheris.FuzzedDataProvider], None]] = {
    "csv": csv_target,
    "jsonl": jsonl_target,
    "rows": rows_target,
    "cut": cut_target,
    "packed": packed_target,
    "zip": zip_target,
}


LEAKING = ("cut", "rows")
"""atheris keeps each array of numpy that the code under test compares: a few KB an input, and none without atheris."""


def seeds(target: str, folder: Path) -> None:
    """Write something to begin with."""
    import gzip
    import zipfile

    import zstandard

    table = b'id,title,abstract\n1,Kite,"It flies, and ""well""."\n2,"Two\nlines",x\n'
    found = [
        table,
        table.replace(b",", b";"),
        table.replace(b"\n", b"\r\n"),
        b'title,abstract\n"a "b" c",d\n',
        b'"a","b\n"c","d"\n',
        table.replace(b",", b"\t") * 30,
        b"\xef\xbb\xbf" + table.replace(b"Kite", b"K\xe4\0te"),
        table.decode().encode("utf-16"),
        b"id,title,abstract,title\n" + b"1,a\n" * 40 + b"\n" * 40,
    ]
    if target == "jsonl":
        found = [json.dumps({"title": "a", "abstract": "b\u00e4\ud83d\ude00", "n": [1, {"x": None}]}).encode() + b"\n"] * 2
    elif target == "packed":
        found = [gzip.compress(table), zstandard.compress(table)]
    elif target == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.csv", table)
        found = [buffer.getvalue()]
    for number, seed in enumerate(found):
        for tail in (b"\0\0", b"\1\1", b"\2\2"):  # atheris takes the choices from the end
            (folder / f"{number}{tail[0]}").write_bytes(seed + tail)


def main() -> None:
    target = sys.argv.pop(1) if len(sys.argv) > 1 else ""
    if target not in TARGETS:
        raise SystemExit(f"name a target: {', '.join(TARGETS)}")
    corpus = Path(tempfile.mkdtemp(prefix=f"ipclass-fuzz-{target}-"))
    seeds(target, corpus)
    atheris.Setup(
        [
            sys.argv[0],
            str(corpus),
            "-timeout=20",
            f"-rss_limit_mb={3072 if target in LEAKING else 1024}",
            "-max_len=5000",
            "-len_control=0",
            "-print_final_stats=1",
            *sys.argv[1:],
        ],
        lambda content: TARGETS[target](atheris.FuzzedDataProvider(content)),
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
