"""Several tables as one: folders, patterns, archives and packed files, and what in them is refused."""

from __future__ import annotations

import gc
import gzip
import io
import random
import re
import struct
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest
import zstandard
from conftest import cut_at, ipclass, patents, read_csv, write_csv, write_jsonl
from hypothesis import given
from hypothesis import strategies as st

from ipclass import containers, excel, files, formats
from ipclass.errors import InputError
from ipclass.excel import Sheet
from ipclass.records import STANDARD, Reject


def names(*tables: Path | str) -> list[str]:
    return [Path(member.name).name for member in containers.find([str(table) for table in tables]).members]


def content(path: Path) -> bytes:
    (member,) = containers.find([str(path)]).members
    with member.open() as stream:
        return stream.read()


def texts(*tables: Path | str, **options: object) -> list[str]:
    source = files.Source([str(table) for table in tables], **options)  # type: ignore[arg-type]
    return [text for block in source.read() for text in block.texts]


def refused(*tables: Path | str, **options: object) -> str:
    with pytest.raises(InputError) as error:
        texts(*tables, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def archive(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as packed:
        for name, body in members.items():
            packed.writestr(name, body)
    return path


def row(title: str) -> bytes:
    return f"title,abstract\n{title},x\n".encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as people have them."""
    home = tmp_path / "home"
    (home / "deep").mkdir(parents=True)
    (home / "b.csv").write_bytes(row("B"))
    (home / "a.tsv").write_bytes(row("A").replace(b",", b"\t"))
    (home / "c.csv.gz").write_bytes(gzip.compress(row("C")))
    (home / "deep" / "d.csv.zst").write_bytes(zstandard.compress(row("D")))
    archive(
        home / "e.zip", {"one.csv": row("E"), "notes/readme.md": b"read me", "__MACOSX/._one.csv": b"x", "two.csv": row("F")}
    )
    (home / ".hidden.csv").write_bytes(row("H"))
    (home / "figure.png").write_bytes(b"\x89PNG")
    return home


# What is found


def test_a_folder_is_its_tables_packed_or_not_in_order(folder: Path) -> None:
    assert texts(folder) == ["A\nx", "B\nx", "C\nx", "D\nx", "E\nx", "F\nx"]


def test_what_is_no_table_is_passed_over_and_told_hidden_files_without_a_word(folder: Path, tiny_model: str) -> None:
    found = containers.find([str(folder)])
    assert [Path(name).name for name in found.passed_over] == ["readme.md", "figure.png"]
    said = ipclass("classify", folder, "-m", tiny_model, "-o", folder.parent / "out.csv")
    assert said.code == 0
    assert said.lines[0].startswith("passed over, as they are no tables: ")
    assert said.lines[0].endswith("e.zip/notes/readme.md, " + str(folder / "figure.png"))


def test_a_pattern_is_the_files_that_match(folder: Path) -> None:
    assert names(f"{folder}/*.csv") == ["b.csv"]
    assert names(f"{folder}/**/*.zst") == ["d.csv.zst"]
    assert "matches no file" in refused(f"{folder}/*.parquet")


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "a[1].csv").write_bytes(row("A"))
    assert texts(tmp_path / "a[1].csv") == ["A\nx"]


def test_tables_come_in_the_order_in_which_they_are_named(folder: Path) -> None:
    assert texts(folder / "c.csv.gz", folder / "a.tsv", folder / "b.csv") == ["C\nx", "A\nx", "B\nx"]


@pytest.mark.parametrize(
    ("path", "said"), [("none.csv", "no such file"), ("empty", "holds no table"), ("n.zip", "only .*notes.md")]
)
def test_nothing_to_read_is_told(tmp_path: Path, path: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    archive(tmp_path / "n.zip", {"notes.md": b"x"})
    assert re.search(said, refused(tmp_path / path))


# One result


def test_tables_with_columns_in_another_order_and_other_separators_make_one(tmp_path: Path, tiny_model: str) -> None:
    rows = patents(9)
    write_csv(tmp_path / "1.csv", rows[:3])
    write_csv(tmp_path / "2.csv", [dict(reversed(each.items())) for each in rows[3:6]], ";")
    write_csv(tmp_path / "3.tsv", rows[6:], "\t")
    whole = write_csv(tmp_path / "whole" / "in.csv" if (tmp_path / "whole").mkdir() is None else tmp_path, rows)
    ipclass(
        "classify", tmp_path / "1.csv", tmp_path / "2.csv", tmp_path / "3.tsv", "-o", tmp_path / "out.csv", "-m", tiny_model
    )
    ipclass("classify", whole, "-o", tmp_path / "one.csv", "-m", tiny_model)
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_bad_row_is_told_with_its_own_file_and_row(tmp_path: Path, tiny_model: str, jobs: str) -> None:
    for number in range(3):
        table = write_csv(tmp_path / f"{number}.csv", patents(4))
        with table.open("ab") as file:
            file.write(b"short\n")
    found = ipclass(
        *("classify", f"{tmp_path}/?.csv", "-o", tmp_path / "out.csv", "-m", tiny_model, "-j", jobs),
        *("--rejects", tmp_path / "rejects.csv"),
    )
    assert "15 rows read = 12 tagged + 3 rejected" in found.err
    told = [(Path(file).name, place) for file, place, _ in read_csv((tmp_path / "rejects.csv").read_bytes())[1:]]
    assert told == [("0.csv", "row 5"), ("1.csv", "row 5"), ("2.csv", "row 5")]


def test_json_lines_of_several_files_have_the_columns_of_all(tmp_path: Path, tiny_model: str) -> None:
    write_jsonl(tmp_path / "1.jsonl", [{"title": "A", "x": 1}])
    write_jsonl(tmp_path / "2.jsonl", [{"title": "B", "y": 2}])
    ipclass("classify", tmp_path / "1.jsonl", tmp_path / "2.jsonl", "-o", tmp_path / "out.csv", "-m", tiny_model)
    head, *rows = read_csv((tmp_path / "out.csv").read_bytes())
    assert (head[:3], [each[:3] for each in rows]) == (["title", "x", "y"], [["A", "1", ""], ["B", "", "2"]])


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (b"title,abstract\nA,B\n", b"title,text\nA,B\n", "lacks 'abstract'; has 'text'"),
        (b"title,abstract\nA,B\n", b"title,abstract,x\nA,B,C\n", "it has 'x'"),
    ],
)
def test_tables_of_other_columns_are_refused_with_the_difference(tmp_path: Path, one: bytes, other: bytes, said: str) -> None:
    (tmp_path / "1.csv").write_bytes(one)
    (tmp_path / "2.csv").write_bytes(other)
    found = refused(tmp_path)
    assert "2.csv: does not go with" in found
    assert said in found


def test_tables_of_other_types_and_kinds_are_refused(tmp_path: Path) -> None:
    frame = pl.DataFrame({"title": ["A"], "abstract": ["B"], "year": [1999]})
    frame.write_parquet(tmp_path / "1.parquet")
    frame.cast({"year": pl.String}).write_parquet(tmp_path / "2.parquet")
    frame.write_csv(tmp_path / "3.csv")
    frame.write_ndjson(tmp_path / "4.jsonl")
    assert "'year' is String here and Int64 there" in refused(tmp_path / "1.parquet", tmp_path / "2.parquet")
    assert "'year' is String here and Int64 there" in refused(tmp_path / "1.parquet", tmp_path / "3.csv")
    assert "one is JSON lines" in refused(tmp_path / "3.csv", tmp_path / "4.jsonl")
    assert texts(tmp_path / "2.parquet", tmp_path / "3.csv") == ["A\nB"] * 2


def test_an_interrupted_run_over_several_files_is_gone_on_with(
    tmp_path: Path, tiny_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from test_batch import interrupt

    from ipclass import batch

    for number in range(3):
        write_csv(tmp_path / f"{number}.csv", patents(20))
    tables = [str(tmp_path / f"{number}.csv") for number in range(3)]
    packed = archive(tmp_path / "all.zip", {f"{n}.csv": Path(table).read_bytes() for n, table in enumerate(tables)})
    interrupt(packed, tmp_path / "out.csv", tiny_model, monkeypatch, after=9)
    cut_at(monkeypatch, 500)

    def run(source: files.Source, target: Path, **options: bool) -> None:
        batch.run(source, str(target), batch.Job(source.layout, tiny_model, "strict", 0, "csv"), **options)  # type: ignore[arg-type]

    run(files.Source(str(packed)), tmp_path / "out.csv", resume=True)
    run(files.Source(tables), tmp_path / "whole.csv")
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


# Packed


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_packed_tables_go_in_and_out(tmp_path: Path, patents_csv: Path, tiny_model: str, ending: str) -> None:
    pack = gzip.compress if ending == "gz" else zstandard.compress
    packed = tmp_path / f"in.csv.{ending}"
    packed.write_bytes(pack(patents_csv.read_bytes()))
    ipclass("classify", packed, "-o", tmp_path / f"out.csv.{ending}", "-m", tiny_model)
    ipclass("classify", patents_csv, "-o", tmp_path / "out.csv", "-m", tiny_model)
    assert content(tmp_path / f"out.csv.{ending}") == (tmp_path / "out.csv").read_bytes()


@given(st.lists(st.binary(max_size=3000), max_size=5), st.integers(1, 5000))
def test_frames_of_zstd_one_behind_the_other_are_read_whole(
    tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], size: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv.zst"
    path.write_bytes(b"".join(map(zstandard.compress, parts)))
    assert content(path) == b"".join(parts)


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_a_packed_file_cut_off_anywhere_or_changed_is_refused_and_never_shorter(tmp_path: Path, ending: str) -> None:
    chance = random.Random(1)
    body = b"title,abstract\n" + b"".join(b"%d,%d\n" % (n, chance.getrandbits(60)) for n in range(3000))
    packed = gzip.compress(body) if ending == "gz" else zstandard.ZstdCompressor(write_checksum=True).compress(body)
    path = tmp_path / f"t.csv.{ending}"
    for _ in range(60):
        at = chance.randrange(1, len(packed))
        damaged = packed[:at] if chance.random() < 0.5 else packed[:at] + bytes([packed[at] ^ 0x55]) + packed[at + 1 :]
        path.write_bytes(damaged)
        with suppress(InputError):
            assert content(path) == body, at  # a change in a part that means nothing, as the time in the head of gzip


def test_a_member_of_an_archive_may_be_packed_itself(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"x.csv.gz": gzip.compress(row("A")), "y.csv.zst": zstandard.compress(row("B"))})
    assert texts(path) == ["A\nx", "B\nx"]


# What is not unpacked


@pytest.mark.parametrize("inside", ["../x.csv", "a/../../x.csv", "/etc/x.csv", "C:/x.csv", "C:\\x.csv", "..\\x.csv"])
def test_a_member_that_points_outside_is_refused(tmp_path: Path, inside: str) -> None:
    assert "points outside" in refused(archive(tmp_path / "a.zip", {"fine.csv": row("A"), inside: row("B")}))


@pytest.mark.parametrize("inside", ["a\ncsv", "\x1b[2Ja", "a\u2028"])
def test_a_name_that_would_steer_the_terminal_is_told_in_one_line(tmp_path: Path, inside: str) -> None:
    told = refused(archive(tmp_path / "a.zip", {inside: row("A")}))
    assert "holds no table; there is only" in told
    assert told.isprintable()


def test_a_name_that_only_resembles_one_that_points_outside_is_fine(tmp_path: Path) -> None:
    assert texts(archive(tmp_path / "a.zip", {"a..b/x.csv": row("A"), "..y.csv".lstrip("."): row("B")})) == ["A\nx", "B\nx"]


def test_an_archive_in_an_archive_is_refused(tmp_path: Path) -> None:
    inner = archive(tmp_path / "inner.zip", {"x.csv": row("A")}).read_bytes()
    assert "an archive in it" in refused(archive(tmp_path / "a.zip", {"inner.zip": inner}))


@pytest.fixture
def low_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "UNSUSPICIOUS", 1 << 20)


@pytest.mark.parametrize("ending", ["gz", "zst", "zip"])
@pytest.mark.usefixtures("low_limits")
def test_a_bomb_is_not_unpacked(tmp_path: Path, ending: str) -> None:
    body = row("A") + b"\n" * (8 << 20)
    path = tmp_path / f"bomb.csv.{ending}"
    if ending == "zip":
        archive(path, {"x.csv": body})
    else:
        path.write_bytes(gzip.compress(body, 9) if ending == "gz" else zstandard.compress(body, 19))
    assert "bomb" in refused(path)


@pytest.mark.usefixtures("low_limits")
def test_a_table_that_packs_as_well_as_tables_do_is_no_bomb(tmp_path: Path) -> None:
    body = b"title,abstract\n" + b"".join(b"%d,%s\n" % (n, b"The pump has a valve of that kind. " * 5) for n in range(20_000))
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(body))
    assert len(body) > 2 << 20
    assert len(texts(path)) == 20_000


def test_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    """The bomb without nesting: a small archive whose members overlap (Fifield 2019, "A better zip bomb")."""
    plain = archive(tmp_path / "a.zip", {"x.csv": row("A" * 500)}, zipfile.ZIP_STORED).read_bytes()
    start = plain.index(b"PK\x01\x02")
    end = plain.index(b"PK\x05\x06")
    directory = plain[start:end] * 50
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 50, 50, len(directory), start, 0)
    (tmp_path / "b.zip").write_bytes(plain[:start] + directory + tail)
    assert "more than it can hold" in refused(tmp_path / "b.zip")


def test_a_locked_member_is_told(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"x.csv": row("A")}, zipfile.ZIP_STORED)
    body = bytearray(path.read_bytes())
    for sign, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        body[body.index(sign) + place] |= 1
    path.write_bytes(body)
    assert "encrypted" in refused(path)


def test_parquet_and_workbooks_in_an_archive_are_refused_with_the_way_on(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    pl.DataFrame({"title": ["A"]}).write_parquet(buffer)
    assert "unpack it" in refused(archive(tmp_path / "a.zip", {"x.parquet": buffer.getvalue()}))
    book = excel.write({"a": Sheet(pl.DataFrame({"title": ["A"]}))})
    assert "unpack it" in refused(archive(tmp_path / "b.zip", {"x.xlsx": book}))


def test_an_archive_that_only_the_collector_of_garbage_finds_is_closed_too(tmp_path: Path) -> None:
    gc.freeze()  # what other tests have left is not looked at here
    (member,) = containers.find([str(archive(tmp_path / "a.zip", {"x.csv": b"title,abstract\nA,B\n"}))]).members
    circle: list[object] = [member, member.open()]
    circle.append(circle)
    del circle, member
    gc.collect()  # a file left open is a ResourceWarning, which fails the test
    gc.unfreeze()


# Workbooks


def test_a_workbook_is_read_by_its_first_sheet_or_the_one_named_and_blank_rows_are_none(tmp_path: Path) -> None:
    first = pl.DataFrame({"title": ["A", "", "B"], "abstract": ["x", "", "y"]})
    other = pl.DataFrame({"title": ["C"], "abstract": ["z"]})
    (tmp_path / "a.xlsx").write_bytes(excel.write({"one": Sheet(first), "two": Sheet(other)}))
    assert texts(tmp_path / "a.xlsx") == ["A\nx", "B\ny"]
    assert texts(tmp_path / "a.xlsx", sheet="two") == ["C\nz"]
    assert "there are: one, two" in refused(tmp_path / "a.xlsx", sheet="three")


def test_a_workbook_gives_the_tags_that_its_table_gives(tmp_path: Path, patents_csv: Path, tiny_model: str) -> None:
    (tmp_path / "in.xlsx").write_bytes(excel.write({"a": Sheet(pl.read_csv(patents_csv, infer_schema=False))}))
    for name in ("in.xlsx", patents_csv.name):
        assert ipclass("classify", tmp_path / name, "-o", tmp_path / f"{name}.csv", "-m", tiny_model).code == 0
    assert (tmp_path / "in.xlsx.csv").read_bytes() == (tmp_path / f"{patents_csv.name}.csv").read_bytes()


# Exports


@pytest.fixture
def boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A format of our own: a title a line, with bad ones that begin with an exclamation mark."""

    def recognise(name: str, head: bytes) -> str:
        return "boxes" if head.startswith(b"BOXES") else ""

    def read(format: str, inputs: Sequence[formats.Input], title_only: bool = False) -> Iterator[formats.Batch]:
        for each in inputs:
            with each.open() as stream:
                lines = stream.read().decode().splitlines()[1:]
            frame = pl.DataFrame({name: [""] * len(lines) for name in STANDARD}).with_columns(pl.Series("title", lines))
            good = frame.filter(~pl.col("title").str.starts_with("!"))
            bad = [line for line in lines if line.startswith("!")]
            yield formats.Batch(good, tuple(Reject(each.name, f"box {line[1:]}", "is empty") for line in bad))

    monkeypatch.setattr(formats, "NAMES", ("boxes",))
    monkeypatch.setattr(formats, "recognise", recognise)
    monkeypatch.setattr(formats, "read", read)


@pytest.mark.usefixtures("boxes")
def test_an_export_is_recognised_and_read_into_the_standard_columns(tmp_path: Path, tiny_model: str) -> None:
    (tmp_path / "1.csv").write_text("BOXES\nKite\n!7\nLoom\n", "utf-8")
    archive(tmp_path / "2.zip", {"x.txt": b"BOXES\nPan\n!8\n"})
    tables = [tmp_path / "1.csv", tmp_path / "2.zip"]
    found = ipclass("classify", *tables, "-o", tmp_path / "out.csv", "-m", tiny_model, "--rejects", tmp_path / "rejects.csv")
    assert "5 rows read = 3 tagged + 2 rejected" in found.err
    head, *rows = read_csv((tmp_path / "out.csv").read_bytes())
    assert tuple(head[: len(STANDARD)]) == STANDARD
    assert [each[head.index("title")] for each in rows] == ["Kite", "Loom", "Pan"]
    assert [each[1:] for each in read_csv((tmp_path / "rejects.csv").read_bytes())[1:]] == [
        ["box 7", "is empty"],
        ["box 8", "is empty"],
    ]
    stopped = ipclass("classify", *tables, "-o", tmp_path / "o.csv", "-m", tiny_model)
    assert stopped.code == 1
    assert "1.csv, box 7: is empty; classify --rejects" in stopped.err


@pytest.mark.usefixtures("boxes")
def test_an_export_comes_from_standard_input_too(tmp_path: Path, tiny_model: str) -> None:
    found = ipclass("classify", "-", "-m", tiny_model, stdin=b"BOXES\nKite\n")
    assert found.code == 0
    assert b"Kite" in found.out


@pytest.mark.usefixtures("boxes")
def test_a_named_format_wins_over_what_a_file_looks_like(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("BOXES,title\nKite,Loom\n", "utf-8")
    assert texts(tmp_path / "1.csv", format="csv") == ["Loom\n"]
    assert texts(tmp_path / "1.csv", format="boxes") == ["Kite,Loom\n"]
    assert "did you mean 'boxes'" in refused(tmp_path / "1.csv", format="boxen")


@pytest.mark.usefixtures("boxes")
def test_exports_and_tables_do_not_mix(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("BOXES\nKite\n", "utf-8")
    (tmp_path / "2.csv").write_bytes(row("A"))
    assert "is an export (boxes) and" in refused(tmp_path)


@pytest.mark.usefixtures("boxes")
def test_an_export_on_two_processes_is_the_same(tmp_path: Path, tiny_model: str) -> None:
    (tmp_path / "in.csv").write_text("BOXES\n" + "".join(f"Kite {n}\n" for n in range(50)), "utf-8")
    for jobs in ("1", "2"):
        assert ipclass("classify", tmp_path / "in.csv", "-o", tmp_path / f"{jobs}.csv", "-m", tiny_model, "-j", jobs).code == 0
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()
    assert len(read_csv((tmp_path / "1.csv").read_bytes())) == 51
