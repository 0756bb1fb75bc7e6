"""Tables of documents in, tables of tagged documents out: CSV, TSV, JSON lines and Parquet, gzipped or not, block by block.

A file is cut into blocks of bytes cheaply; what is in a block is read, and written again, by whoever works on it.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import numpy as np
import numpy.typing as npt
import polars as pl
from polars.exceptions import PolarsError

from ipclass.errors import InputError, choices
from ipclass.records import join_fields

Format = Literal["csv", "tsv", "jsonl", "parquet"]
STDIO = "-"
BLOCK_BYTES = 4 << 20
LARGEST_ROW = 64 << 20
PARQUET_ROWS = 5_000

_HALF = re.compile("[\ud800-\udfff]")

_SUFFIXES: Mapping[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_USUAL: Mapping[str, tuple[str, ...]] = {
    "title": (
        *("title", "invention title", "patent title", "title english", "title en", "english title"),
        *("title translated english", "appln title", "title original"),
    ),
    "abstract": (
        *("abstract", "abstract text", "patent abstract", "abstract english", "abstract en", "english abstract"),
        *("abstract translated english", "appln abstract", "summary", "abstract original"),
    ),
    "id": (
        *("id", "publication number", "patent number", "number", "publication no", "patent no", "lens id"),
        *("patent id", "doc id", "document id", "document number", "application number", "appln id"),
    ),
}


@dataclass(frozen=True)
class Layout:
    """How a table is built: its format, its columns, and which of them hold what.

    ``columns`` is empty for JSON lines, whose objects need not be alike. A column that is not there is "".
    """

    format: Format
    columns: tuple[str, ...]
    title: str
    abstract: str
    id: str
    separator: str = ","
    encoding: str = "utf-8"


@dataclass(frozen=True)
class Block:
    """Some rows of a table, read. Of ``frame`` and ``records`` one is given: the rows as they came."""

    texts: list[str]
    frame: pl.DataFrame | None = None
    records: list[dict[str, Any]] | None = None

    def __len__(self) -> int:
        return len(self.texts)


class RowError(InputError):
    """A row that cannot be read; ``row`` counts from 1 within its block."""

    def __init__(self, row: int, problem: str) -> None:
        super().__init__(row, problem)
        self.row = row
        self.problem = problem


def format_of(path: str, named: str | None = None, default: Format = "csv") -> Format:
    """Return the format that ``named`` or the ending of ``path`` says.

    Raises:
        InputError: Neither is a format that we know.
    """
    known = tuple(dict.fromkeys(_SUFFIXES.values()))
    if named:
        if named not in known:
            raise InputError(f"no format {named!r}; {choices(named, known)}")
        return named
    if path == STDIO:
        return default
    suffix = Path(path.removesuffix(".gz")).suffix.lower()
    if suffix not in _SUFFIXES:
        raise InputError(f"{path}: cannot tell the format from {suffix or 'no ending'!r}; {choices(suffix, _SUFFIXES)}")
    return _SUFFIXES[suffix]


class Source:
    """A table to read from: its layout, and its blocks one after the other.

    Args:
        path: A file, or ``-`` for standard input; a file ending in ``.gz`` is unpacked on the way.
        format: The format, if the ending does not tell.
        columns: The names of the columns for title, abstract and id, where they are not the usual ones.
        encoding: The encoding of a text file.
        need_text: Whether to refuse a table with neither title nor abstract.

    Raises:
        InputError: There is no such file, it is not such a table, or has no column to read.
    """

    def __init__(
        self,
        path: str,
        format: str | None = None,
        columns: Mapping[str, str] | None = None,
        encoding: str = "utf-8",
        need_text: bool = True,
    ) -> None:
        self.path = path
        self._need_text = need_text
        self._format = format_of(path, format)
        self._encoding = _known_encoding(encoding)
        self._wanted = dict(columns or {})
        if path != STDIO and not Path(path).is_file():
            raise InputError(f"{path}: {'is a folder, not a file' if Path(path).is_dir() else 'no such file'}")
        self._head = b""
        if self._format == "parquet":
            if path == STDIO:
                raise InputError("Parquet cannot be read from standard input; name the file")
            self.layout = _layout("parquet", _parquet_columns(path), self._wanted, path, need_text=need_text)
        else:
            self._stream = _opened(path)
            self.layout = self._text_layout()

    @property
    def size(self) -> int | None:
        """The size of the file in bytes, if it has one and is not packed."""
        return None if self.path == STDIO or self.path.endswith(".gz") else Path(self.path).stat().st_size

    def _text_layout(self) -> Layout:
        if self._format == "jsonl":
            return Layout("jsonl", (), **{name: self._wanted.get(name, "") for name in _USUAL}, encoding=self._encoding)
        header, self._head = self._header_line()
        bare = "".join(header.split('"')[::2])  # what stands outside quotation marks
        separator = "\t" if self._format == "tsv" else max(",;\t|", key=bare.count)
        csv.field_size_limit(LARGEST_ROW)
        names = next(csv.reader([header], delimiter=separator), [])
        return _layout(self._format, names, self._wanted, self.path, separator, self._encoding, self._need_text)

    def _header_line(self) -> tuple[str, bytes]:
        """Return the first line, and the bytes read beyond it."""
        start = b""
        while (more := self._read(1 << 16)) and b"\n" not in (start := start + more):
            if len(start) > LARGEST_ROW:
                raise InputError(f"{self.path}: no end of line in the first {LARGEST_ROW >> 20} MB; not a table")
        if not start.strip():
            raise InputError(f"{self.path}: empty; a table needs a line of column names")
        if b"\r" in start and b"\n" not in start:
            raise InputError(f"{self.path}: its lines end in CR alone (an old Mac file); save it again as CSV UTF-8")
        line, _, rest = start.partition(b"\n")
        try:
            return line.decode(self._encoding).removeprefix("\ufeff").rstrip("\r"), rest
        except UnicodeDecodeError as error:
            raise InputError(f"{self.path}, header: {_undecodable(error)}") from error

    def learn_columns(self) -> None:
        """Take the names of the columns of JSON lines from the first block: a table needs them before its first row."""
        if self._format != "jsonl":
            return
        while not self._head.endswith(b"\n") and len(self._head) < BLOCK_BYTES and (more := self._read(1 << 16)):
            self._head += more
        whole = self._head[: self._head.rfind(b"\n") + 1] or self._head
        try:
            names = dict.fromkeys(name for record in _records(_as_utf8(whole, self._encoding)) for name in record)
        except RowError as error:
            raise InputError(f"{self.path}, row {error.row}: {error.problem}") from error
        self.layout = replace(self.layout, columns=tuple(names))

    def _read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except (OSError, EOFError, gzip.BadGzipFile) as error:
            raise InputError(f"{self.path}: cannot be read: {error}") from error

    def close(self) -> None:
        """Close the file, if its blocks are not wanted."""
        if self._format != "parquet" and self.path != STDIO:
            self._stream.close()

    def blocks(self, skip: int = 0) -> Iterator[bytes | pl.DataFrame]:
        """Yield the rows, header aside, in blocks that no row straddles; the first ``skip`` blocks are passed over."""
        cut: Iterator[bytes | pl.DataFrame] = self._parquet_blocks() if self._format == "parquet" else self._text_blocks()
        for number, block in enumerate(cut):
            if number >= skip:
                yield block

    def _parquet_blocks(self) -> Iterator[pl.DataFrame]:
        try:
            for frame in pl.scan_parquet(self.path).collect_batches(chunk_size=PARQUET_ROWS, maintain_order=True):
                yield from frame.iter_slices(PARQUET_ROWS)
        except (PolarsError, OSError) as error:
            raise InputError(f"{self.path}: not a Parquet table: {_first_line(error)}") from error

    def _text_blocks(self) -> Iterator[bytes]:
        rest, self._head = self._head, b""
        while more := self._read(BLOCK_BYTES):
            rest += more
            end = rest.rfind(b"\n") + 1 if self._format == "jsonl" else _end_of_rows(rest, self.layout.separator)
            if end:
                yield rest[:end]
                rest = rest[end:]
            elif len(rest) > LARGEST_ROW:
                raise InputError(f"{self.path}: a row of more than {LARGEST_ROW >> 20} MB; is a quotation mark missing?")
        self.close()
        if rest.strip(b"\r\n"):
            yield rest


def _end_of_rows(rest: bytes, separator: str) -> int:
    """Return the place behind the last line feed that stands outside quoted fields, or 0.

    A quotation mark opens a field only at its beginning: in 5" pipe it is a character like any other.
    """
    data = np.frombuffer(b"\n" + rest, np.uint8)
    marks = np.flatnonzero(data == ord('"'))
    openers = np.frombuffer(b'\r\n"' + separator.encode(), np.uint8)
    if np.isin(data[marks[::2] - 1], openers).all():  # so each two marks enclose a field, or a part of one between ""
        return _last_feed(rest, marks - 1)
    return _end_found_slowly(rest, separator)


def _last_feed(rest: bytes, marks: npt.NDArray[np.int64]) -> int:
    """Return the place behind the last line feed with an even number of quotation marks before it, or 0."""
    end = rest.rfind(b"\n") + 1
    while end and np.searchsorted(marks, end) % 2:
        end = rest.rfind(b"\n", 0, marks[np.searchsorted(marks, end) - 1]) + 1
    return end


def _end_found_slowly(rest: bytes, separator: str) -> int:
    end = rest.rfind(b"\n") + 1
    for found in reversed(list(_quoted(separator).finditer(rest))):
        if found[1] and found.end() <= end:
            break
        end = min(end, rest.rfind(b"\n", 0, found.start()) + 1)
    return end


@lru_cache
def _quoted(separator: str) -> re.Pattern[bytes]:
    """Return what finds a quoted field; its first group is empty if nothing closes it."""
    return re.compile(rb'(?:\A|(?<=[\r\n%s]))"[^"]*(?:""[^"]*)*("?)' % re.escape(separator.encode()))


def _known_encoding(encoding: str) -> str:
    try:
        "".encode(encoding)
        name = codecs.lookup(encoding).name
    except LookupError as error:
        raise InputError(f"no encoding {encoding!r}; for instance: utf-8, latin-1, cp1252, utf-16, gb18030") from error
    if name.startswith(("utf-16", "utf-32")):
        raise InputError(f"{encoding} has line feeds within characters; convert the file to UTF-8 first")
    return name


def _opened(path: str) -> BinaryIO:
    if path == STDIO:
        return sys.stdin.buffer
    try:
        return cast(BinaryIO, gzip.open(path, "rb")) if path.endswith(".gz") else Path(path).open("rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be opened: {error.strerror}") from error


def _parquet_columns(path: str) -> list[str]:
    try:
        return list(pl.read_parquet_schema(path))
    except (PolarsError, OSError) as error:
        raise InputError(f"{path}: not a Parquet table: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]


def layout_for(columns: Sequence[str], wanted: Mapping[str, str], path: str) -> Layout:
    """Return which of ``columns`` hold what, by their usual names or by those in ``wanted`` (title, abstract, id).

    Raises:
        InputError: A wanted column is not there, or one stands twice.
    """
    return _layout("csv", columns, wanted, path, need_text=False)


def _layout(
    format: Format,
    names: Sequence[str],
    wanted: Mapping[str, str],
    path: str,
    separator: str = ",",
    encoding: str = "utf-8",
    need_text: bool = True,
) -> Layout:
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise InputError(f"{path}: the header names the column {twice[0]!r} twice")
    found = {role: _find(role, names, wanted.get(role, ""), path) for role in _USUAL}
    if need_text and not found["abstract"] and not found["title"]:
        raise InputError(f"{path}: no column for title or abstract; name it with --abstract. {choices('', names)}")
    return Layout(format, tuple(names), found["title"], found["abstract"], found["id"], separator, encoding)


def _find(role: str, names: Sequence[str], wanted: str, path: str) -> str:
    if wanted:
        if wanted not in names:
            raise InputError(f"{path}: no column {wanted!r}; {choices(wanted, names)}")
        return wanted
    plain = {" ".join("".join(c if c.isalnum() else " " for c in name.lower()).split()): name for name in names}
    return next((plain[usual] for usual in _USUAL[role] if usual in plain), "")


def layout_of(path: str) -> Layout:
    """Return how the table in ``path`` is built, which may have no texts.

    Raises:
        InputError: There is no such table.
    """
    source = Source(path, need_text=False)
    source.learn_columns()
    source.close()
    return source.layout


def parsed(source: Source) -> Iterator[tuple[int, Block]]:
    """Yield the blocks of ``source``, read, each with the number of rows before it.

    Raises:
        InputError: A row cannot be read; its number is told.
    """
    before = 0
    for raw in source.blocks():
        try:
            block = parse(raw, source.layout)
        except RowError as error:
            raise InputError(f"{source.path}, row {before + error.row}: {error.problem}") from error
        yield before, block
        before += len(block)


def parse(block: bytes | pl.DataFrame, layout: Layout) -> Block:
    """Return what is in a block.

    Raises:
        RowError: A row cannot be read.
    """
    if isinstance(block, pl.DataFrame):
        return _framed(block, layout)
    block = _as_utf8(block, layout.encoding)
    if layout.format == "jsonl":
        return _parse_lines(block, layout)
    if block.startswith(codecs.BOM_UTF8):  # polars would drop it, but within a table it belongs to the field
        return _framed(_parse_carefully(block, layout), layout)
    try:
        frame = pl.read_csv(
            block,
            has_header=False,
            new_columns=list(layout.columns),
            schema=dict.fromkeys(layout.columns, pl.String),
            separator=layout.separator,
            empty_string_is_null=False,
        )
    except PolarsError:
        return _framed(_parse_carefully(block, layout), layout)
    doubtful = frame.height and (frame[:, -1] == "").any() and not _full_rows(block, frame, layout)
    return _framed(_parse_carefully(block, layout) if doubtful else frame, layout)


def _full_rows(block: bytes, frame: pl.DataFrame, layout: Layout) -> bool:
    """Say whether each row has all its fields: polars fills up short ones."""
    bare = b"".join(block.split(b'"')[::2])  # what stands outside quotation marks
    return bare.count(layout.separator.encode()) == frame.height * (frame.width - 1) and frame.width > 1


def _as_utf8(block: bytes, encoding: str) -> bytes:
    return block if encoding == "utf-8" else _decoded(block, encoding).encode()


def _decoded(block: bytes, encoding: str) -> str:
    try:
        return block.decode(encoding)
    except UnicodeDecodeError as error:
        before = csv.reader(io.StringIO(block[: error.start].decode("latin-1") + "x", newline=""))
        raise RowError(sum(1 for row in before if row), _undecodable(error)) from error


def _undecodable(error: UnicodeDecodeError) -> str:
    byte = error.object[error.start]
    return f"byte 0x{byte:02x} is not {error.encoding}; save the file as UTF-8, or name its encoding with --encoding"


def _parse_carefully(block: bytes, layout: Layout) -> pl.DataFrame:
    """Read a block slowly, by Python's ``csv``, which says what is wrong and where."""
    rows: list[list[str]] = []
    reader = csv.reader(io.StringIO(_decoded(block, "utf-8"), newline=""), delimiter=layout.separator, strict=True)
    csv.field_size_limit(LARGEST_ROW)
    try:
        for row in reader:
            if row and len(row) != len(layout.columns):
                problem = f"has {len(row)} fields where the header has {len(layout.columns)}"
                raise RowError(len(rows) + 1, f"{problem}; is a quotation mark or a separator missing?")
            if row:
                rows.append(row)
    except csv.Error as error:
        raise RowError(len(rows) + 1, f"cannot be read: {error}; is a quotation mark missing?") from error
    return pl.DataFrame(rows, schema=dict.fromkeys(layout.columns, pl.String), orient="row")


def _framed(frame: pl.DataFrame, layout: Layout) -> Block:
    def column(name: str) -> pl.Expr:
        text = pl.col(name).cast(pl.String).fill_null("") if name else pl.lit("")
        return text.str.replace_all("\n", " ", literal=True)

    for name in filter(None, (layout.title, layout.abstract)):
        if frame.schema[name].is_nested() or frame.schema[name] == pl.Binary:
            raise RowError(1, f"the column {name!r} holds {frame.schema[name]}, not text; name another one")
    texts = frame.select((column(layout.title) + "\n" + column(layout.abstract)).alias("text"))
    return Block(texts.to_series().to_list() if frame.height else [], frame=frame)


def _parse_lines(block: bytes, layout: Layout) -> Block:
    records: list[dict[str, Any]] = []
    texts = []
    for record in _records(block):
        names = {role: getattr(layout, role) or _find(role, list(record), "", "") for role in ("title", "abstract")}
        absent = [name for name in (layout.title, layout.abstract) if name and name not in record]
        if absent or not any(names.values()):
            listed = choices(absent[0] if absent else "", record)
            raise RowError(len(records) + 1, f"no field {absent[0]!r}; {listed}" if absent else f"no text; {listed}")
        records.append(record)
        texts.append(join_fields(_text(record, names["title"]), _text(record, names["abstract"])))
    return Block(texts, records=records)


def _records(block: bytes) -> Iterator[dict[str, Any]]:
    lines = (line for line in block.split(b"\n") if line.strip())
    return (_record(line, row) for row, line in enumerate(lines, start=1))


def _record(line: bytes, row: int) -> dict[str, Any]:
    try:
        record = json.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError) as error:
        raise RowError(row, f"is not JSON: {error}; a table needs one object a line") from error
    if not isinstance(record, dict):
        raise RowError(row, f"is a {type(record).__name__}; a table needs one object a line")
    if b"\\u" in line or b"\xed" in line:  # half of a surrogate pair is no character, and nothing could write it
        return dict(json.loads(_HALF.sub("\ufffd", json.dumps(record, ensure_ascii=False))))
    return record


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


def id_of(block: Block, row: int, layout: Layout) -> str:
    """Return the id of a row, or "" if the table has none."""
    if block.frame is not None:
        return str(block.frame[layout.id][row]) if layout.id else ""
    record = cast(list[dict[str, Any]], block.records)[row]
    name = layout.id or _find("id", list(record), "", "")
    return _text(record, name) if name else ""


def as_lines(block: Block, fields: Iterable[Mapping[str, Any]]) -> bytes:
    """Return the rows of ``block`` as JSON lines, each with the fields that were added to it."""
    rows = block.records if block.records is not None else _finite(cast(pl.DataFrame, block.frame)).to_dicts()
    both = zip(rows, fields, strict=True)
    lines = (json.dumps({**row, **added}, ensure_ascii=False, default=str) for row, added in both)
    return "".join(f"{line}\n" for line in lines).encode()


def _finite(frame: pl.DataFrame) -> pl.DataFrame:
    """Return ``frame`` with nothing where a number is not finite: JSON has no word for these."""
    floats = [name for name, kind in frame.schema.items() if kind.is_float()]
    return frame.with_columns(pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in floats)


def as_table(block: Block, columns: pl.DataFrame, layout: Layout, format: Format) -> bytes:
    """Return the rows of ``block`` with the columns that were added to them, in ``format``, without a header.

    Raises:
        RowError: A JSON object has a field that the first block had not, for which the table has no column.
    """
    frame = pl.concat([_as_frame(block, layout), columns], how="horizontal")
    buffer = io.BytesIO()
    if format == "parquet":
        frame.write_parquet(buffer)
    else:
        try:
            _flat(frame).write_csv(buffer, include_header=False, separator=separator_of(format))
        except PolarsError as error:
            raise RowError(1, f"cannot be written as text: {_first_line(error)}; write Parquet instead") from error
    return buffer.getvalue()


def separator_of(format: Format) -> str:
    """Return what stands between the fields of a text table."""
    return "\t" if format == "tsv" else ","


def header(columns: Sequence[str], format: Format) -> bytes:
    """Return the line of column names that ``format`` begins with, or nothing."""
    if format in ("jsonl", "parquet"):
        return b""
    buffer = io.BytesIO()
    pl.DataFrame(schema=dict.fromkeys(columns, pl.String)).write_csv(buffer, separator=separator_of(format))
    return buffer.getvalue()


def _as_frame(block: Block, layout: Layout) -> pl.DataFrame:
    if block.frame is not None:
        return block.frame
    records = cast(list[dict[str, Any]], block.records)
    for row, record in enumerate(records, start=1):
        if late := [name for name in record if name not in layout.columns]:
            raise RowError(row, f"has the field {late[0]!r}, which the first rows had not; write JSON lines instead")
    return pl.DataFrame(
        {name: [_text(record, name) for record in records] for name in layout.columns},
        schema=dict.fromkeys(layout.columns, pl.String),
    )


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Return ``frame`` with lists and structures as JSON text, which a text table can hold."""
    nested = [name for name, kind in frame.schema.items() if kind.is_nested()]
    return frame.with_columns(
        pl.Series(name, [json.dumps(value, ensure_ascii=False, default=str) for value in frame[name].to_list()])
        for name in nested
    )
