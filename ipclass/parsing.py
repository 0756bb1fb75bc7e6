"""What is in a block: its rows, their texts, and the rows that cannot be read, each with the reason.

A block that is as it should be is read by polars; any other one slowly, row by row, so that only what is broken is lost.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, cast

import polars as pl
from polars.exceptions import PolarsError

from ipclass.blocks import LARGEST_ROW, Bad, Range, RawBlock, Slice, well_quoted
from ipclass.errors import InputError, choices
from ipclass.layout import Layout, find_column
from ipclass.records import join_fields

SET_APART = "set the new ones apart with --prefix"

_PACKED = (b"x\x01", b"x^", b"x\x9c", b"x\xda", b"\x1f\x8b", b"\x28\xb5\x2f\xfd")
"""How what is packed by zlib, gzip or zstd begins: polars would unpack rows that do, or fail, as it would drop a mark of the
byte order. Within a table they are rows like any other: a title may begin with x^2."""

_HALF = re.compile("[\ud800-\udfff]")
_UNDECODABLE = re.compile("[\udc00-\udcff]")


@dataclass(frozen=True)
class Block:
    """Some rows of a table, read. Of ``frame`` and ``records`` one is given: the rows as they came, without the bad ones."""

    texts: list[str]
    frame: pl.DataFrame | None = None
    records: list[dict[str, Any]] | None = None
    bad: tuple[Bad, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)


class RowError(InputError):
    """A row that cannot be read; ``row`` counts from 1 within its block."""

    def __init__(self, row: int, problem: str) -> None:
        super().__init__(row, problem)
        self.row = row
        self.problem = problem


def parse(raw: RawBlock, layout: Layout) -> Block:
    """Return what is in a block.

    Raises:
        RowError: A row cannot be read.
    """
    block = sift(raw, layout)
    if block.bad:
        raise RowError(block.bad[0].row, block.bad[0].problem)
    return block


def sift(raw: RawBlock, layout: Layout, taken: frozenset[str] = frozenset()) -> Block:
    """Return what can be read of a block, in the columns of ``layout``, and what cannot.

    The names in ``taken`` are wanted for something else: a JSON object must not have them.
    """
    content = raw.content.read() if isinstance(raw.content, Range | Slice) else raw.content
    if isinstance(content, pl.DataFrame):
        block = _framed(content, layout)
    elif layout.format == "jsonl":
        block = _parse_lines(content, raw.layout.encoding, layout, taken)
    else:
        frame, bad = _parse_rows(content, raw.layout)
        block = replace(_framed(frame, layout), bad=tuple(bad))
    if raw.bad:
        before = len(raw.bad)
        block = replace(block, bad=(*raw.bad, *(Bad(bad.row + before, bad.problem) for bad in block.bad)))
    return block


def _framed(frame: pl.DataFrame, layout: Layout) -> Block:
    def column(name: str) -> pl.Expr:
        text = pl.col(name).cast(pl.String).fill_null("") if name else pl.lit("")
        return text.str.replace_all("\n", " ", literal=True)

    if tuple(frame.columns) != layout.columns:
        frame = frame.select(layout.columns)
    texts = frame.select((column(layout.title) + "\n" + column(layout.abstract)).alias("text"))
    return Block(texts.to_series().to_list() if frame.height else [], frame=frame)


# Text tables


def _parse_rows(block: bytes, layout: Layout) -> tuple[pl.DataFrame, Sequence[Bad]]:
    frame = (
        _parse_fast(block, layout) if block.strip(b"\r\n") else pl.DataFrame(schema=dict.fromkeys(layout.columns, pl.String))
    )
    return (frame, ()) if frame is not None else _parse_carefully(block, layout)


def _parse_fast(block: bytes, layout: Layout) -> pl.DataFrame | None:
    """Return the rows, or nothing where polars might take them for something else than they are."""
    try:
        rows = block if layout.encoding == "utf-8" else block.decode(layout.encoding).encode()
    except UnicodeError:
        return None
    if rows.startswith((codecs.BOM_UTF8, *_PACKED)):
        return None
    if not well_quoted(rows, layout.separator):
        return None
    if not rows.endswith(b"\n"):  # polars overlooks a separator too many at the very end
        rows += b"\n"
    try:
        frame = pl.read_csv(
            rows,
            has_header=False,
            new_columns=list(layout.columns),
            schema=dict.fromkeys(layout.columns, pl.String),
            separator=layout.separator,
            empty_string_is_null=False,
        )
    except PolarsError:
        return None
    doubtful = frame.height and (frame[:, -1] == "").any() and not _full_rows(rows, frame, layout)
    return None if doubtful else frame


def _full_rows(rows: bytes, frame: pl.DataFrame, layout: Layout) -> bool:
    """Say whether each row has all its fields: polars fills up short ones."""
    bare = b"".join(rows.split(b'"')[::2])  # what stands outside quotation marks
    return bare.count(layout.separator.encode()) == frame.height * (frame.width - 1) and frame.width > 1


def _parse_carefully(block: bytes, layout: Layout) -> tuple[pl.DataFrame, list[Bad]]:
    """Read a block slowly, by Python's ``csv``, which says what is wrong and where."""
    text = block.decode(layout.encoding, "ipclass-marked")
    suspect = _UNDECODABLE.search(text) is not None
    rows: list[list[str]] = []
    bad: list[Bad] = []
    for row in _rows(list(io.StringIO(text, newline="")), layout.separator, len(layout.columns)):
        problem = row if isinstance(row, str) else _undecoded("".join(row), layout.encoding) if suspect else ""
        if problem:
            bad.append(Bad(len(rows) + len(bad) + 1, problem))
        else:
            rows.append(cast(list[str], row))
    return pl.DataFrame(rows, schema=dict.fromkeys(layout.columns, pl.String), orient="row"), bad


def _marked(error: UnicodeError) -> tuple[str, int]:
    """Put a mark for each byte that cannot be decoded: half of a surrogate pair, which no text has."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error("ipclass-marked", _marked)


def _undecoded(text: str, encoding: str) -> str:
    """Return what is wrong with a text in which a byte was marked, or ""."""
    found = _UNDECODABLE.search(text)
    return _told_undecodable(ord(found[0]) - 0xDC00, encoding) if found else ""


def undecodable(error: UnicodeDecodeError) -> str:
    """Return what is wrong, and what to do."""
    return _told_undecodable(error.object[error.start], error.encoding)


def _told_undecodable(byte: int, encoding: str) -> str:
    return f"byte 0x{byte:02x} is not {encoding}; save the file as UTF-8, or name its encoding with --encoding"


def _rows(lines: Sequence[str], separator: str, width: int) -> Iterator[list[str] | str]:
    """Yield the rows in ``lines``; in the place of one that cannot be read what is wrong with it.

    Where a quotation mark is missing, reading goes on with the next line that begins a row of ``width`` fields.
    """
    at = 0
    while at < len(lines):
        start, reader = at, _reader(lines, at, separator)
        try:
            for row in reader:
                at = start + reader.line_num
                if row:
                    yield row if len(row) == width else _misfit(len(row), width)
        except csv.Error as error:
            loose = _loose_row(lines[at].rstrip("\r\n"), separator)
            yield loose if len(loose) == width else f"cannot be read: {error}; is a quotation mark missing?"
            at += 1
            while len(loose) != width and at < len(lines) and not _begins_row(lines, at, separator, width):
                at += 1


def _reader(lines: Sequence[str], at: int, separator: str) -> Any:
    csv.field_size_limit(2 * LARGEST_ROW)
    return csv.reader((lines[place] for place in range(at, len(lines))), delimiter=separator, strict=True)


def _misfit(fields: int, width: int) -> str:
    return f"has {fields} fields where the header has {width}; is a quotation mark or a separator missing?"


def _begins_row(lines: Sequence[str], at: int, separator: str, width: int) -> bool:
    try:
        return len(next(_reader(lines, at, separator))) == width
    except csv.Error:
        return False


def _loose_row(line: str, separator: str) -> list[str]:
    """Return the fields of a row of one line whose quoted fields have bare quotation marks in them; nothing if it is none.

    >>> _loose_row('1,"a "b" c",d', ","), _loose_row('1,"a b,c', ",")
    (['1', 'a "b" c', 'd'], [])
    """
    fields, at = [], 0
    while found := _loose(separator).match(line, at):
        fields.append(found[1].replace('""', '"') if found[1] is not None else found[2])
        if found.end() == len(line):
            return fields
        at = found.end() + 1
    return []


@lru_cache
def _loose(separator: str) -> re.Pattern[str]:
    """Return what finds a field: a quotation mark closes it only before a separator or the end of the line."""
    end = rf"(?={re.escape(separator)}|\Z)"
    return re.compile(rf'"((?:[^"]|"(?!{end}))*)"{end}|((?!")[^{re.escape(separator)}]*)')


# JSON lines


def _parse_lines(block: bytes, encoding: str, layout: Layout, taken: frozenset[str]) -> Block:
    records: list[dict[str, Any]] = []
    texts: list[str] = []
    bad: list[Bad] = []
    for row, line in enumerate(filled_lines(block), start=1):
        try:
            record = as_record(line, encoding)
            texts.append(_text_of(record, layout, taken))
            records.append(record)
        except ValueError as error:
            bad.append(Bad(row, str(error)))
    return Block(texts, records=records, bad=tuple(bad))


def records_of(block: bytes, encoding: str) -> list[dict[str, Any]]:
    """Return the objects in a block of JSON lines, which need not have texts.

    Raises:
        RowError: A line holds none.
    """
    found = []
    for row, line in enumerate(filled_lines(block), start=1):
        try:
            found.append(as_record(line, encoding))
        except ValueError as error:
            raise RowError(row, str(error)) from error
    return found


def filled_lines(block: bytes) -> Iterator[bytes]:
    """Yield the lines that are not blank."""
    return (line for line in block.split(b"\n") if line.strip())


def as_record(line: bytes, encoding: str) -> dict[str, Any]:
    """Return the object that a line of JSON holds.

    Raises:
        ValueError: It holds none; the message says why.
    """
    try:
        text = line.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(undecodable(error)) from error
    try:
        record = json.loads(text.removeprefix("\ufeff"), parse_constant=lambda name: None)  # JSON has no word for NaN
        if isinstance(record, dict) and "\\u" in text:  # half of a surrogate pair is no character, and nothing could write it
            record = json.loads(_HALF.sub("\ufffd", json.dumps(record, ensure_ascii=False)))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not JSON: {error}; a table needs one object a line") from error
    if not isinstance(record, dict):
        raise ValueError(f"is a {type(record).__name__}; a table needs one object a line")
    return record


def _text_of(record: Mapping[str, Any], layout: Layout, taken: frozenset[str]) -> str:
    title, abstract = _text_fields(tuple(record), layout, taken)
    for name in (title, abstract):
        if name and isinstance(record[name], dict | list):
            raise ValueError(f"the field {name!r} holds a {type(record[name]).__name__}, not text; name another one")
    return join_fields(as_text(record, title), as_text(record, abstract))


@lru_cache(maxsize=1000)
def _text_fields(names: tuple[str, ...], layout: Layout, taken: frozenset[str]) -> tuple[str, str]:
    """Return which fields of an object with the fields ``names`` hold title and abstract, "" for one that is not there.

    Raises:
        ValueError: There is neither, not the one that was named, or a field for which there is no room.
    """
    if clash := [name for name in names if name in taken]:
        raise ValueError(f"has a field {clash[0]!r} already; {SET_APART}")
    columns = set(layout.columns)
    if columns and (late := [name for name in names if name not in columns]):
        raise ValueError(f"has the field {late[0]!r}, which the first rows had not; write JSON lines instead")
    if absent := [name for name in (layout.title, layout.abstract) if name and name not in names]:
        raise ValueError(f"no field {absent[0]!r}; {choices(absent[0], names)}")
    title, abstract = layout.title or find_column("title", names), layout.abstract or find_column("abstract", names)
    if not title and not abstract:
        raise ValueError(f"no text; {choices('', names)}")
    return title, abstract


def as_text(record: Mapping[str, Any], name: str) -> str:
    """Return a field of a JSON object as text, "" if it is not there."""
    value = record.get(name)
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


def values(block: Block, column: str) -> list[str]:
    """Return what stands in ``column``, a text a row: several values with ``;`` between them, "" where there is none."""
    if block.records is not None:
        found = [record.get(column) for record in block.records]
        return [
            ";".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value) for value in found
        ]
    series = cast(pl.DataFrame, block.frame)[column]
    if isinstance(series.dtype, pl.List) and not series.dtype.inner.is_nested():
        series = series.cast(pl.List(pl.String)).list.join(";")
    return series.cast(pl.String).fill_null("").to_list()


def id_of(block: Block, row: int, layout: Layout) -> str:
    """Return the id of a row, or "" if the table has none."""
    if block.frame is not None:
        return str(block.frame[layout.id][row]) if layout.id else ""
    record = cast(list[dict[str, Any]], block.records)[row]
    name = layout.id or find_column("id", list(record))
    return as_text(record, name) if name else ""
