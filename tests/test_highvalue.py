from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from ipclass.errors import InputError
from ipclass.highvalue import high_value

DAY = date(2026, 1, 15)
ALL = {
    "strategic_industry": ["no"],
    "family_countries": ["CN"],
    "filing_date": ["2020-05-01"],
    "pledge": ["no"],
    "award": [""],
}


def value(changes: dict[str, str], without: tuple[str, ...] = (), start: str = "filing") -> bool | None:
    row = {name: cells for name, cells in ALL.items() if name not in without}
    frame = pl.DataFrame({**row, **{name: [cell] for name, cell in changes.items()}})
    return high_value(frame, start, DAY).values.to_list()[0]  # type: ignore[no-any-return]


def test_no_test_passed_of_five_is_no() -> None:
    assert value({}) is False


@pytest.mark.parametrize(
    "passing",
    [
        {"strategic_industry": "Yes"},
        {"family_countries": "CN; US"},
        {"filing_date": "2016-01-14"},
        {"filing_date": "20150101"},
        {"filing_date": "2015/01/01"},
        {"pledge": "1"},
        {"award": "true"},
    ],
)
def test_any_one_test_suffices(passing: dict[str, str]) -> None:
    assert value(passing) is True


def test_ten_years_to_the_day_are_not_more_than_ten() -> None:
    assert value({"filing_date": "2016-01-15"}) is False


def test_the_start_of_the_ten_years_is_an_option() -> None:
    dates = {"filing_date": "2014-01-01", "grant_date": "2018-01-01"}
    assert value(dates, start="filing") is True
    assert value(dates, start="grant") is False


def test_a_patent_that_is_not_in_force_is_never_of_high_value() -> None:
    assert value({"award": "yes", "legal_status": "lapsed"}) is False
    assert value({"award": "yes", "legal_status": "Active"}) is True


def test_what_could_not_be_asked_is_not_no() -> None:
    assert value({}, without=("award",)) is None
    assert value({"pledge": "yes"}, without=("award",)) is True
    assert value({"filing_date": "unknown"}) is None


def test_the_tests_that_could_not_be_applied_are_named() -> None:
    found = high_value(pl.DataFrame({"award": ["yes"]}), "filing", DAY)
    assert found.applied == ("award",)
    assert set(found.not_applied) == {"strategic industry", "family abroad", "in force over ten years", "pledge financing"}


def test_no_column_for_any_test_is_an_error_that_names_them() -> None:
    with pytest.raises(InputError, match="family_countries"):
        high_value(pl.DataFrame({"id": ["1"]}), "filing", DAY)


def test_a_strange_cell_is_named_with_its_row() -> None:
    with pytest.raises(InputError, match=r"row 2, column 'award': 'perhaps'"):
        high_value(pl.DataFrame({"award": ["no", "Perhaps"]}), "filing", DAY)


def test_the_start_must_be_one_of_two() -> None:
    with pytest.raises(InputError, match="did you mean 'filing'"):
        high_value(pl.DataFrame({"award": ["no"]}), "fileing", DAY)


def test_leap_day() -> None:
    assert high_value(pl.DataFrame({"filing_date": ["2014-02-27"]}), "filing", date(2024, 2, 29)).values.to_list() == [True]
