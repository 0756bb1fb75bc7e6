"""Some 300 broken files: whatever they are, nothing crashes, hangs, is fetched or vanishes."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from reading import Row, inputs_of, read, written
from sources import INVENTED, WRITERS, old_workbook, patentscope_rows, workbook

from ipclass import formats
from ipclass.errors import InputError
from ipclass.records import Reject

KITE, LOOM = INVENTED
SIX = [replace(LOOM, number=str(99_000_000 + n), title=f"Invented loom {n}") for n in range(6)]
IDS = {f"US{patent.number}{patent.kind}" for patent in SIX} | {f"US{patent.number}" for patent in SIX}
TEXT = [name for name in WRITERS if "XLS" not in name]
BINARY = [name for name in WRITERS if "XLS" in name]


def seeded(name: str) -> random.Random:
    return random.Random(name)


def scattered(content: bytes, what: bytes, name: str, times: int = 20) -> bytes:
    """Return ``content`` with bytes put in at places chosen by lot."""
    chosen = seeded(name)
    for _ in range(times):
        place = chosen.randrange(len(content) + 1)
        content = content[:place] + what + content[place:]
    return content


def flipped(content: bytes, name: str, times: int = 40) -> bytes:
    chosen, changed = seeded(name), bytearray(content)
    for _ in range(times if changed else 0):
        changed[chosen.randrange(len(changed))] = chosen.randrange(256)
    return bytes(changed)


def half_wide(content: bytes) -> bytes:
    half = len(content) // 2
    return content[:half] + content[half:].decode("latin-1").encode("utf-16")


DAMAGE: dict[str, Callable[[bytes, str], bytes]] = {
    "empty": lambda content, name: b"",
    "cut off in its first line": lambda content, name: content[:40],
    "cut off in the middle": lambda content, name: content[: len(content) // 2],
    "cut off before its end": lambda content, name: content[:-25],
    "begun in the middle": lambda content, name: content[len(content) // 2 :],
    "bytes changed": flipped,
    "NULs": lambda content, name: scattered(content, b"\0", name),
    "bytes of another encoding": lambda content, name: scattered(content, b"\xe9\xff\x80", name),
    "marks": lambda content, name: scattered(content, b'"', name, 7),
    "byte-order marks within": lambda content, name: scattered(content, b"\xef\xbb\xbf", name),
    "half as UTF-16": lambda content, name: (
        content[: len(content) // 2] + content[len(content) // 2 :].decode("latin-1").encode("utf-16")
    ),
    "lines in CR": lambda content, name: content.replace(b"\r\n", b"\n").replace(b"\n", b"\r"),
    "thousands of blank lines": lambda content, name: content.replace(b"\n", b"\n" * 3000, 3),
    "doubled": lambda content, name: content + content,
    "9999 for every digit": lambda content, name: bytes(ord("9") if 48 <= each <= 57 else each for each in content),
    "no digit": lambda content, name: bytes(ord("x") if 48 <= each <= 57 else each for each in content),
    "brackets opened": lambda content, name: scattered(content, b"[{<" * 300, name, 3),
    "entities": lambda content, name: scattered(content, b"&lol9;&#0;&#x110000;]]>", name, 5),
}


def read_or_refused(format: str, files: dict[str, bytes]) -> tuple[list[Row], list[Reject]]:
    """Return what is read of files, and check that nothing is silent; a file may be refused as a whole, in one line."""
    told = ""
    try:
        found, rejects = read(format, files, title_only=True)
    except InputError as error:
        told, found, rejects = str(error), [], [Reject(next(iter(files)), "all of it", "refused")]
    assert "\n" not in told
    assert found or rejects
    assert all(each.file in files and each.place and each.reason and "\n" not in each.reason for each in rejects)
    return found, rejects


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("variant", TEXT)
def test_a_damaged_text_is_read_as_far_as_it_goes(variant: str, damage: str) -> None:
    format, files = written(variant, SIX)
    broken = {name: DAMAGE[damage](content, f"{variant} {damage}") for name, content in files.items()}
    for name, content in broken.items():
        formats.recognise(name, content[: formats.HEAD])
    found, _ = read_or_refused(format, broken)
    if damage in ("lines in CR", "thousands of blank lines") and "JSON" not in variant:
        assert {each["id"] for each in found} <= IDS
        assert len(found) == 6
    if damage == "cut off before its end":
        assert len(found) >= (0 if variant in ("ops JSON", "hupd JSON") else 4)


@pytest.mark.parametrize(
    "damage", ["empty", "cut off in its first line", "cut off in the middle", "begun in the middle", "bytes changed", "NULs"]
)
@pytest.mark.parametrize("variant", [name for name in BINARY if name != "patentscope XLS"])
def test_a_damaged_workbook_is_refused_or_read(variant: str, damage: str) -> None:
    format, files = written(variant, SIX)
    broken = {name: DAMAGE[damage](content, f"{variant} {damage}") for name, content in files.items()}
    read_or_refused(format, broken)


def break_third(variant: str, content: bytes) -> bytes:
    """Return a file of six documents with the third of them broken, and nothing else."""
    title = b"Invented loom 2"
    assert content.count(title) == 1
    if "XML" in variant:
        return content.replace(title, b"Invented </loom>")
    if variant == "ops JSON":
        return content.replace(b'"' + title + b'"', b'"loom\\uffff"')
    if "JSON" in variant:
        return content.replace(title + b'"', title)
    start = content.index(title) + len(title)
    end = content.index(b"\n", start)
    return content[:start] + content[end:]


@pytest.mark.parametrize("variant", [name for name in TEXT if name not in ("hupd JSON", "patentsview TSV", "patstat CSV")])
def test_one_broken_document_among_six_costs_one(variant: str) -> None:
    format, files = written(variant, SIX)
    [(name, content)] = files.items()
    found, rejects = read(format, {name: break_third(variant, content)}, title_only=True)
    kept = [each["title"] for each in found]
    titles = [f"Invented loom {n}" for n in (0, 1, 3, 4, 5)]
    assert kept == titles
    assert [each.place for each in rejects] in (["document 3"], ["row 3"], ["row 3", "row 4"])


OTHER_BOOKS: dict[str, Callable[[], bytes]] = {
    "a workbook of something else": lambda: workbook([["a"]]),
    "an old workbook of something else": lambda: old_workbook([["a"]]),
    "the beginning of a workbook": lambda: b"PK\x03\x04",
    "the beginning of an old workbook": lambda: b"\xd0\xcf\x11\xe0",
}


@pytest.mark.parametrize("name", OTHER_BOOKS)
def test_other_workbooks_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"^x: "):
        read("patentscope", {"x": OTHER_BOOKS[name]()})


def test_an_old_workbook_with_a_cell_far_away_is_refused_and_does_not_end_the_process() -> None:
    book = old_workbook(patentscope_rows(SIX))
    label = b"\xfd\x00\x0a\x00"  # the record of a cell of text: its row and column follow
    place = book.rindex(label) + len(label)
    far = book[:place] + b"\xff\xff\xff\xff" + book[place + 4 :]
    with pytest.raises(InputError, match=r"^x: not an Excel file \(.xls\), damaged, or too large"):
        read("patentscope", {"x": far})


def test_a_stream_that_breaks_off_is_told_and_what_came_before_it_stands() -> None:
    import gzip
    import io
    import zlib

    for variant in ("lens CSV", "uspto XML", "docdb XML", "bigquery JSON", "patstat CSV"):
        format, files = written(
            variant, [replace(LOOM, number=str(99_000_000 + n), abstract=os.urandom(2000).hex()) for n in range(300)]
        )
        packed = {name: gzip.compress(content)[:-2000] for name, content in files.items()}
        inputs = [
            formats.Input(name, lambda content=content: gzip.GzipFile(fileobj=io.BytesIO(content)))  # type: ignore[misc]
            for name, content in packed.items()
        ]
        batches = list(formats.read(format, inputs, title_only=True))
        rejects = [each for batch in batches for each in batch.rejects]
        assert any("nothing can be read from here on" in each.reason for each in rejects), variant
        if variant in ("lens CSV", "uspto XML", "docdb XML", "bigquery JSON"):
            assert sum(batch.frame.height for batch in batches) > 100

    class Damaged(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: object) -> int:
            raise zlib.error("invalid block type")

    for name in formats.NAMES:
        if name in ("patentsview", "patstat"):
            continue
        [batch] = formats.read(name, [formats.Input("x", lambda: Damaged())], title_only=True)  # type: ignore[arg-type,return-value]
        assert [each.reason for each in batch.rejects] == ["nothing can be read from here on: invalid block type"]


def test_a_file_that_cannot_be_opened_does_not_cost_the_others() -> None:
    def nothing() -> object:
        raise FileNotFoundError(2, "No such file or directory")

    for variant in ("lens CSV", "lens JSON", "uspto XML", "docdb XML", "cnipa CSV"):
        format, files = written(variant, SIX)
        inputs = [formats.Input("gone", nothing), *inputs_of(files)]  # type: ignore[arg-type]
        batches = list(formats.read(format, inputs))
        assert sum(batch.frame.height for batch in batches) == 6
        assert [each.file for batch in batches for each in batch.rejects] == ["gone"]


def test_no_input_at_all_is_no_crash() -> None:
    for name in formats.NAMES:
        if name in ("patentsview", "patstat"):
            with pytest.raises(InputError, match=r"no table of"):
                list(formats.read(name, []))
        else:
            assert list(formats.read(name, [])) == []


def test_huge_files_of_nonsense_are_read_in_less_than_a_gigabyte() -> None:
    """The files are made as they are read, in a process of its own, whose memory is measured."""
    script = Path(__file__).with_name("huge.py")
    environment = {**os.environ, "POLARS_MAX_THREADS": "1"}
    done = subprocess.run([sys.executable, str(script)], capture_output=True, check=False, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    told = json.loads(done.stdout)
    assert told["peak_mb"] < 1024
    assert told["cases"] >= 20
    assert not told["unexpected"]
