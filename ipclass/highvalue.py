"""High-value invention patents: those in force that pass any of the five tests of the Chinese patent office (CNIPA).

The tests: the invention belongs to a strategic emerging industry; a family member lies abroad; the patent has been kept
in force for more than ten years; a larger pledge financing was obtained; it won a national science and technology award
or a China Patent Award. Few tables can answer all five: what could not be asked is said, never taken for "no".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from ipclass.errors import InputError, choices

YEARS_IN_FORCE = 10
STARTS = ("filing", "grant")
"""From which date ten years run: sources differ (see the research on taxonomies), so the caller must choose."""

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "strategic industry": ("strategic_industry", "strategic_emerging_industry", "sei"),
    "family abroad": ("family_countries", "family_offices", "overseas_family"),
    "in force over ten years": (),
    "pledge financing": ("pledge_financing", "pledge", "pledged"),
    "award": ("award", "patent_award", "science_award"),
}
_STATUS = ("in_force", "legal_status", "status")
NEEDED = frozenset({*(name for names in _COLUMNS.values() for name in names), *_STATUS, *(f"{each}_date" for each in STARTS)})
"""The columns that an answer may rest on."""

COLUMN = "high_value"
"""The column of the answers."""
_YES = ("true", "yes", "y", "1", "t", "active", "in force", "granted", "valid")
_NO = ("false", "no", "n", "0", "f", "", "inactive", "expired", "lapsed", "ceased", "withdrawn", "invalid", "none")


@dataclass(frozen=True)
class HighValue:
    """The answer for each row (None: cannot be told), the tests that were applied, and those that could not be."""

    values: pl.Series
    applied: tuple[str, ...]
    not_applied: tuple[str, ...]


def high_value(frame: pl.DataFrame, start: str = "filing", as_of: date | None = None, home: str = "CN") -> HighValue:
    """Return which patents of ``frame`` are of high value.

    A patent that is not in force is not; one that passes a test is; one that passes none of the tests applied is not
    if all five were applied, else it cannot be told (None).

    Args:
        frame: Text columns by their usual names, such as ``family_countries`` ("CN;US") or ``filing_date``.
        start: Whether ten years run from ``filing`` or from ``grant``.
        as_of: The day on which it is asked; by default today.
        home: The country whose families abroad count.

    Raises:
        InputError: ``start`` is neither, no test can be applied, or a cell cannot be understood.
    """
    if start not in STARTS:
        raise InputError(f"--start {start!r}: {choices(start, STARTS)}")
    tests: dict[str, Callable[[], pl.Series] | None] = {
        name: _test(frame, name, _found(frame, columns), start, as_of or date.today(), home)
        for name, columns in _COLUMNS.items()
    }
    applied = tuple(name for name, test in tests.items() if test is not None)
    if not applied:
        listed = sorted({column for columns in _COLUMNS.values() for column in columns} | {f"{start}_date"})
        raise InputError(f"none of the five tests can be applied; they need one of the columns {', '.join(listed)}")
    answers = [test() for test in tests.values() if test is not None]
    passed = pl.DataFrame(answers).select(pl.any_horizontal(pl.all().fill_null(False))).to_series()
    unknown = pl.DataFrame(answers).select(pl.any_horizontal(pl.all().is_null())).to_series()
    undecided = unknown | pl.Series([len(applied) < len(tests)] * len(frame), dtype=pl.Boolean)
    values = passed.zip_with(passed, undecided.replace_strict({True: None, False: False}, return_dtype=pl.Boolean))
    status = _found(frame, _STATUS)
    if status:
        force = _yes_no(frame, status)
        values = values.zip_with(force.fill_null(True), pl.Series([False] * len(frame), dtype=pl.Boolean))
    return HighValue(values.alias(COLUMN), applied, tuple(name for name in tests if name not in applied))


def _found(frame: pl.DataFrame, names: Sequence[str]) -> str:
    return next((name for name in names if name in frame.columns), "")


def _test(frame: pl.DataFrame, name: str, column: str, start: str, as_of: date, home: str) -> Callable[[], pl.Series] | None:
    if name == "in force over ten years":
        dates = f"{start}_date"
        return (lambda: _older(frame, dates, as_of)) if dates in frame.columns else None
    if not column:
        return None
    if column in ("family_countries", "family_offices"):
        return lambda: _abroad(frame, column, home)
    return lambda: _yes_no(frame, column)


def _yes_no(frame: pl.DataFrame, column: str) -> pl.Series:
    plain = frame[column].cast(pl.String).fill_null("").str.strip_chars().str.to_lowercase()
    strange = [value for value in plain.unique().to_list() if value not in _YES and value not in _NO]
    if strange:
        row = plain.to_list().index(strange[0]) + 1
        raise InputError(f"row {row}, column {column!r}: {strange[0]!r} is neither yes nor no")
    return plain.is_in(_YES).alias(column)


def _abroad(frame: pl.DataFrame, column: str, home: str) -> pl.Series:
    lists = frame[column].cast(pl.String).fill_null("").str.to_uppercase().str.split(";").to_list()
    found = [sorted({part.strip() for part in parts} - {"", home}) for parts in lists]
    return pl.Series(column, [bool(each) for each in found], dtype=pl.Boolean)


def _older(frame: pl.DataFrame, column: str, as_of: date) -> pl.Series:
    days = frame[column].cast(pl.String).str.strip_chars().str.replace_all(r"[./]", "-").str.slice(0, 10)
    compact = days.str.replace(r"^(\d{4})(\d{2})(\d{2})$", "$1-$2-$3")
    parsed = compact.str.to_date("%Y-%m-%d", strict=False)
    # the same day ten years earlier; on 29 February the day before
    day = as_of.replace(year=as_of.year - YEARS_IN_FORCE, day=min(as_of.day, 28) if as_of.month == 2 else as_of.day)
    return (parsed < day).alias(column)
