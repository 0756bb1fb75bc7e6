"""Tables of indicators: their figures hold the truth, or say why they are withheld."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from simulation import FOREIGN, simulated, tabled, unscored

from ipclass.errors import InputError, ShareError
from ipclass.grouping import Request
from ipclass.indicator_tables import indicator_tables
from ipclass.model import Model

# Indicators


def figures(
    frame: pl.DataFrame, model: Model, path: Path, year: str = "", of: str = "", holder: str = "", **request: Any
) -> Any:
    frame.write_csv(path)
    return indicator_tables(str(path), model, Request(**{"draws": 60, **request}), year, of, holder)


def test_growth_holds_the_true_one_in_its_interval(model: Model, path: Path) -> None:
    years = [2015] * 5000 + [2017] * 2000 + [2020] * 5000
    frame = simulated(model, [(5000, 0.05), (2000, 0.1), (5000, 0.2)], seed=1, year=years)
    found = figures(frame, model, path, year="year")["growth a year"]
    assert found["label"].to_list() == list(model.labels.ids)
    assert found.select("from", "to").unique().rows() == [("2015", "2020")]
    true = 4**0.2 - 1
    assert ((found["low"] < true) & (found["high"] > true)).sum() >= 3
    assert found["value"].to_list() == pytest.approx([true] * 4, rel=0.25)
    assert ((found["low"] < found["value"]) & (found["value"] < found["high"])).all()
    assert set(found["withheld"].to_list()) == {""}


def test_growth_from_below_the_floor_is_withheld_with_the_reason(model: Model, path: Path) -> None:
    frame = simulated(model, [(4000, 0.0), (4000, 0.2)], year=[2015] * 4000 + [2020] * 4000)
    starts = [cell.share for cell in tabled(frame, model, path, by=("year",), draws=60).cells if cell.group == ("2015",)]
    withheld = 0
    for start, row in zip(starts, figures(frame, model, path, year="year")["growth a year"].iter_rows(named=True), strict=True):
        if start.share < start.floor:
            assert (row["value"], row["low"], row["high"]) == (None, None, None)
            assert "is below the floor of" in row["withheld"] or "is 0" in row["withheld"]
            withheld += 1
        else:
            assert row["withheld"] == ""
    assert withheld >= 3


def test_growth_needs_two_years_and_years_that_are_numbers(model: Model, small: pl.DataFrame, path: Path) -> None:
    for years, reason in ((["2015"] * 900, "one year only"), (["soon", "late"] * 450, "'late' to 'soon' are not years")):
        found = figures(small.with_columns(year=pl.Series(years)), model, path, year="year")["growth a year"]
        assert set(found["withheld"].to_list()) == {reason}
        assert found["value"].null_count() == len(found) == 4


def test_growth_takes_the_date_that_is_named(model: Model, small: pl.DataFrame, path: Path) -> None:
    dates = {"filing_date": pl.Series(["2015-01-01", "2019-01-01"] * 450), "grant_date": pl.Series(["2017", "2020"] * 450)}
    found = figures(small.with_columns(**dates), model, path, year="year:grant_date")["growth a year"]
    assert found.select("from", "to").unique().rows() == [("2017", "2020")]


def test_advantage_is_only_given_for_500_documents_and_more(model: Model, path: Path) -> None:
    country = ["CN"] * 3000 + ["US"] * 3000 + ["FR"] * 500 + ["IS"] * 499
    frame = simulated(model, [(3000, 0.2), (3000, 0.05), (500, 0.1), (499, 0.1)], country=country)
    found = figures(frame, model, path, of="country")["advantage by country"]
    common = (3000 * 0.2 + 3000 * 0.05 + 500 * 0.1 + 499 * 0.1) / 6999
    for label in model.labels.ids:
        rows = {row["group"]: row for row in found.filter(label=label).iter_rows(named=True)}
        assert set(rows) == {"CN", "US", "FR", "IS"}
        assert (rows["IS"]["value"], rows["IS"]["symmetric"]) == (None, None)
        assert rows["IS"]["withheld"] == "499 documents, fewer than 500"
        for name, share in (("CN", 0.2), ("US", 0.05), ("FR", 0.1)):
            assert rows[name]["low"] < share / common < rows[name]["high"]
            value = rows[name]["value"]
            assert rows[name]["symmetric"] == pytest.approx((value - 1) / (value + 1), rel=1e-5)
        assert (rows["CN"]["rank"], rows["CN"]["rank_low"], rows["CN"]["rank_high"]) == (1, 1, 1)


def test_advantage_of_many_small_groups_and_a_large_one_is_told(model: Model, path: Path) -> None:
    frame = simulated(model, [(1000, 0.2)], place=[f"a{n:03d}" for n in range(300)] + ["z"] * 700)
    found = figures(frame, model, path, of="place", labels=("ai",))["advantage by place"]
    assert found["value"].is_not_null().sum() == 1
    assert found.filter(group="z")["value"].item() == pytest.approx(1, abs=0.15)


def test_advantage_divides_documents_of_several_countries_among_them(model: Model, path: Path) -> None:
    country = ["CN;US"] * 2000 + ["CN", "FR"] * 2000
    found = figures(simulated(model, [(2000, 0.3), (4000, 0.1)], country=country), model, path, of="country")
    # 2,000 halves at 30 % and 2,000 at 10 % for CN, 2,000 halves at 30 % for US, 2,000 at 10 % for FR; 1,000 of 6,000 in all
    means = found["advantage by country"].group_by("group").agg(pl.col("value").mean())
    assert dict(means.rows()) == pytest.approx({"CN": 1.0, "US": 1.8, "FR": 0.6}, rel=0.07)


def test_overlap_has_each_pair_once_and_chance_is_a_lift_of_1(model: Model, path: Path) -> None:
    found = figures(simulated(model, [(6000, 0.2)]), model, path)["overlap"]
    pairs = [tuple(sorted(pair)) for pair in found.select("label", "with").rows()]
    assert len(set(pairs)) == len(pairs) == 6
    assert all(one != other for one, other in pairs)
    assert found["lift"].to_list() == pytest.approx([1] * 6, abs=0.2)
    assert found["share"].to_list() == pytest.approx([0.04] * 6, rel=0.25)
    assert ((found["low"] <= found["share"]) & (found["share"] <= found["high"])).all()


def test_overlap_of_labels_that_go_together_is_more_than_chance_and_of_one_label_there_is_none(
    model: Model, path: Path
) -> None:
    frame = simulated(model, [(1000, 1.0), (5000, 0.0)])  # every label in the same thousand
    assert (figures(frame, model, path)["overlap"]["lift_low"] > 2).all()
    assert "overlap" not in figures(frame, model, path, labels=("ai",))


def test_overlap_of_a_label_that_is_too_rare_is_withheld_with_the_reason(model: Model, path: Path) -> None:
    frame = simulated(model, [(3000, 0.2)])
    rare = frame.with_columns(ai=pl.lit(0), ai_probability=pl.lit(1e-6))
    found = figures(rare, model, path)["overlap"]
    hidden = (pl.col("label") == "ai") | (pl.col("with") == "ai")
    assert set(found.filter(hidden)["withheld"].to_list()) == {"a label is too rare here"}
    assert found.filter(hidden).select("share", "low", "high", "lift", "lift_low", "lift_high").null_count().row(0) == (3,) * 6
    assert set(found.filter(~hidden)["withheld"].to_list()) == {""}
    assert found.filter(~hidden)["lift"].null_count() == 0


def test_concentration_of_one_holder_is_1_and_of_equal_ones_their_part(model: Model, path: Path) -> None:
    frame = simulated(model, [(6000, 0.3)])
    one = figures(frame.with_columns(assignee=pl.Series(["Acme Inc", "ACME"] * 3000)), model, path, holder="assignee")
    assert one["concentration"]["value"].to_list() == pytest.approx([1.0] * 8)
    equal = pl.Series([f"Firm {n % 20}" for n in range(6000)])
    found = figures(frame.with_columns(assignee=equal), model, path, holder="assignee")["concentration"]
    for row in found.iter_rows(named=True):
        assert row["low"] <= (1 / 20 if row["indicator"] == "HHI" else row["value"]) <= row["high"]
    assert found.filter(indicator="share of the ten largest")["value"].to_list() == pytest.approx([0.5] * 4, abs=0.06)


def test_concentration_of_few_positives_is_withheld_with_the_reason(model: Model, path: Path) -> None:
    frame = simulated(model, [(300, 0.05)], assignee=["Acme", "Bolt"] * 150)
    found = figures(frame, model, path, holder="assignee")["concentration"]
    assert found["value"].null_count() == len(found) == 8
    assert found["withheld"].str.contains("expected positives, fewer than 50").all()


def test_a_document_of_two_holders_is_half_of_each(model: Model, path: Path) -> None:
    frame = simulated(model, [(6000, 0.3)], assignee=["Acme;Bolt", "Cog"] * 3000)
    found = figures(frame, model, path, holder="assignee")["concentration"]
    index = found.filter(indicator="HHI")["value"].mean()
    assert index == pytest.approx(0.5**2 + 0.25**2 + 0.25**2, abs=0.015)  # whole it would be a third


def test_indicators_of_columns_that_are_missing_are_left_out_or_refused_if_they_were_named(
    model: Model, small: pl.DataFrame, path: Path
) -> None:
    assert set(figures(small, model, path, year="year", of="country")) == {"overlap"}
    for asked in ({"of": "cel"}, {"holder": "cel"}, {"year": "year:cel"}):
        with pytest.raises(InputError, match=r"no column 'cel'; did you mean 'cell'\?"):
            figures(small, model, path, **asked)


def test_indicators_of_rows_that_another_model_tagged_are_refused(model: Model, small: pl.DataFrame, path: Path) -> None:
    mixed = pl.when(pl.int_range(pl.len()) == 899).then(pl.lit(FOREIGN)).otherwise("tagged_by").alias("tagged_by")
    for frame in (small.with_columns(tagged_by=pl.lit(FOREIGN)), small.with_columns(mixed)):
        with pytest.raises(ShareError, match="not all rows were tagged by this model as strict"):
            figures(frame, model, path)


def test_indicators_of_nothing_are_no_number(model: Model, small: pl.DataFrame, path: Path) -> None:
    with pytest.raises(ShareError, match="an indicator of nothing is not 0"):
        figures(unscored(small, range(900)), model, path)
    with pytest.raises(ShareError, match="no documents left"):
        figures(small, model, path, where="cell = 'x'")


def test_indicators_do_not_depend_on_the_order_of_rows_and_obey_their_seed(model: Model, path: Path) -> None:
    frame = simulated(
        model, [(1500, 0.1), (1500, 0.3)], year=[2015] * 1500 + [2020] * 1500, assignee=["Acme", "Bolt", "Cog"] * 1000
    )
    made = figures(frame, model, path, year="year", of="cell", holder="assignee")
    again = figures(frame.sample(fraction=1, shuffle=True, seed=3), model, path, year="year", of="cell", holder="assignee")
    assert set(made) == set(again) == {"growth a year", "advantage by cell", "overlap", "concentration"}
    assert all(made[name].equals(again[name]) for name in made)
    other = figures(frame, model, path, year="year", of="cell", holder="assignee", seed=8)
    assert not all(made[name].equals(other[name]) for name in made)


# Open years and breaks


@pytest.fixture(scope="module")
def series(model: Model) -> pl.DataFrame:
    """Four years, of shares that grow by a half every year."""
    shares = (0.1, 0.15, 0.225, 0.3375)
    return simulated(
        model, [(2500, share) for share in shares], year=[year for year in (2017, 2018, 2019, 2020) for _ in range(2500)]
    )


@pytest.mark.parametrize(
    ("request_", "last"),
    [
        ({}, "2020"),
        ({"open_since": 2030}, "2020"),
        ({"open_since": 2020}, "2019"),
        ({"open_since": 2019}, "2018"),
        ({"open_since": 2019, "to_open": True}, "2020"),
    ],
)
def test_growth_does_not_end_in_an_open_year_unless_that_is_said(
    model: Model, series: pl.DataFrame, path: Path, request_: dict[str, Any], last: str
) -> None:
    found = figures(series, model, path, year="year", labels=("ai",), **request_)["growth a year"]
    assert found.select("from", "to").rows() == [("2017", last)]
    alone = series.filter(pl.col("year") <= int(last))
    assert found.equals(figures(alone, model, path, year="year", labels=("ai",))["growth a year"])


def test_growth_of_open_years_alone_is_withheld(model: Model, series: pl.DataFrame, path: Path) -> None:
    for first, reason in ((2017, "no year before 2017, from which on years are open"), (2018, "one year only")):
        (row,) = figures(series, model, path, year="year", labels=("ai",), open_since=first)["growth a year"].to_dicts()
        assert (row["value"], row["low"], row["high"], row["withheld"]) == (None, None, None, reason)


@pytest.mark.parametrize(
    ("year", "withheld"), [("2017", False), ("2018", True), ("2019", True), ("2020", False), ("2021", False)]
)
def test_growth_is_not_told_across_a_break(model: Model, series: pl.DataFrame, path: Path, year: str, withheld: bool) -> None:
    request = {"breaks": (f"year={year}:new law",), "open_since": 2020, "labels": ("ai",)}
    (row,) = figures(series, model, path, year="year", **request)["growth a year"].to_dicts()
    assert row["withheld"] == (f"the series breaks in {year}: new law" if withheld else "")
    assert (row["value"] is None) == withheld


def test_a_break_of_anything_but_years_says_that_only_growth_minds_it(model: Model, series: pl.DataFrame, path: Path) -> None:
    with pytest.raises(InputError, match=r"--break cell: .*write year=2016:REASON"):
        figures(series, model, path, year="year", breaks=("cell=c001:x",))


def test_indicators_of_families_count_each_once(model: Model, series: pl.DataFrame, path: Path) -> None:
    doubled = pl.concat([series, series]).with_columns(
        duplicate_of=pl.Series([""] * 10_000 + [f"P{row}" for row in range(10_000)]),
        id=pl.Series([f"P{row}" for row in range(10_000)] + [f"Q{row}" for row in range(10_000)]),
    )
    once = figures(series, model, path, year="year", labels=("ai",))["growth a year"]
    assert figures(doubled, model, path, year="year", labels=("ai",), unit="family")["growth a year"].equals(once)
