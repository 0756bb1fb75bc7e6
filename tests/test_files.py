from __future__ import annotations

import csv
import gzip
import io
import json
import re
import string
import zlib
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard
from conftest import cut_at, patents, write_csv, write_jsonl
from hypothesis import example, given
from hypothesis import strategies as st

from ipclass import blocks, files, parsing, rendering, writing
from ipclass.errors import InputError
from ipclass.files import Block, RowError, Source, format_of, parse
from ipclass.sources import TextTable

Cut = Callable[[int], None]


def read(path: Path, **options: Any) -> tuple[Source, list[Block]]:
    source = Source(str(path), **options)
    with closing(source.blocks()) as blocks:
        return source, [parse(block, source.layout) for block in blocks]


def cells(blocks: Sequence[Block]) -> list[list[Any]]:
    return [list(row) for block in blocks for row in (block.frame.rows() if block.frame is not None else ())]


def texts(blocks: Sequence[Block]) -> list[str]:
    return [text for block in blocks for text in block.texts]


def records(blocks: Sequence[Block]) -> list[dict[str, Any]]:
    return [record for block in blocks for record in block.records or ()]


def table(tmp_path: Path, content: str | bytes, name: str = "table.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def problem(path: Path, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        read(path, **options)
    return caught.value.problem if isinstance(caught.value, RowError) else str(caught.value)


def bad_row(path: Path, **options: Any) -> int:
    """Return the row of the table, from 1, that is said to be bad."""
    source = Source(str(path), **options)
    seen = 0
    for block in source.blocks():
        try:
            seen += len(parse(block, source.layout))
        except RowError as error:
            return seen + error.row
    return pytest.fail("no row is said to be bad")


# Columns


@pytest.mark.parametrize(
    ("header", "title", "abstract", "id"),
    [
        ("id,title,abstract", "title", "abstract", "id"),
        ("Publication Number,Title,Abstract", "Title", "Abstract", "Publication Number"),
        ("TITLE,ABSTRACT,Lens ID", "TITLE", "ABSTRACT", "Lens ID"),
        ("patent_id,patent_title,patent_abstract", "patent_title", "patent_abstract", "patent_id"),
        ("appln_id,appln_title,appln_abstract", "appln_title", "appln_abstract", "appln_id"),
        ("Title (English),Abstract (English),No", "Title (English)", "Abstract (English)", ""),
        ("subtitle,abstract", "", "abstract", ""),
        ("title,abstractor", "title", "", ""),
        ("\ufefftitle,abstract", "title", "abstract", ""),
    ],
)
def test_usual_column_names_are_found_and_those_that_only_resemble_them_are_not(
    tmp_path: Path, header: str, title: str, abstract: str, id: str
) -> None:
    layout = Source(str(table(tmp_path, f"{header}\n"))).layout
    assert (layout.title, layout.abstract, layout.id) == (title, abstract, id)


def test_named_columns_win_over_usual_ones(tmp_path: Path) -> None:
    path = table(tmp_path, "title,abstract,claim\nKite,Old,New\n")
    source, blocks = read(path, columns={"abstract": "claim"})
    assert (source.layout.title, source.layout.abstract) == ("title", "claim")
    assert texts(blocks) == ["Kite\nNew"]


def test_a_named_column_that_is_not_there_is_told_with_the_nearest(tmp_path: Path) -> None:
    said = problem(table(tmp_path, "title,abstract\nA,B\n"), columns={"abstract": "abstrct"})
    assert "table.csv" in said
    assert "no column 'abstrct'; did you mean 'abstract'?" in said


def test_a_table_without_title_and_abstract_is_refused_with_its_columns(tmp_path: Path) -> None:
    said = problem(table(tmp_path, "a,b\n1,2\n"))
    assert "no column for title or abstract" in said
    assert "a, b" in said


def test_a_title_alone_is_enough(tmp_path: Path) -> None:
    assert texts(read(table(tmp_path, "title,x\nKite,1\n"))[1]) == ["Kite\n"]


def test_a_column_named_twice_is_refused(tmp_path: Path) -> None:
    assert "names the column 'title' twice" in problem(table(tmp_path, "title,abstract,title\n1,2,3\n"))


# Formats


@pytest.mark.parametrize(
    ("name", "delimiter"), [("t.csv", ","), ("t.csv", ";"), ("t.csv", "\t"), ("t.csv", "|"), ("t.tsv", "\t"), ("t.txt", "\t")]
)
@pytest.mark.parametrize("packed", [False, True])
def test_text_tables_are_read_alike_whatever_the_separator_and_packing(
    tmp_path: Path, name: str, delimiter: str, packed: bool
) -> None:
    rows = [{**row, "abstract": f'{row["abstract"]}, "{delimiter}" and\nmore'} for row in patents(5)]
    path = write_csv(tmp_path / name, rows, delimiter)
    if packed:
        path = table(tmp_path, gzip.compress(path.read_bytes()), f"{name}.gz")
    source, blocks = read(path)
    assert source.layout.columns == tuple(rows[0])
    assert cells(blocks) == [list(row.values()) for row in rows]


def test_a_tsv_keeps_commas_and_a_csv_with_more_semicolons_keeps_commas(tmp_path: Path) -> None:
    assert cells(read(table(tmp_path, "title\tabstract\na, b, c\td\n", "t.tsv"))[1]) == [["a, b, c", "d"]]
    assert cells(read(table(tmp_path, "title;abstract;x\na, b, c;d;e\n"))[1]) == [["a, b, c", "d", "e"]]


def test_separators_within_quoted_column_names_do_not_decide(tmp_path: Path) -> None:
    path = table(tmp_path, '"title";"abstract";"owner, first, second, third"\nA;B;C\n')
    assert cells(read(path)[1]) == [["A", "B", "C"]]


def test_jsonl_keeps_nested_fields_and_their_types(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"title": "Kite", "abstract": "A kite.", "cpc": ["A63H27/08", "B64C31/06"], "n": 3, "x": 1.5, "ok": True},
        {"title": "Loom", "abstract": None, "owner": {"name": "Wëaver & Søn", "at": [1, {"a": None}]}},
    ]
    source, blocks = read(write_jsonl(tmp_path / "t.jsonl", rows))
    assert records(blocks) == rows
    assert texts(blocks) == ["Kite\nA kite.", "Loom\n"]
    written = files.as_lines(blocks[0], [{"n2": 1}, {"n2": 2}]).decode().splitlines()
    assert [json.loads(line) for line in written] == [{**row, "n2": n} for n, row in enumerate(rows, start=1)]
    assert source.layout.columns == ()


@pytest.mark.parametrize("name", ["t.jsonl", "t.ndjson", "t.json"])
def test_jsonl_reads_crlf_bom_and_blank_lines(tmp_path: Path, name: str) -> None:
    path = table(tmp_path, b'\xef\xbb\xbf{"title": "A"}\r\n\r\n  \n{"title": "B"}', name)
    assert texts(read(path)[1]) == ["A\n", "B\n"]


def test_parquet_is_read_with_its_types_in_order_and_nulls_are_empty_texts(tmp_path: Path, cut: Cut) -> None:
    frame = pl.DataFrame({"title": ["A", None, "C"], "abstract": ["x", "y\nz", None], "year": [1999, 2000, None]})
    frame.write_parquet(tmp_path / "t.parquet")
    for size in (100, 10_000):
        cut(size)
        _, blocks = read(tmp_path / "t.parquet")
        assert len(blocks) == (3 if size == 100 else 1)
        assert texts(blocks) == ["A\nx", "\ny z", "C\n"]
        assert pl.concat([block.frame for block in blocks if block.frame is not None]).equals(frame)


def test_parquet_with_lists_for_texts_is_an_input_error(tmp_path: Path) -> None:
    pl.DataFrame({"title": [["A", "B"]], "abstract": [["x"]]}).write_parquet(tmp_path / "t.parquet")
    assert "abstract" in problem(tmp_path / "t.parquet") or "title" in problem(tmp_path / "t.parquet")


@pytest.mark.parametrize(
    ("path", "named", "format"),
    [
        ("a.csv", None, "csv"),
        ("A.CSV", None, "csv"),
        ("a.b.tsv.gz", None, "tsv"),
        ("a.pq", None, "parquet"),
        ("a.dat", "jsonl", "jsonl"),
        ("a.csv", "tsv", "tsv"),
        ("-", None, "csv"),
    ],
)
def test_the_format_is_told_by_name_else_by_ending(path: str, named: str | None, format: str) -> None:
    assert format_of(path, named) == format


@pytest.mark.parametrize(("path", "named"), [("a.docx", None), ("a", None), ("a.gz", None), ("a.csv", "xml"), ("csv", None)])
def test_an_unknown_format_is_refused_with_the_known_ones(path: str, named: str | None) -> None:
    with pytest.raises(InputError, match="parquet"):
        format_of(path, named)


def test_a_byte_order_mark_and_crlf_leave_no_trace(tmp_path: Path, cut: Cut) -> None:
    path = table(tmp_path, b"\xef\xbb\xbftitle,abstract\r\nA,B\r\nC,\r\n\r\nE,F")
    for size in (5, 1000):
        cut(size)
        source, blocks = read(path)
        assert source.layout.columns == ("title", "abstract")
        assert cells(blocks) == [["A", "B"], ["C", ""], ["E", "F"]]


def test_a_quoted_header_is_read(tmp_path: Path) -> None:
    source, blocks = read(table(tmp_path, '"title","abstract, ""short"""\nA,B\n'), columns={"abstract": 'abstract, "short"'})
    assert source.layout.columns == ("title", 'abstract, "short"')
    assert texts(blocks) == ["A\nB"]


def test_a_header_over_several_lines_is_read_or_refused_and_never_misread(tmp_path: Path) -> None:
    path = table(tmp_path, 'title,abstract,"owner\n(first)"\nA,B,C\n')
    try:
        source, blocks = read(path)
    except InputError:
        return
    assert (source.layout.columns, cells(blocks)) == (("title", "abstract", "owner\n(first)"), [["A", "B", "C"]])


def test_a_table_is_closed_whenever_it_is_not_being_read(tmp_path: Path) -> None:
    for path in (write_csv(tmp_path / "t.csv", patents(3)), write_jsonl(tmp_path / "t.jsonl", patents(3))):
        source = Source(str(path))
        table = source._tables[0]
        assert isinstance(table, TextTable)
        assert table._stream.closed
        blocks = source.blocks()
        next(blocks)
        assert not table._stream.closed
        blocks.close()
        assert table._stream.closed
        assert sum(map(len, source.read())) == 3
        assert table._stream.closed


# Rows


def test_line_feeds_and_quotes_within_fields_are_kept(tmp_path: Path) -> None:
    path = table(tmp_path, 'title,abstract\n"A ""big"" kite","one\ntwo\r\n\nthree, four"\n"",x\n')
    _, blocks = read(path)
    assert cells(blocks) == [['A "big" kite', "one\ntwo\r\n\nthree, four"], ["", "x"]]
    assert [text.count("\n") for text in texts(blocks)] == [1, 1]


@pytest.mark.parametrize(
    "content",
    [
        'title,abstract\n5" pipe,long\nB,C\n',
        'title,abstract\nA,a 5" pipe\nB,C\n',
        'title,abstract\nA,a 5" pipe\nB,a 6" pipe\nC,D\n',
        'abstract\na 5" pipe\na 6" pipe\n',
        'title,abstract\nA 5" pipe,"one\ntwo"\nB,"three\nfour"\nC,D\n',
        'title,abstract\nA,5"\nB,"x, y"\nC,6" and 7"\n',
        'title,abstract\n5",\nB,"x\ny"\n',
    ],
)
@pytest.mark.parametrize("size", [1, 7, 20, 10_000])
def test_a_stray_quote_inside_an_unquoted_field_is_a_character_like_any_other(
    tmp_path: Path, cut: Cut, content: str, size: int
) -> None:
    path = table(tmp_path, content)
    cut(size)
    assert cells(read(path)[1]) == list(csv.reader(io.StringIO(content, newline="")))[1:]


def test_behind_a_stray_quote_blocks_are_still_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a whole file would become one block, searched again and again as it grows."""
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 5_000)
    rows = ["title,abstract", 'A 5" pipe,x', *("B,some text" for _ in range(20_000))]
    path = table(tmp_path, "\n".join(rows) + "\n")
    assert sum(map(len, read(path)[1])) == 20_001
    assert (
        max(len(block.content) for block in files.Source(str(path)).blocks() if isinstance(block.content, bytes)) < 100_000
    )  # the header is read in larger steps


def test_blank_lines_are_no_rows(tmp_path: Path, cut: Cut) -> None:
    path = table(tmp_path, "title,abstract\n\nA,B\n\n\nC,D\n\n")
    for size in (1, 10_000):
        cut(size)
        assert cells(read(path)[1]) == [["A", "B"], ["C", "D"]]


def test_a_row_of_nothing_but_separators_is_a_row(tmp_path: Path) -> None:
    assert cells(read(table(tmp_path, "title,abstract,x\n,,\nA,B,C\n"))[1]) == [["", "", ""], ["A", "B", "C"]]


@pytest.mark.parametrize(
    ("content", "row", "fields"),
    [
        ("title,abstract,x\nA,B,C\nD,E\nF,G,H\n", 2, 2),
        ("title,abstract,x\nA,B,C\nD\n", 2, 1),
        ("title,abstract,x\nA,B,C\n\nD,E,F,G\n", 2, 4),
        ('title,abstract,x\n"A\nA",B,C\n"D\nD",E,F\nG,H\n', 3, 2),
        ("title,abstract,x\nA,B,\nC,D\n", 2, 2),
        ("title,abstract,x\nA,B,C,\n", 1, 4),
    ],
)
@pytest.mark.parametrize("size", [4, 10_000])
def test_a_short_or_long_row_is_named_by_its_number(
    tmp_path: Path, cut: Cut, content: str, row: int, fields: int, size: int
) -> None:
    path = table(tmp_path, content)
    cut(size)
    assert bad_row(path) == row
    assert f"has {fields} fields where the header has 3" in problem(path)


@pytest.mark.parametrize("start", ["x^2", "x\x01", "\x1f", "PK\x03\x04", "BZh9"])
@pytest.mark.parametrize("size", [16, 10_000])
def test_rows_that_begin_as_packed_files_do_are_rows(tmp_path: Path, cut: Cut, start: str, size: int) -> None:
    path = table(tmp_path, "title,abstract\n" + f"{start} filter,It filters.\n" * 9)
    cut(size)
    assert texts(read(path)[1]) == [f"{start} filter\nIt filters."] * 9


@pytest.mark.parametrize("pack", [zlib.compress, gzip.compress, zstandard.compress])
def test_what_is_packed_within_a_table_is_not_unpacked(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = table(tmp_path, b"title,abstract\nKite,It flies.\n" + pack(b"Bomb,It grows.\n" * 1000) + b"\nPump,It pumps.\n")
    for size in (1, 10_000):
        with pytest.MonkeyPatch.context() as patch:
            cut_at(patch, size)
            found = [parsing.sift(raw, Source(str(path)).layout) for raw in Source(str(path)).blocks()]
            told = [text for block in found for text in block.texts]
            assert (told[0], told[-1]) == ("Kite\nIt flies.", "Pump\nIt pumps.")
            assert "Bomb\nIt grows." not in told
            assert any(block.bad for block in found)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_short_row_and_a_separator_too_many_at_the_end_do_not_make_up_for_each_other(tmp_path: Path, end: str) -> None:
    path = table(tmp_path, f"title,abstract\nKite,It flies.\nLoom\nPump,It pumps.,{end}")
    block = next(iter(Source(str(path)).blocks()))
    found = parsing.sift(block, Source(str(path)).layout)
    assert found.texts == ["Kite\nIt flies."]
    assert [(bad.row, bad.problem[:12]) for bad in found.bad] == [(2, "has 1 fields"), (3, "has 3 fields")]


@pytest.mark.parametrize("size", [4, 10_000])
def test_a_quote_that_never_closes_is_named_by_its_row(tmp_path: Path, cut: Cut, size: int) -> None:
    path = table(tmp_path, 'title,abstract\nA,B\nC,"D\nE,F\nG,H\n')
    cut(size)
    assert bad_row(path) == 2
    assert "quotation mark missing" in problem(path)


def test_text_behind_a_closing_quote_is_read_as_csv_says_or_refused_with_its_row(tmp_path: Path) -> None:
    path = table(tmp_path, 'title,abstract\nA,B\nC,"D" E\nF,G\n')
    assert bad_row(path) == 2


# Encodings


def test_a_wrong_encoding_is_named_with_byte_row_and_option(tmp_path: Path) -> None:
    path = table(tmp_path, "title,abstract\nA,B\nC,Drachenschwänze\n".encode("latin-1"))
    assert bad_row(path) == 2
    said = problem(path)
    assert "byte 0xe4 is not utf-8" in said
    assert "--encoding" in said


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_wrong_encoding_behind_fields_of_several_lines_and_blank_lines_is_named_with_its_row(
    tmp_path: Path, encoding: str
) -> None:
    path = table(tmp_path, 'title,abstract\n"A\nA","B\nB"\n\nC,Drachenschwänze\n'.encode("latin-1"))
    assert bad_row(path, encoding=encoding) == 2


def test_a_wrong_encoding_in_the_header_is_told_as_such(tmp_path: Path) -> None:
    said = problem(table(tmp_path, "title,abstract,pfändung\n".encode("latin-1")))
    assert "header" in said
    assert "0xe4" in said


@pytest.mark.parametrize(("encoding", "word"), [("latin-1", "Drachenschwänze"), ("cp1252", "“kite” – €"), ("gb18030", "风筝")])
@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
def test_a_named_encoding_is_read(tmp_path: Path, encoding: str, word: str, name: str) -> None:
    content = (
        f"title,abstract\nA,{word}\n" if name == "t.csv" else json.dumps({"title": "A", "abstract": word}, ensure_ascii=False)
    )
    path = table(tmp_path, content.encode(encoding), name)
    assert texts(read(path, encoding=encoding)[1]) == [f"A\n{word}"]


def test_latin_1_read_as_something_else_is_not_silently_right(tmp_path: Path) -> None:
    path = table(tmp_path, "title,abstract\nA,Drachenschwänze\n".encode("latin-1"))
    assert texts(read(path, encoding="latin-1")[1]) != texts(read(path, encoding="cp437")[1])


def test_an_unknown_encoding_is_refused(tmp_path: Path) -> None:
    assert "no encoding 'utf-9'" in problem(table(tmp_path, "title\nA\n"), encoding="utf-9")


@pytest.mark.parametrize("encoding", ["utf-16", "utf_16", "UTF-16LE", "u16", "utf-32", "utf-32-be"])
@pytest.mark.parametrize("size", [1, 10_000])
def test_encodings_that_have_line_feeds_within_characters_are_read_by_any_name(
    tmp_path: Path, cut: Cut, encoding: str, size: int
) -> None:
    content = 'title,abstract\n"A\nĊ",風\nB,Drachenschwänze\n'  # Ċ is 010A
    path = table(tmp_path, content.encode(encoding))
    cut(size)
    assert cells(read(path, encoding=encoding)[1]) == [["A\nĊ", "風"], ["B", "Drachenschwänze"]]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
def test_a_byte_order_mark_tells_the_encoding(tmp_path: Path, encoding: str, name: str) -> None:
    content = "title,abstract\nA,風\n" if name == "t.csv" else '{"title": "A", "abstract": "風"}\n'
    assert texts(read(table(tmp_path, content.encode(encoding), name))[1]) == ["A\n風"]


def test_half_a_character_of_utf_16_is_a_bad_row_and_not_another_character(tmp_path: Path) -> None:
    content = "title,abstract\nA,B\nC,".encode("utf-16-le") + b"\x00\xd8" + "D\nE,F\n".encode("utf-16-le")
    assert bad_row(table(tmp_path, content), encoding="utf-16-le") == 2


def test_utf_16_without_a_mark_is_refused_with_the_way_to_name_it(tmp_path: Path) -> None:
    assert "--encoding utf-16" in problem(table(tmp_path, "title,abstract\nA,B\n".encode("utf-16-le")))


def test_lines_that_end_in_cr_alone_are_read(tmp_path: Path) -> None:
    path = table(tmp_path, b'title,abstract\rA,B\r"C, D",E\r')
    assert cells(read(path)[1]) == [["A", "B"], ["C, D", "E"]]


# What is no table


@pytest.mark.parametrize("content", [b"", b"\n\n", b"  \n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    assert "empty" in problem(table(tmp_path, content))


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
def test_a_table_without_rows_has_no_documents(tmp_path: Path, name: str) -> None:
    _, blocks = read(table(tmp_path, "title,abstract\n" if name == "t.csv" else "", name))
    assert texts(blocks) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("photo.csv", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"),
        ("page.csv", b"<!DOCTYPE html>\n<html><body>title</body></html>\n"),
        ("minified.csv", b"[" + b'{"a":"b"};' * 30_000 + b"]"),
        ("oneline.csv", b"x" * 300_000),
        ("kite.parquet", b"title,abstract\nA,B\n"),
        ("cut.parquet", b"PAR1"),
        ("empty.parquet", b""),
        ("plain.csv.gz", b"title,abstract\nA,B\n"),
        ("cut.csv.gz", gzip.compress(b"title,abstract\n" + b"A,B\n" * 9, mtime=0)[:-12]),
        ("list.jsonl", b"[1, 2]\n"),
        ("table.jsonl", b"title,abstract\nA,B\n"),
        ("text.jsonl", b'"title"\n'),
        ("deep.jsonl", b'{"title": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"),
    ],
)
def test_what_is_no_table_is_an_input_error_of_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    said = problem(table(tmp_path, content, name))
    assert "\n" not in said
    assert len(said) < 500


def test_a_missing_file_and_an_empty_folder_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    assert "no such file" in problem(tmp_path / "none.csv")
    assert "holds no table" in problem(tmp_path / "folder.csv")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"title": "C"', "is not JSON"),
        ("7", "is a int"),
        ('{"name": "C"}', "no text"),
        ('{"title": "\udc80"}', "byte 0x80 is not utf-8"),
    ],
)
@pytest.mark.parametrize("size", [5, 10_000])
def test_a_broken_json_line_is_named_by_its_row(tmp_path: Path, cut: Cut, line: str, said: str, size: int) -> None:
    content = f'{{"title": "A"}}\n\n{{"title": "B"}}\n{line}\n{{"title": "D"}}\n'
    path = table(tmp_path, content.encode("utf-8", "surrogateescape"), "t.jsonl")
    cut(size)
    assert bad_row(path) == 3
    assert said in problem(path)


def test_a_json_line_without_the_named_field_is_an_error_and_one_that_is_null_is_not(tmp_path: Path) -> None:
    path = table(tmp_path, '{"t": null, "abstract": "A"}\n{"abstract": "B"}\n', "t.jsonl")
    assert bad_row(path, columns={"title": "t"}) == 2
    assert "no field 't'" in problem(path, columns={"title": "t"})


# JSON lines to a table


def as_csv(path: Path) -> bytes:
    source = Source(str(path))
    source.learn_columns()
    with closing(source.blocks()) as raw:
        blocks = [parse(block, source.layout) for block in raw]
    return b"".join(files.as_table(block, pl.DataFrame({"n": [0] * len(block)}), source.layout, "csv") for block in blocks)


def test_json_lines_become_a_table_with_all_early_fields(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"title": "A", "cpc": ["x", "y"]}, {"title": "B", "year": 1999}]
    source = Source(str(write_jsonl(tmp_path / "t.jsonl", rows)))
    source.learn_columns()
    assert source.layout.columns == ("title", "cpc", "year")
    written = list(csv.reader(io.StringIO(as_csv(tmp_path / "t.jsonl").decode())))
    assert written == [["A", '["x", "y"]', "", "0"], ["B", "", "1999", "0"]]


def test_a_field_that_comes_late_in_json_lines_is_an_error_and_not_dropped(tmp_path: Path, cut: Cut) -> None:
    rows: list[dict[str, Any]] = [*({"title": f"Kite {n}"} for n in range(30)), {"title": "Loom", "late": 1}]
    path = write_jsonl(tmp_path / "t.jsonl", rows)
    cut(100)
    with pytest.raises(RowError) as caught:
        as_csv(path)
    assert "the field 'late', which the first rows had not" in caught.value.problem


def test_latin_1_json_lines_become_a_table_too(tmp_path: Path) -> None:
    path = table(tmp_path, '{"title": "Drachenschwänze"}\n'.encode("latin-1"), "t.jsonl")
    source = Source(str(path), encoding="latin-1")
    source.learn_columns()
    assert source.layout.columns == ("title",)


# Any table, whatever the block

ANY = st.text(st.characters(codec="utf-8"), max_size=12)
AWKWARD = st.text(st.sampled_from(list('",\n\r;\t \ufeffaé風')), max_size=8)
FIELD = ANY | AWKWARD


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    width = draw(st.integers(1, 4))
    return draw(st.lists(st.lists(FIELD, min_size=width, max_size=width), max_size=8))


def dumped(rows: Sequence[Sequence[str]], **dialect: Any) -> bytes:
    buffer = io.StringIO()
    if any("\r" in field for row in rows for field in row):
        dialect["quoting"] = csv.QUOTE_ALL  # before Python 3.13 csv leaves a bare CR unquoted, which nobody can read back
    csv.writer(buffer, **dialect).writerows(rows)
    return buffer.getvalue().encode()


NAMES = ["title", "abstract", "id", "x"]


@given(
    tables(),
    st.integers(1, 60),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@example([["a\n", '"'], ['"\n"', "\n"]], 1, ",", "\n", csv.QUOTE_MINIMAL)
@example([["\ufeff", "a"], ["\ufeffb", "c"]], 3, ",", "\n", csv.QUOTE_MINIMAL)
@example([["\r", ""], ["", "\r\n"]], 3, ",", "\r\n", csv.QUOTE_MINIMAL)
@example([["", ""]], 1, "\t", "\n", csv.QUOTE_MINIMAL)
@example([[" "]], 1, ",", "\n", csv.QUOTE_MINIMAL)
def test_any_table_that_csv_writes_is_read_cell_by_cell_whatever_the_block_size(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], size: int, delimiter: str, end: str, quoting: Any
) -> None:
    width = len(rows[0]) if rows else 2
    if width == 1 and delimiter != ",":
        delimiter = ","  # nothing in the header could tell
    content = dumped([NAMES[:width], *rows], delimiter=delimiter, lineterminator=end, quoting=quoting)
    path = table(tmp_path_factory.getbasetemp(), content, "any.csv")
    with pytest.MonkeyPatch.context() as patch:
        cut_at(patch, size)
        assert cells(read(path)[1]) == rows
    assert cells(read(path)[1]) == rows


@given(tables(), st.integers(1, 40))
def test_a_block_never_ends_inside_a_quoted_field(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], size: int
) -> None:
    width = len(rows[0]) if rows else 1
    path = table(tmp_path_factory.getbasetemp(), dumped([NAMES[:width], *rows]), "cut.csv")
    with pytest.MonkeyPatch.context() as patch:
        cut_at(patch, size)
        pieces = [block.content for block in Source(str(path)).blocks() if isinstance(block.content, bytes)]
    assert b"".join(pieces).rstrip() == dumped(rows).rstrip()
    assert [row for block in pieces for row in csv.reader(io.StringIO(block.decode(), newline=""), strict=True) if row] == rows


# What people write by hand: quotes anywhere, not only where a writer puts them.
LOOSE = st.text(st.sampled_from(list('"ab ')), min_size=1, max_size=5).filter(lambda field: not field.startswith('"'))
PROPER = st.text(st.sampled_from(list('"a,\n')), max_size=5).map(lambda text: '"' + text.replace('"', '""') + '"')


@given(st.lists(st.tuples(LOOSE | PROPER, LOOSE | PROPER), min_size=1, max_size=6), st.integers(1, 30))
def test_fields_with_quotes_in_their_midst_are_read_as_csv_reads_them_whatever_the_block_size(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], size: int
) -> None:
    content = "".join(f"{one},{two}\n" for one, two in [("title", "abstract"), *rows])
    path = table(tmp_path_factory.getbasetemp(), content, "loose.csv")
    expected = list(csv.reader(io.StringIO(content, newline="")))[1:]
    with pytest.MonkeyPatch.context() as patch:
        cut_at(patch, size)
        assert cells(read(path)[1]) == expected


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False) | ANY,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY, inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(ANY, JSON_VALUES, max_size=3), max_size=6), st.integers(1, 60), st.booleans())
def test_any_json_lines_are_read_value_by_value_whatever_the_block_size(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], size: int, ascii: bool
) -> None:
    rows = [{**row, "title": "Kite"} for row in rows]
    content = "".join(json.dumps(row, ensure_ascii=ascii) + "\n" for row in rows)
    path = table(tmp_path_factory.getbasetemp(), content, "any.jsonl")
    with pytest.MonkeyPatch.context() as patch:
        cut_at(patch, size)
        _, blocks = read(path, columns={"title": "title", "abstract": "title"})
    assert records(blocks) == rows
    assert len(texts(blocks)) == len(rows)


@given(
    st.binary(max_size=200), st.integers(1, 60), st.sampled_from(["any.csv", "any.tsv", "any.jsonl", "any.csv.gz", "any.pq"])
)
@example(b"title,abstract\n\x00,\xff\n", 10, "any.csv")
@example(b'title\n"\n', 10, "any.csv")
def test_any_bytes_are_read_or_refused_as_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, size: int, name: str
) -> None:
    path = table(tmp_path_factory.getbasetemp(), content, name)
    with pytest.MonkeyPatch.context() as patch:
        cut_at(patch, size)
        with suppress(InputError):
            read(path)


@given(tables())
def test_what_is_written_as_a_table_is_what_csv_reads(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    width = len(rows[0]) if rows else 2
    path = table(tmp_path_factory.getbasetemp(), dumped([NAMES[:width], *rows]), "out.csv")
    source, blocks = read(path)
    for format in ("csv", "tsv"):
        delimiter = files.separator_of(format)
        added = [pl.DataFrame({"n": pl.Series(range(len(block)), dtype=pl.Int64)}) for block in blocks]
        parts = [files.as_table(b, a, source.layout, format, raw=True) for b, a in zip(blocks, added, strict=True)]
        written = list(csv.reader(io.StringIO(b"".join(parts).decode(), newline=""), delimiter=delimiter))
        assert [row[:-1] for row in written] == rows


@given(st.lists(st.text(string.printable, min_size=1, max_size=6), min_size=1, max_size=4, unique=True))
def test_a_header_that_is_written_is_what_csv_reads(names: list[str]) -> None:
    assert next(csv.reader(io.StringIO(files.header(names, "csv", raw=True).decode(), newline=""))) == names


CELLS = st.text(st.sampled_from(list("=+-@\t\r\n5.,e%a '")), max_size=6)


@given(st.lists(CELLS, min_size=1, max_size=8))
def test_no_text_of_a_written_table_is_taken_for_a_formula_and_numbers_are_as_they_were(texts: list[str]) -> None:
    frame = rendering.guarded(pl.DataFrame({"x": texts, "n": [-1] * len(texts)}))
    for before, after in zip(texts, frame["x"].to_list(), strict=True):
        assert after in (before, f"'{before}")
        assert after == before or before.startswith(writing.FORMULA)
        if after.startswith(writing.FORMULA):
            assert re.fullmatch(r"[-+]*|[-+]?[\d.,]+([eE][-+]?\d+)?\s?%?", after)
        if re.fullmatch(r"[-+]?\d+(\.\d+)?", before):
            assert after == before
    assert frame["n"].to_list() == [-1] * len(texts)


@pytest.mark.parametrize(
    "text", ["=1", "=", "@SUM(A1)", "+A1", "-A1", "-1+1", "\t=1", "\r=1", "+49 30 1234", "-1-1", "--x", "=-1"]
)
def test_what_a_spreadsheet_would_work_out_gets_an_apostrophe(text: str) -> None:
    assert rendering.guarded(pl.DataFrame({"x": [text]}))["x"].to_list() == [f"'{text}"]


@pytest.mark.parametrize("text", ["-5", "+5", "-5.25", "-1.234,56", "-1e-5", "-5 %", "-", "--", "+", "5-3", "a=b", "", "'=1"])
def test_numbers_and_lone_signs_and_what_begins_otherwise_are_left_alone(text: str) -> None:
    assert rendering.guarded(pl.DataFrame({"x": [text]}))["x"].to_list() == [text]


def test_what_changes_between_the_cut_and_the_reading_is_told(tmp_path: Path) -> None:
    short = table(tmp_path, "id,title,abstract\n")
    with pytest.raises(InputError, match="became shorter while it was read"):
        blocks.Range(str(short), 4, 100).read()
    with pytest.raises(InputError, match="not a Parquet table"):
        blocks.Slice(str(short), 0, 5).read()


def test_a_block_for_another_machine_carries_its_rows(tmp_path: Path) -> None:
    frame = pl.DataFrame({"title": ["Kite", "Loom", "Ladle"], "abstract": ["a", "b", "c"]})
    frame.write_parquet(tmp_path / "in.parquet")
    (block,) = Source(str(tmp_path / "in.parquet")).blocks(places=True)
    assert isinstance(block.content, blocks.Slice)
    assert isinstance(block.carried().content, pl.DataFrame)
    assert block.carried().content.equals(frame)
    assert block.carried().carried().content.equals(frame)


def test_a_carriage_return_in_the_header_and_utf16_without_its_mark_are_told(tmp_path: Path) -> None:
    assert "header: has a CR in its midst" in problem(table(tmp_path, "title,abstract\rKite,It flies\n"))
    unmarked = table(tmp_path, "title,abstract\nKite,It flies\n".encode("utf-16-le"), "b.csv")
    assert "name utf-16-le or utf-16-be with --encoding" in problem(unmarked, encoding="utf-16")
