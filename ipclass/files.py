"""Tables of documents, from files of many kinds and packings, block by block.

``containers`` finds and unpacks the files, ``sources`` opens one, ``blocks`` cuts it; what is in a block is read
(``parsing``), and written again (``rendering``), by whoever works on it. Exports of offices and vendors are read by
``formats``.
"""

from __future__ import annotations

import codecs
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

import polars as pl

from ipclass.blocks import LARGEST_ROW, RawBlock
from ipclass.containers import Member, find, from_chunks
from ipclass.errors import InputError, choices
from ipclass.layout import (
    EXPORT_ENDINGS,
    FORMATS,
    STDIO,
    Format,
    Layout,
    column_named,
    find_column,
    format_of,
    layout,
    unpacked_name,
    with_roles,
)
from ipclass.parsing import Block, RowError, id_of, parse, values
from ipclass.records import STANDARD
from ipclass.rendering import as_lines, as_table, header, separator_of
from ipclass.sources import ParquetTable, Table, TextTable, Workbook

__all__ = [
    "LARGEST_ROW",
    "STDIO",
    "Block",
    "Format",
    "Layout",
    "RowError",
    "Source",
    "as_lines",
    "as_table",
    "column_named",
    "find_column",
    "format_of",
    "header",
    "id_of",
    "layout_of",
    "parse",
    "separator_of",
    "values",
    "with_roles",
]


class Source:
    """One table or several of the same columns: their layout, and their blocks one after the other.

    Args:
        tables: What ``containers.find`` takes: files, ``-`` for standard input, folders, patterns, archives.
        format: The format, if the ending or the beginning does not tell.
        columns: The names of the columns for title, abstract and id, where they are not the usual ones.
        encoding: The encoding of text files.
        need_text: Whether to refuse a table with neither title nor abstract.
        sheet: The worksheet of workbooks, by default the first.
        title_only: Whether to take an export that has no abstracts.

    Raises:
        InputError: There is no such file, it is not such a table, has no column to read, or another one has other columns.
    """

    def __init__(
        self,
        tables: str | Sequence[str],
        format: str | None = None,
        columns: Mapping[str, str] | None = None,
        encoding: str = "utf-8",
        need_text: bool = True,
        sheet: str = "",
        title_only: bool = False,
    ) -> None:
        names = [tables] if isinstance(tables, str) else list(tables)
        found = find(names)
        self.path = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
        self.passed_over = found.passed_over
        self._files = tuple(dict.fromkeys(member.file for member in found.members if member.file))
        self._title_only = title_only
        wanted, encoding = dict(columns or {}), _known_encoding(encoding)
        self._exports, plain = _sorted_out(found.members, format)
        self._tables = [_table(member, format, wanted, encoding, need_text, sheet) for member in plain]
        for table in self._tables[1:]:
            _check_alike(self._tables[0], table)
        self.layout = self._tables[0].layout if self._tables else layout("csv", STANDARD, wanted, self.path)

    @property
    def stamps(self) -> list[tuple[str, int, int]]:
        """The files with their size in bytes and the time of their last change, in nanoseconds."""
        states = [(file, Path(file).stat()) for file in self._files]
        return [(file, state.st_size, state.st_mtime_ns) for file, state in states]

    def learn_columns(self) -> None:
        """Take the names of the columns of JSON lines from the first block: a table needs them before its first row.

        Raises:
            InputError: There is no row among them that can be read.
        """
        for table in self._tables:
            table.learn_columns()
        if self.layout.format == "jsonl":
            names = dict.fromkeys(name for table in self._tables for name in table.layout.columns)
            self.layout = replace(self.layout, columns=tuple(names))

    def close(self) -> None:
        """Close the files, if the blocks are not wanted."""
        for table in self._tables:
            table.close()

    def blocks(self, skip: int = 0, places: bool = False) -> Generator[RawBlock]:
        """Yield the rows in blocks that no row straddles; the first ``skip`` blocks are passed over.

        With ``places`` a block may say where its rows are instead of holding them: for other processes of this machine.
        """
        found = (block for table in self._tables for block in table.blocks(places))
        try:
            yield from islice(chain(found, self._export_blocks()), skip, None)
        finally:
            self.close()

    def _export_blocks(self) -> Iterator[RawBlock]:
        from ipclass import formats

        for format, members in self._exports.items():
            inputs = [formats.Input(member.name, member.open) for member in members]
            for batch in formats.read(format, inputs, self._title_only):
                yield RawBlock(self.path, self.layout, batch.frame, rejects=batch.rejects)

    def read(self) -> Iterator[Block]:
        """Yield the blocks, read.

        Raises:
            InputError: A row cannot be read.
        """
        return (block for _, block in self.numbered())

    def numbered(self) -> Iterator[tuple[int, Block]]:
        """Yield the blocks that hold rows, read, each with the number of rows before it.

        Raises:
            InputError: A row cannot be read.
        """
        file, before, within = "", 0, 0
        with closing(self.blocks()) as blocks:
            for raw in blocks:
                file, within = raw.file, within if raw.file == file else 0
                if raw.rejects:
                    first = raw.rejects[0]
                    raise InputError(f"{first.file}, {first.place}: {first.reason}")
                try:
                    block = parse(raw, self.layout)
                except RowError as error:
                    raise InputError(f"{file}, row {within + error.row}: {error.problem}") from error
                if len(block):
                    yield before, block
                before += len(block)
                within += len(block)


def _sorted_out(members: Sequence[Member], format: str | None) -> tuple[dict[str, list[Member]], list[Member]]:
    """Return the exports of offices and vendors, by their formats, and the plain tables.

    Raises:
        InputError: There is no such format, or there are both exports and plain tables.
    """
    from ipclass import formats

    known = (*FORMATS, *formats.NAMES)
    if format and format not in known:
        raise InputError(f"no format {format!r}; {choices(format, known)}")
    exports: dict[str, list[Member]] = {}
    plain: list[Member] = []
    for member in members:
        kind, member = (format if format in formats.NAMES else "", member) if format else _recognised(member)
        (exports.setdefault(kind, []) if kind else plain).append(member)
    if exports and plain:
        kind, (first, *_) = next(iter(exports.items()))
        raise InputError(f"{first.name} is an export ({kind}) and {plain[0].name} a table; classify them apart")
    return exports, plain


def _recognised(member: Member) -> tuple[str, Member]:
    """Return the format of an export, "" for a table; standard input comes back with what was read of it."""
    from ipclass import formats

    if member.name != STDIO:
        return formats.recognise(member.name, formats.head_of(formats.Input(member.name, member.open))), member
    stream = member.open()
    head = stream.read(formats.HEAD)
    whole = chain([head], iter(lambda: stream.read(formats.HEAD), b""))
    return formats.recognise(STDIO, head), Member(STDIO, lambda: from_chunks(whole, stream))


def _table(member: Member, format: str | None, wanted: Mapping[str, str], encoding: str, need_text: bool, sheet: str) -> Table:
    if not format and Path(unpacked_name(member.name)).suffix.lower() in EXPORT_ENDINGS:
        raise InputError(f"{member.name}: {_no_export(member)}")
    known = format_of(member.name, format)
    if known == "parquet":
        return ParquetTable(member, wanted, need_text)
    if known == "xlsx":
        return Workbook(member, wanted, need_text, sheet)
    return TextTable(member, wanted, need_text, known, encoding)


def _no_export(member: Member) -> str:
    """Return what is wrong with a file that by its ending is an export, and by its beginning none that is known."""
    from ipclass import formats

    if unpacked_name(member.name).lower().endswith(".xls"):
        head = formats.head_of(formats.Input(member.name, member.open))
        if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
            return "a workbook, but no export that is known; save it as .xlsx, and it is read as a table"
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            return "a web page, in spite of its name; open it in a spreadsheet program and save it as .xlsx"
        return "text and no workbook, in spite of its name; name its format with --format tsv or --format csv"
    return f"no export that is known; name its format with --format. {choices('', formats.NAMES)}"


def _check_alike(one: Table, other: Table) -> None:
    """Refuse two tables that do not make one."""
    pair = f"{other.name}: does not go with {one.name}"
    if "jsonl" in (one.layout.format, other.layout.format):
        if one.layout.format != other.layout.format:
            raise InputError(f"{pair}: one is JSON lines, the other is not; classify them apart")
        return
    lacks = [name for name in one.layout.columns if name not in other.layout.columns]
    has = [name for name in other.layout.columns if name not in one.layout.columns]
    if lacks or has:
        said = "; ".join(
            f"{verb} {', '.join(map(repr, names[:5]))}" for verb, names in (("lacks", lacks), ("has", has)) if names
        )
        raise InputError(f"{pair}: it {said}; classify them apart, or give them the same columns")
    for name, kind in one.schema.items():
        if other.schema.get(name, pl.String) != kind:
            raise InputError(
                f"{pair}: {name!r} is {other.schema.get(name, pl.String)} here and {kind} there; classify them apart"
            )


def layout_of(path: str) -> Layout:
    """Return how the table in ``path`` is built, which may have no texts.

    Raises:
        InputError: There is no such table.
    """
    source = Source(path, need_text=False)
    source.learn_columns()
    source.close()
    return source.layout


def _known_encoding(encoding: str) -> str:
    try:
        "".encode(encoding)
        return codecs.lookup(encoding).name
    except LookupError as error:
        raise InputError(f"no encoding {encoding!r}; for instance: utf-8, latin-1, cp1252, utf-16, gb18030") from error
