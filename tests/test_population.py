"""Rates per inhabitant."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from simulation import tabled

from ipclass import tables
from ipclass.errors import InputError
from ipclass.model import Model
from ipclass.population import per_inhabitants

# Per inhabitant


def shares_by_country(model: Model, small: pl.DataFrame, path: Path) -> pl.DataFrame:
    frame = small.with_columns(country=pl.Series(["US", "DE", "FR"] * 300), year=pl.Series([2019] * 450 + [2020] * 450))
    return tables.as_frame(tabled(frame, model, path, by=("country", "year")))


def people(tmp_path: Path, *lines: str) -> Path:
    (tmp_path / "people.csv").write_text("\n".join(lines) + "\n", "utf-8")
    return tmp_path / "people.csv"


def test_documents_per_10000_people(model: Model, small: pl.DataFrame, path: Path, tmp_path: Path) -> None:
    shown = shares_by_country(model, small, path)
    file = people(tmp_path, "country,year,population", "US,2019,2000000", "US,2020,1000000", "DE,2019,80000")
    found = per_inhabitants(shown, file)
    assert found.select(shown.columns).equals(shown)
    population = {("US", "2019"): 2e6, ("US", "2020"): 1e6, ("DE", "2019"): 8e4}
    seen = 0
    for row in found.iter_rows(named=True):
        number = population.get((row["country"], row["year"]))
        for share, rate in (("share", "per_10000"), ("low", "per_10000_low"), ("high", "per_10000_high")):
            if number is None or row[share] is None:
                assert row[rate] is None  # never 0
            else:
                assert row[rate] == pytest.approx(row[share] * row["n"] / number * 10_000, rel=1e-5)
                seen += 1
    assert seen > 6


def test_a_population_of_countries_alone_serves_all_years(
    model: Model, small: pl.DataFrame, path: Path, tmp_path: Path
) -> None:
    found = per_inhabitants(shares_by_country(model, small, path), people(tmp_path, "country,population", "US,5", "FR,"))
    assert found.filter(country="US").filter(pl.col("share").is_not_null())["per_10000"].null_count() == 0
    assert found.filter(pl.col("country") != "US")["per_10000"].is_null().all()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["country,population", "US,5", "US,6"], "a country comes twice"),
        (["country,year,population", "US,2019,5", "US,2019,5"], "a country and year comes twice"),
        (["country,people", "US,5"], "needs the columns population and country or year"),
        (["land,population", "US,5"], "needs the columns population and country or year"),
        (["country,population", "US,0"], "the population '0' is not a number above 0"),
        (["country,population", "US,-3"], "the population '-3'"),
        (["country,population", "US,many"], "the population 'many'"),
        (["country,population", "US,inf"], "the population 'inf'"),
        (["country,population", '"US","1,000"'], "the population '1,000'"),
    ],
)
def test_a_table_of_population_that_cannot_be_used_is_refused(
    model: Model, small: pl.DataFrame, path: Path, tmp_path: Path, lines: list[str], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        per_inhabitants(shares_by_country(model, small, path), people(tmp_path, *lines))
