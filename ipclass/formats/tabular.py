"""Reads every export that is one table, as its profile tells: text or workbook, the header wherever it stands."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from ipclass.errors import InputError
from ipclass.formats import values
from ipclass.formats.batches import LARGEST, NO_DOCUMENT, READ_ERRORS, Fields, Input, begun, parties, shown
from ipclass.formats.profiles import MOST_ABOVE, PROFILES, Profile, Raw, folded
from ipclass.formats.rows import BadRow, Cells, Dialect, decoded, encoding_of, is_workbook, problem_of, sheet_rows, text_rows
from ipclass.records import STANDARD, Reject

SEPARATORS = "\t,;|"
_BETWEEN_CODES = re.compile(r"[;,|\r\n]+")
_SEVERAL = re.compile(r"[;|\r\n]+")
_DATES = tuple(name for name in STANDARD if name.endswith("_date"))


def read(profile: Profile, inputs: Sequence[Input], title_only: bool) -> Iterator[Fields | Reject]:
    """Yield the documents of the tables, and the rows that could not be read.

    Raises:
        InputError: A file has no such header, or no abstracts and ``title_only`` is not set.
    """
    for input in inputs:
        try:
            with input.open() as stream:
                yield from _read_file(profile, input.name, stream, title_only)
        except READ_ERRORS as error:
            yield Reject(input.name, "row 1", f"nothing can be read from here on: {shown(error)}")


def _read_file(profile: Profile, name: str, stream: BinaryIO, title_only: bool) -> Iterator[Fields | Reject]:
    head, stream = begun(stream)
    found = False
    for rows, sheet in _tables(head, stream, name, profile):
        header = _header(rows, profile)
        if header is not None:
            yield from _documents(rows, _Plan.of(header, profile, name, title_only, bool(sheet)), sheet)
            found = True
    if not found:
        told = ", ".join(sorted(profile.signatures[0]))
        raise InputError(f"{name}: no {profile.source} export: its first lines name no columns such as {told}")


def _tables(head: bytes, stream: BinaryIO, name: str, profile: Profile) -> Iterator[tuple[Iterator[Cells | BadRow], str]]:
    """Yield the rows of each table in a file, and how the table is called in places."""
    if is_workbook(head):
        for number, rows in enumerate(sheet_rows(stream, name), start=1):
            yield rows, f"sheet {number}, "
    else:
        dialect = dialect_of(head, profile)
        yield text_rows(decoded(stream, dialect.encoding), dialect), ""


def no_abstracts(file: str, source: str, instead: str) -> str:
    """Return what a user is told whose export has titles only."""
    return f"{file}: this {source} export has no abstracts; {instead}, or read titles alone with --title-only"


def dialect_of(head: bytes, profile: Profile) -> Dialect:
    """Return how the text table that begins with ``head`` is written: with the separator that shows the header."""
    encoding = encoding_of(head)
    text = head.decode(encoding, "replace")
    for separator in SEPARATORS:
        if profile_in(text, separator, (profile,)):
            return Dialect(separator, profile.quoted, encoding)
    return Dialect(max(SEPARATORS, key=text.partition("\n")[0].count), profile.quoted, encoding)


def profile_in(text: str, separator: str, profiles: Sequence[Profile] = PROFILES) -> Profile | None:
    """Return the profile whose header is among the first lines of a text, if any is."""
    lines = [line for line in text.splitlines(keepends=True) if line.strip()][: MOST_ABOVE + 1]
    csv.field_size_limit(LARGEST)
    try:
        rows = [frozenset(map(folded, cells)) for cells in csv.reader(lines, delimiter=separator) if len(cells) > 1]
    except csv.Error:
        return None
    return next((each for names in rows for each in profiles if each.owns(names)), None)


def _header(rows: Iterator[Cells | BadRow], profile: Profile) -> Cells | None:
    """Return the header, with all that stands above it passed over."""
    for _, row in zip(range(MOST_ABOVE + 1), rows, strict=False):
        if not isinstance(row, BadRow) and profile.owns(frozenset(map(folded, row))):
            return row
    return None


@dataclass(frozen=True)
class _Plan:
    """Which columns of one table hold which part."""

    profile: Profile
    file: str
    header: tuple[str, ...]
    places: Mapping[str, tuple[int, ...]]
    in_workbook: bool

    @classmethod
    def of(cls, header: Cells, profile: Profile, file: str, title_only: bool, in_workbook: bool) -> _Plan:
        names = [folded(name) for name in header]
        wanted = {name for names in profile.columns.values() for name in names}
        if twice := [name for place, name in enumerate(names) if name in wanted and name in names[:place]]:
            shown = header[names.index(twice[0])]
            raise InputError(f"{file}: the header names the column {shown!r} twice; leave one of them out")
        places = {
            part: tuple(names.index(name) for name in options if name in names) for part, options in profile.columns.items()
        }
        if not places.get("abstract") and not title_only:
            raise InputError(no_abstracts(file, profile.source, profile.instead or "export it with its abstracts"))
        return cls(profile, file, tuple(header), places, in_workbook)


def _documents(rows: Iterator[Cells | BadRow], plan: _Plan, sheet: str) -> Iterator[Fields | Reject]:
    number = 0
    for number, row in enumerate(rows, start=1):
        problem = problem_of(row, plan.header)
        if not isinstance(row, BadRow) and not problem:
            problem = _problem(row, plan)
            if not problem:
                yield _fields(row, plan)
                continue
        yield Reject(plan.file, f"{sheet}row {number}", problem)
    if not number:
        yield Reject(plan.file, f"{sheet}row 1", NO_DOCUMENT)


def _problem(row: Cells, plan: _Plan) -> str:
    """Return why a row that is whole is no document, or ""."""
    if tuple(row) == plan.header:
        return "is the header once more"
    if not any(_first(row, plan.places.get(part, ())) for part in ("title", "abstract", "id", "number")):
        return "has neither title nor abstract nor number"
    return ""


def _first(row: Cells, places: Sequence[int]) -> str:
    return next(filter(None, (row[place].strip() for place in places)), "")


def _fields(row: Cells, plan: _Plan) -> Fields:
    raw = {part: _first(row, places) for part, places in plan.places.items()}
    read_date = values.sheet_date if plan.in_workbook else values.date
    number = values.publication(_SEVERAL.split(raw["id"])[0], raw.get("office", ""), raw.get("kind", ""))
    fields = {
        "id": number.id or values.text(raw.get("number", "")),
        "title": _text(row, plan.places["title"]),
        "abstract": _text(row, plan.places.get("abstract", ())),
        "family": values.name(raw.get("family", "")),
        **{name: values.earliest(map(read_date, _SEVERAL.split(raw[name]))) for name in _DATES if raw.get(name)},
        "office": number.office,
        "kind": number.kind,
        **_applicants(raw, plan.profile.names),
        **{scheme: values.codes(_BETWEEN_CODES.split(raw[scheme])) for scheme in ("cpc", "ipc") if raw.get(scheme)},
    }
    return {**fields, **plan.profile.finish(raw)}


def _text(row: Cells, places: Sequence[int]) -> str:
    """Return the text in the best of several columns: the first that is written in letters, or the first."""
    found = [text for place in places if (text := values.text(row[place]))]
    return next((text for text in found if values.is_latin(text)), found[0] if found else "")


def _applicants(raw: Raw, separator: str) -> dict[str, str]:
    names = raw.get("applicants", "").split(separator)
    columns = [_beside(raw.get(f"applicant_{name}", ""), separator, len(names)) for name in ("countries", "types")]
    return parties((name, country, values.applicant_type(kind)) for name, country, kind in zip(names, *columns, strict=True))


def _beside(cell: str, separator: str, n: int) -> Sequence[str]:
    """Return what a column says of each of ``n`` applicants: nothing, if it does not have a value for each."""
    parts = cell.split(separator)
    return parts if len(parts) == n else [""] * n
