"""How a table is built: its format, its columns, and which of them hold title, abstract and id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ipclass.errors import InputError, choices

Format = Literal["csv", "tsv", "jsonl", "parquet", "xlsx"]
STDIO = "-"

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
    ".xlsx": "xlsx",
}
FORMATS = tuple(dict.fromkeys(_SUFFIXES.values()))
EXPORT_ENDINGS = frozenset({".xml", ".xls"})
TABLE_ENDINGS = frozenset(_SUFFIXES) | EXPORT_ENDINGS
"""What files end in that may be tables: others in a folder or an archive are passed over."""

ROLES: Mapping[str, tuple[str, ...]] = {
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
"""The names that columns usually have, for each of the roles that a column can play, the likeliest first."""


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


def format_of(path: str, named: str | None = None, default: Format = "csv") -> Format:
    """Return the format that ``named`` or the ending of ``path`` says.

    Raises:
        InputError: Neither is a format that we know.
    """
    for format in FORMATS:
        if named == format:
            return format
    if named:
        raise InputError(f"no format {named!r}; {choices(named, FORMATS)}")
    if path == STDIO:
        return default
    suffix = Path(unpacked_name(path)).suffix.lower()
    if suffix not in _SUFFIXES:
        raise InputError(f"{path}: cannot tell the format from {suffix or 'no ending'!r}; {choices(suffix, _SUFFIXES)}")
    return _SUFFIXES[suffix]


def packing(path: str) -> str:
    """Return how the ending of ``path`` says that a file is packed: ``.gz``, ``.zst`` or not at all, "".

    >>> packing("a.csv.gz"), packing("a.csv")
    ('.gz', '')
    """
    ending = path[path.rfind(".") :].lower() if "." in path else ""
    return ending if ending in (".gz", ".zst") else ""


def unpacked_name(path: str) -> str:
    """Return ``path`` without the ending that says how it is packed."""
    return path[: len(path) - len(packing(path))]


def layout(
    format: Format,
    names: Sequence[str],
    wanted: Mapping[str, str],
    path: str,
    separator: str = ",",
    encoding: str = "utf-8",
    need_text: bool = True,
) -> Layout:
    """Return the layout of a table with the columns ``names``; ``wanted`` names those that play a role.

    Raises:
        InputError: A name stands there twice, a column that is wanted is not there, or ``need_text`` and there is no text.
    """
    if len(set(names)) < len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise InputError(f"{path}: the header names the column {twice!r} twice; rename one of them")
    if any("\0" in name for name in names):
        raise InputError(f"{path}: its header has NUL characters; if it is UTF-16, name that: --encoding utf-16")
    found = {role: find_column(role, names, wanted.get(role, ""), path) for role in ROLES}
    if need_text and not found["abstract"] and not found["title"]:
        raise InputError(f"{path}: no column for title or abstract; name it with --abstract. {choices('', names)}")
    return Layout(format, tuple(names), found["title"], found["abstract"], found["id"], separator, encoding)


def find_column(role: str, names: Sequence[str], wanted: str = "", path: str = "") -> str:
    """Return which of the columns ``names`` plays a role: the one ``wanted``, else one of a usual name, else "".

    Raises:
        InputError: The column that is wanted is not there.

    >>> find_column("title", ["No", "Title (English)"])
    'Title (English)'
    """
    return column_named(names, ROLES[role], wanted, path)


def column_named(names: Sequence[str], usual: Sequence[str], wanted: str = "", path: str = "") -> str:
    """Return the column ``wanted``, or the first of ``usual`` names that a column has whatever its case and signs, or "".

    Raises:
        InputError: There is no column ``wanted``.
    """
    if wanted:
        if wanted not in names:
            raise InputError(f"{path}: no column {wanted!r}; {choices(wanted, names)}")
        return wanted
    plain = {" ".join("".join(c if c.isalnum() else " " for c in name.lower()).split()): name for name in names}
    return next((plain[name] for name in usual if name in plain), "")


def with_roles(found: Layout) -> Layout:
    """Return ``found`` with the columns of title, abstract and id named, which JSON lines leave open, as far as known."""
    title, abstract, id = (getattr(found, role) or find_column(role, found.columns) for role in ROLES)
    return replace(found, title=title, abstract=abstract, id=id)
