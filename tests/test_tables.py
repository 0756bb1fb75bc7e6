"""What tables of shares promise: every document is in them, every number is the one that was estimated, none is made up."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from conftest import patents, write_csv, write_jsonl
from hypothesis import given
from hypothesis import strategies as st
from simulation import FOREIGN, cells, simulated, tabled, unscored

from ipclass import batch, files, grouping, tables, tagged
from ipclass.errors import InputError, LabelError, ShareError
from ipclass.estimators import METHODS, estimate_cells
from ipclass.grouping import Request
from ipclass.model import Model
from ipclass.records import DEFINITIONS, Definition

AI = (
    "Training a neural network",
    "A neural network is trained on labelled images by gradient descent; a classifier then predicts the class of each image.",
)


# Every document is in the table


def test_there_is_one_row_a_label_and_cell(model: Model, small: pl.DataFrame, path: Path) -> None:
    made = tabled(small, model, path, by=("cell",))
    keys = [(cell.definition, cell.label, *cell.group) for cell in made.cells]
    assert sorted(keys) == sorted(("strict", label, f"c00{place}") for label in model.labels.ids for place in range(3))
    assert [*zip(*[tables.as_frame(made)[name] for name in ("definition", "label", "cell")], strict=True)] == keys


def test_counted_and_unscored_documents_are_all_documents(model: Model, small: pl.DataFrame, path: Path) -> None:
    for cell in tabled(small, model, path, by=("cell",)).cells:
        documents = small.filter(cell=cell.group[0])
        assert cell.share.n + cell.unscored == len(documents)
        assert cell.unscored == documents["unscored"].is_in(["empty"]).sum()


@pytest.mark.parametrize("by", [(), ("cell",), ("cell", "even")])
def test_as_many_documents_come_out_as_went_in(model: Model, small: pl.DataFrame, path: Path, by: tuple[str, ...]) -> None:
    frame = small.with_columns(even=pl.int_range(pl.len()) % 2)
    made = tabled(frame, model, path, by=by)
    for label in model.labels.ids:
        mine = [cell for cell in made.cells if cell.label == label]
        assert sum(cell.share.n + cell.unscored for cell in mine) == len(frame)


def test_a_label_named_twice_is_one_label(model: Model, small: pl.DataFrame, path: Path) -> None:
    assert [cell.label for cell in tabled(small, model, path, labels=("ai", "bci", "ai")).cells] == ["ai", "bci"]


def test_several_columns_make_a_cell_of_each_combination_that_occurs(model: Model, small: pl.DataFrame, path: Path) -> None:
    frame = small.with_columns(office=pl.Series(["US", "EP", "US"] * 300), kind=pl.Series(["A", "A", "B"] * 300))
    made = tabled(frame, model, path, by=("office", "kind", "cell"))
    counts = frame.group_by("office", "kind", "cell").len().rows()
    found = cells(made)
    assert {group: cell.share.n + cell.unscored for group, cell in found.items()} == {tuple(row[:3]): row[3] for row in counts}
    assert tables.as_frame(made).columns[2:5] == ["office", "kind", "cell"]
    turned = cells(tabled(frame, model, path, by=("cell", "office", "kind")))
    assert {group: cell.share.share for group, cell in found.items()} == {
        (group[1], group[2], group[0]): cell.share.share for group, cell in turned.items()
    }


def test_a_missing_value_is_a_group_of_its_own(model: Model, small: pl.DataFrame, path: Path) -> None:
    frame = small.with_columns(country=pl.Series(["US", None, ""] * 300))
    assert {
        group: cell.share.n + cell.unscored for group, cell in cells(tabled(frame, model, path, by=("country",))).items()
    } == {
        "": 600,
        "US": 300,
    }


# Every number is the one that was estimated


@pytest.mark.parametrize("method", METHODS)
def test_the_share_equals_the_estimate_called_directly(model: Model, small: pl.DataFrame, path: Path, method: str) -> None:
    made = tabled(small, model, path, by=("cell",), method=method, level=0.9, seed=3)
    scored = small.filter(pl.col("ai_probability").is_not_null())
    codes = scored["cell"].str.slice(1).cast(pl.Int64).to_numpy()
    for label in model.labels.ids:
        calibration = model.targets[model.column(label, "strict")].calibration
        scores = calibration.scores_of(scored[f"{label}_probability"].to_numpy())
        direct = estimate_cells(scores, codes, calibration, method, None, 0.9, 50, 3)  # type: ignore[arg-type]
        assert tuple(cell.share for cell in made.cells if cell.label == label) == direct.shares


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_the_true_share_lies_in_the_interval_at_2_5_and_20_per_cent(model: Model, path: Path, definition: Definition) -> None:
    truth = (0.02, 0.05, 0.2)
    frame = simulated(model, [(5000, share) for share in truth for _ in range(5)], definition, seed=11)
    made = tabled(frame, model, path, by=("cell",), definitions=(definition,), draws=100)
    for place, share in enumerate(truth):
        mine = [cell.share for cell in made.cells if int(cell.group[0][1:]) // 5 == place]
        assert len(mine) == 20
        assert sum(each.low <= share <= each.high for each in mine) >= 18
        assert np.mean([each.share for each in mine]) == pytest.approx(share, rel=0.15)


def test_the_counted_share_stands_beside_the_estimate_and_is_that_of_the_tags(model: Model, path: Path) -> None:
    frame = simulated(model, [(5000, 0.02), (5000, 0.2)], seed=5)
    shown = tables.as_frame(tabled(frame, model, path, by=("cell",)))
    for label in model.labels.ids:
        tags = dict(frame.group_by("cell").agg(pl.col(label).mean()).rows())
        counted = dict(shown.filter(label=label).select("cell", "counted").rows())
        assert counted == pytest.approx(tags, rel=1e-6)
    ai = shown.filter(label="ai", cell="c000")
    assert ai["counted"].item() > 1.3 * 0.02  # what the estimate is there to correct
    assert abs(ai["share"].item() - 0.02) < abs(ai["counted"].item() - 0.02)


def test_what_was_really_tagged_is_counted_tag_by_tag(model: Model, tmp_path: Path) -> None:
    rows = [{"title": AI[0], "abstract": AI[1]} if number % 4 == 0 else row for number, row in enumerate(patents(80))]
    texts = write_csv(tmp_path / "texts.csv", [{"title": row["title"], "abstract": row["abstract"]} for row in rows])
    source = files.Source(str(texts))
    batch.run(source, str(tmp_path / "tagged.csv"), batch.Job(source.layout, "", "strict", 0, "csv"))
    tags = pl.read_csv(tmp_path / "tagged.csv")
    assert tags["ai"].sum() == 20
    (cell,) = tables.share_table(str(tmp_path / "tagged.csv"), model, Request(labels=("ai",), draws=50)).cells
    assert cell.share.naive == 0.25


def test_neither_the_order_of_rows_nor_that_of_columns_matters(model: Model, small: pl.DataFrame, path: Path) -> None:
    country = pl.Series((["US;DE", "US", "DE;FR;US", ""] * 225)[:900])
    frame = small.with_columns(country=country)
    request = {"by": ("cell", "country"), "fractional": True}
    made = tabled(frame, model, path, **request)
    shuffled = frame.sample(fraction=1, shuffle=True, seed=1).select(sorted(frame.columns, reverse=True))
    assert shuffled.columns != frame.columns
    assert tabled(shuffled, model, path, **request).cells == made.cells


def test_the_same_seed_gives_the_same_digits_and_another_one_others(model: Model, small: pl.DataFrame, path: Path) -> None:
    made = tabled(small, model, path, by=("cell",), seed=4)
    assert tabled(small, model, path, by=("cell",), seed=4) == made
    other = tabled(small, model, path, by=("cell",), seed=5)
    assert [cell.share.share for cell in other.cells] == [cell.share.share for cell in made.cells]
    assert [cell.share.high for cell in other.cells] != [cell.share.high for cell in made.cells]


def test_parquet_gives_the_same_table_as_csv(model: Model, small: pl.DataFrame, tmp_path: Path) -> None:
    frame = small.with_columns(date=pl.Series([date(2019, 5, 1), date(2020, 1, 31), None] * 300))
    request: dict[str, Any] = {"by": ("cell", "year")}
    made = [tabled(frame, model, tmp_path / name, **request).cells for name in ("a.csv", "a.parquet")]
    assert made[0] == made[1]
    packed = tmp_path / "b.csv.gz"
    packed.write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    assert tables.share_table(str(packed), model, Request(**request, draws=50)).cells == made[0]


def test_a_data_frame_gives_the_same_cells_as_its_file(model: Model, small: pl.DataFrame, path: Path) -> None:
    made, request = tabled(small, model, path, by=("cell",)), Request(by=("cell",), draws=50)
    of_frame = tables.share_table_of(small, model, request)
    assert of_frame.cells == made.cells
    assert of_frame.provenance["input"] == "data frame of 900 rows"
    again, other = (tables.share_table_of(frame, model, request) for frame in (small.clone(), small.reverse()))
    assert again == of_frame
    assert other.cells == of_frame.cells
    assert other.provenance["input_sha256"] != of_frame.provenance["input_sha256"]
    for column in ("tagged_by", "ai_probability"):
        with pytest.raises(InputError, match=f"no column '{column}'"):
            tables.share_table_of(small.drop(column), model, request)


def test_a_tagged_table_needs_no_texts(model: Model, small: pl.DataFrame, tmp_path: Path) -> None:
    made = tabled(small, model, tmp_path / "a.csv", by=("cell",)).cells
    for name in ("b.csv", "b.parquet"):
        assert tabled(small.drop("title"), model, tmp_path / name, by=("cell",)).cells == made


def test_a_value_that_is_odd_late_in_the_table_does_not_matter(model: Model, path: Path) -> None:
    frame = simulated(model, [(2500, 0.2)], number=["12"] * 2400 + ["RE12"] * 100)
    assert {name: cell.share.n for name, cell in cells(tabled(frame, model, path, by=("number",))).items()} == {
        "12": 2400,
        "RE12": 100,
    }


def test_codes_keep_their_leading_zeros(model: Model, small: pl.DataFrame, path: Path) -> None:
    frame = small.with_columns(code=pl.Series(["007", "7"] * 450))
    assert set(cells(tabled(frame, model, path, by=("code",)))) == {"007", "7"}


def test_too_few_held_out_positives_are_refused_but_tags_can_be_counted(tiny_model: str, tmp_path: Path) -> None:
    table = str(write_csv(tmp_path / "patents.csv", patents(60)))
    tiny = batch.load(tiny_model)
    with pytest.raises(ShareError, match=r"held-out positives, fewer than 30: only an audit"):
        tables.share_table(table, tiny, Request(draws=50), tiny_model)
    counted = tables.share_table(table, tiny, Request(method="cc", draws=50), tiny_model)
    assert {(cell.label, cell.share.method, cell.share.n) for cell in counted.cells} == {("kites", "C", 60), ("looms", "C", 60)}


# Flags


@pytest.fixture(scope="session")
def many(model: Model) -> pl.DataFrame:
    """Cells of all sizes and shares: from hardly any document to thousands, from nothing to a half."""
    return simulated(model, [(n, share) for n in (5, 29, 30, 60, 200, 1000, 6000) for share in (0, 0.004, 0.02, 0.1, 0.5)])


def test_flags_follow_the_print_rules(model: Model, many: pl.DataFrame, path: Path) -> None:
    seen = set()
    for cell in tabled(many, model, path, by=("cell",)).cells:
        share = cell.share
        width = (share.high - share.low) / share.share if share.share > 0 else np.inf
        hidden = share.n < 30 or share.share * share.n < 10 or width > 1.6
        unreliable = width > 0.8 or share.share < 2 * share.floor or share.shift > 2
        assert share.flags == "e" + "u" * bool(unreliable) + "/" * bool(hidden)
        seen.add(share.flags)
    assert seen >= {"e", "eu", "eu/"}


def test_nothing_is_printed_of_fewer_than_30_documents(model: Model, many: pl.DataFrame, path: Path) -> None:
    shown = tables.as_frame(tabled(many, model, path, by=("cell",)))
    few = shown.filter(pl.col("n") < 30)
    assert len(few) == 40
    assert few["flags"].str.contains("/", literal=True).all()
    for name in ("share", "low", "high"):
        assert few[name].null_count() == len(few)
    printed = shown.filter(~pl.col("flags").str.contains("/", literal=True))
    assert len(printed) > 20
    assert printed.select("share", "low", "high", "counted").null_count().sum_horizontal().item() == 0


def test_years_from_the_first_open_one_on_are_provisional(model: Model, small: pl.DataFrame, path: Path) -> None:
    frame = small.with_columns(filing_date=pl.Series(["2023-01-01", "2024-01-01", "2025-06-01"] * 300))
    for by in (("year",), ("year:filing_date",), ("cell", "year")):
        made = tabled(frame, model, path, by=by, open_since=2024)
        assert {cell.group[-1] for cell in made.cells if "p" in cell.share.flags} == {"2024", "2025"}
        assert {cell.group[-1] for cell in made.cells if "p" not in cell.share.flags} == {"2023"}
    assert not any("p" in cell.share.flags for cell in tabled(frame, model, path, by=("year",)).cells)


def test_documents_tagged_by_another_model_are_only_counted_and_flagged(model: Model, small: pl.DataFrame, path: Path) -> None:
    frame = small.with_columns(
        pl.when(pl.col("cell") == "c002").then(pl.lit(FOREIGN)).otherwise("tagged_by").alias("tagged_by")
    )
    made, ours = (cells(tabled(each, model, path, by=("cell",))) for each in (frame, small))
    assert made["c002"].share.method == "C"
    assert "b" in made["c002"].share.flags
    assert made["c002"].share.share == made["c002"].share.naive
    for name in ("c000", "c001"):
        assert made[name] == ours[name]
        assert "b" not in made[name].share.flags


def test_one_document_of_another_model_makes_a_break_of_its_cell(model: Model, small: pl.DataFrame, path: Path) -> None:
    for stranger in (FOREIGN, None, "broad" + batch.tagged_by(model, "strict").removeprefix("strict")):
        other = pl.when(pl.int_range(pl.len()) == 7).then(pl.lit(stranger)).otherwise("tagged_by").alias("tagged_by")
        made = cells(tabled(small.with_columns(other), model, path, by=("cell",)))
        assert {name: "b" in cell.share.flags for name, cell in made.items()} == {"c000": True, "c001": False, "c002": False}


def test_another_model_s_tags_are_counted_and_not_its_probabilities_cut_at_our_threshold(
    model: Model, small: pl.DataFrame, path: Path
) -> None:
    cautious = (pl.col("ai_probability") > 0.9).cast(pl.Int8).alias("ai")
    frame = small.with_columns(cautious, tagged_by=pl.lit(FOREIGN))
    assert frame["ai"].sum() < small["ai"].sum()
    assert cells(tabled(frame, model, path))[()].share.naive == pytest.approx(frame["ai"].mean())


def test_which_row_comes_first_does_not_decide_whether_texts_are_tagged_again(
    model: Model, small: pl.DataFrame, path: Path
) -> None:
    stranger = pl.when(pl.col("cell") == "c000").then(pl.lit(FOREIGN)).otherwise("tagged_by").alias("tagged_by")
    frame = small.with_columns(stranger, abstract=pl.lit(AI[1]))
    made = [tabled(each, model, path, by=("cell",)).cells for each in (frame, frame.reverse())]
    assert made[0] == made[1]
    assert {cell.group[0] for cell in made[0] if "b" in cell.share.flags} == {"c000"}


def test_where_nothing_was_scored_there_is_no_number_and_never_0(model: Model, small: pl.DataFrame, tmp_path: Path) -> None:
    frame = unscored(small, range(400))
    made = tabled(frame, model, tmp_path / "a.csv", by=("cell",))
    assert cells(made)["c000"].unscored == 400
    (row,) = tables.as_frame(made).filter(label="ai", cell="c000").to_dicts()
    assert (row["n"], row["unscored"], row["flags"]) == (0, 400, "/")
    assert [row[name] for name in ("counted", "share", "low", "high", "floor", "shift")] == [None] * 6
    assert cells(made)["c002"].share.share == cells(tabled(small, model, tmp_path / "a.csv", by=("cell",)))["c002"].share.share
    nothing = tables.as_frame(tabled(unscored(small, range(900)), model, tmp_path / "b.csv"))
    assert nothing["unscored"].to_list() == [900] * 4
    assert nothing.select("counted", "share", "low", "high").null_count().row(0) == (4, 4, 4, 4)


def test_a_stated_break_flags_the_group_from_which_on_the_series_is_another(
    model: Model, small: pl.DataFrame, path: Path
) -> None:
    frame = small.with_columns(filing_date=pl.Series(["2015-01-01", "2016-01-01", "2017-06-01"] * 300))
    request = {"by": ("year", "cell"), "breaks": ("year=2016:new classification: part two", "cell=c001:other source")}
    made = tabled(frame, model, path, **request)
    for group, cell in cells(made).items():
        assert ("b" in cell.share.flags) == (group[0] == "2016" or group[1] == "c001")
    plain = cells(tabled(frame, model, path, by=("year", "cell")))
    assert {group: cell.share.share for group, cell in cells(made).items()} == {
        group: cell.share.share for group, cell in plain.items()
    }
    said = " ".join(tables.described(made))
    assert "Break: from year 2016 on: new classification: part two." in said
    assert "Break: from cell c001 on: other source." in said


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ("year=2016", "write it as COLUMN=VALUE:REASON"),
        ("2016:law", "write it as COLUMN=VALUE:REASON"),
        ("year=2016:", "write it as COLUMN=VALUE:REASON"),
        ("land=US:law", r"--break land=US: not broken down by it; There are: cell"),
        ("cell=c01:law", r"--break cell=c01: no such group; did you mean 'c001'\? There are: c000, c001, c002"),
    ],
)
def test_a_break_without_effect_is_an_error(model: Model, small: pl.DataFrame, path: Path, stated: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        tabled(small, model, path, by=("cell",), breaks=(stated,))


# What was left out


def test_the_unscored_are_told_by_reason_and_no_document_vanishes(model: Model, small: pl.DataFrame, path: Path) -> None:
    reasons = pl.Series(["empty", "language: de", "", None, "too short"] * 180)
    frame = unscored(small, range(300, 450)).with_columns(
        pl.when(pl.int_range(pl.len()).is_between(300, 449)).then(reasons).otherwise(pl.lit("")).alias("unscored")
    )
    made = tabled(frame, model, path, by=("cell",))
    for cell in made.cells:
        assert sum(cell.reasons.values()) == cell.unscored
    whole = cells(tabled(frame, model, path))[()]
    assert dict(whole.reasons) == {"empty": 30, "language: de": 30, "too short": 30, "no probability": 60}
    shown = tables.as_frame(made)
    counted = ["unscored_empty", "unscored_language_de", "unscored_no_probability", "unscored_too_short"]
    assert [name for name in shown.columns if name.startswith("unscored_")] == counted
    assert shown.select(pl.sum_horizontal(counted)).to_series().to_list() == shown["unscored"].to_list()
    assert "Unscored: empty 30, language: de 30, no probability 60, too short 30." in tables.described(made)


def test_documents_far_from_the_training_texts_are_counted_among_the_scored(
    model: Model, small: pl.DataFrame, path: Path
) -> None:
    frame = small.with_columns(scope=pl.Series(["far", "", "title only", None, "", ""] * 150))
    made = tabled(frame, model, path, by=("cell",))
    scored = frame.filter(pl.col("ai_probability").is_not_null())
    for cell in made.cells:
        inside = scored.filter(cell=cell.group[0])["scope"].to_list()
        assert dict(cell.scopes) == {name: inside.count(name) for name in ("far", "title only")}
    shown = tables.as_frame(made).filter(label="ai")
    assert shown["scope_far"].sum() == scored.filter(scope="far").height
    assert shown["scope_title_only"].sum() == scored.filter(scope="title only").height
    assert any(
        line.startswith("Scored, but to be read with care: far from what the model learnt ") for line in tables.described(made)
    )
    assert not [name for name in tables.as_frame(tabled(small, model, path)).columns if name.startswith("scope")]


def test_equal_texts_make_an_interval_no_narrower(model: Model, path: Path) -> None:
    frame = simulated(model, [(800, 0.2)])
    once, often = (cells(tabled(pl.concat([frame] * times), model, path))[()].share for times in (1, 20))
    assert often.n == 20 * once.n
    assert often.share == pytest.approx(once.share)
    assert often.high - often.low == pytest.approx(once.high - once.low, rel=0.15)


# Columns that cannot be


@pytest.mark.parametrize("name", ["label", "n", "share", "unscored", "flags"])
def test_a_column_called_as_one_of_the_table_s_own_is_refused(model: Model, small: pl.DataFrame, path: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"--by '{name}'.*rename"):
        tabled(small.with_columns(pl.lit("x").alias(name)), model, path, by=(name,))


def test_two_kinds_of_year_in_one_table_are_refused(model: Model, small: pl.DataFrame, path: Path) -> None:
    frame = small.with_columns(filing_date=pl.lit("2019-01-01"), grant_date=pl.lit("2020-01-01"))
    for by in (("year:filing_date", "year:grant_date"), ("cell", "cell")):
        with pytest.raises(InputError, match="twice"):
            tabled(frame, model, path, by=by)


@pytest.mark.parametrize("request_", [{"by": ("cel",)}, {"family": "cel"}])
def test_an_unknown_column_is_one_line_that_names_the_columns(
    model: Model, small: pl.DataFrame, path: Path, request_: Mapping[str, Any]
) -> None:
    with pytest.raises(InputError, match=r"no column 'cel'; did you mean 'cell'\? There are: [^\n_]+"):
        tabled(small, model, path, **request_)


def test_an_unknown_label_is_named(model: Model, small: pl.DataFrame, path: Path) -> None:
    with pytest.raises(LabelError, match="no label 'boats'"):
        tabled(small, model, path, labels=("boats",))


# Tagging on the way


@pytest.fixture(scope="session")
def texts() -> list[dict[str, str]]:
    rows = []
    for number, row in enumerate(patents(120)):
        title, abstract = AI if number % 4 == 0 else (row["title"], row["abstract"])
        rows.append(
            {
                "publication_number": f"{number:05d}",
                "title": title,
                "abstract": abstract if number % 10 else "",
                "year": str(2010 + number % 2),
                "code": ["007", "7", ""][number % 3],
                "assignee": ["Acme Inc; Bolt", "ACME"][number % 2],
            }
        )
    return [{**row, "title": "" if not row["abstract"] else row["title"]} for row in rows]


def tag(table: Path, target: Path, definition: Definition = "strict") -> str:
    source = files.Source(str(table))
    batch.run(source, str(target), batch.Job(source.layout, "", definition, 0, files.format_of(str(target))))
    return str(target)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize(
    "request_",
    [
        Request(by=("year", "code"), draws=50),
        Request(by=("assignee",), fractional=True, draws=50),
        Request(where="code is null or code = 7", draws=50),
        Request(where="primary == 'ai'", labels=("ai",), draws=50),
    ],
    ids=["groups", "parts", "condition", "condition on tags"],
)
def test_tagging_on_the_way_equals_tagging_first(
    model: Model, texts: list[dict[str, str]], tmp_path: Path, ending: str, request_: Request
) -> None:
    raw = write_csv(tmp_path / "raw.csv", texts)
    tagged = tag(raw, tmp_path / f"tagged.{ending}")
    made = tables.share_table(tagged, model, request_)
    assert sum(cell.unscored for cell in made.cells) > 0 or "primary" in request_.where
    assert tables.share_table(str(raw), model, request_).cells == made.cells


def test_json_lines_can_be_tagged_on_the_way(model: Model, texts: list[dict[str, str]], tmp_path: Path) -> None:
    request = Request(by=("code",), draws=50)
    made = [
        tables.share_table(str(path), model, request).cells
        for path in (write_csv(tmp_path / "raw.csv", texts), write_jsonl(tmp_path / "raw.jsonl", texts))
    ]
    assert made[0] == made[1]


def test_columns_that_are_called_like_tags_do_not_hinder(model: Model, texts: list[dict[str, str]], tmp_path: Path) -> None:
    request = Request(by=("year",), draws=50)
    plain = tables.share_table(str(write_csv(tmp_path / "a.csv", texts)), model, request)
    mine = [{**row, "primary": "mine", "ai": "yes", "known": "?"} for row in texts]
    assert tables.share_table(str(write_csv(tmp_path / "b.csv", mine)), model, request).cells == plain.cells


def test_both_definitions_stand_one_below_the_other(model: Model, texts: list[dict[str, str]], tmp_path: Path) -> None:
    tagged = tag(write_csv(tmp_path / "raw.csv", texts), tmp_path / "tagged.csv")
    both = tables.share_table(tagged, model, Request(by=("year",), definitions=DEFINITIONS, draws=50))
    assert [cell.definition for cell in both.cells] == ["strict"] * 8 + ["broad"] * 8
    for definition in DEFINITIONS:
        alone = tables.share_table(tag(tmp_path / "raw.csv", tmp_path / f"{definition}.csv", definition), model, Request(
            by=("year",), definitions=(definition,), draws=50
        ))  # fmt: skip
        assert tuple(cell for cell in both.cells if cell.definition == definition) == alone.cells
        assert not any("b" in cell.share.flags for cell in alone.cells)


def test_without_texts_the_other_definition_is_flagged_as_a_break(model: Model, small: pl.DataFrame, path: Path) -> None:
    made = tabled(small, model, path, definitions=DEFINITIONS)
    assert {(cell.definition, cell.share.method, "b" in cell.share.flags) for cell in made.cells} == {
        ("strict", "E", False),
        ("broad", "C", True),
    }


def test_a_table_that_is_neither_tagged_nor_has_texts_is_refused(model: Model, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column for title or abstract"):
        tables.share_table(str(write_csv(tmp_path / "a.csv", [{"a": "1", "b": "2"}])), model, Request())


# Where it came from


def test_a_table_says_what_it_was_made_from(model: Model, small: pl.DataFrame, path: Path) -> None:
    made = tabled(small, model, path, by=("cell",), seed=9, where="known > 0")
    stated = made.provenance
    assert stated["input_sha256"] == tagged.sha256(str(path))
    assert stated["model_digest"] == model.digest
    assert stated["labels"] == {label.id: {"name": label.name, "version": label.version} for label in model.labels}
    assert {"ipclass", "numpy"} <= set(stated)
    said = " ".join(tables.described(made))
    for word in ("strict", model.digest[:12], "seed 9", "known > 0", "95%", "50 bootstrap draws", "ai 2026", "tagged.csv"):
        assert word in said


@given(
    st.builds(
        Request,
        by=st.lists(st.sampled_from(["year", "country", "a;b", "ä"]), unique=True).map(tuple),
        labels=st.lists(st.sampled_from(["ai", "bci"])).map(tuple),
        definitions=st.sampled_from([("strict",), ("broad",), DEFINITIONS]),
        method=st.sampled_from(METHODS),
        where=st.text(max_size=20),
        fractional=st.booleans(),
        top=st.integers(0, 9),
        level=st.floats(0.5, 0.999),
        seed=st.integers(0, 2**40),
    )
)
def test_a_request_survives_being_stored_as_json(request_: Request) -> None:
    assert grouping.request_from(json.loads(json.dumps(asdict(request_)))) == request_


# Size


@pytest.mark.slow
def test_a_million_documents_in_200_cells(model: Model, tmp_path: Path) -> None:
    size, groups = 1_000_000, 200
    frame = simulated(model, [(20_000, 0.1)]).drop("cell")
    whole = pl.concat([frame] * (size // len(frame))).with_columns(
        year=pl.int_range(pl.len()) % 10 + 2010, country=(pl.int_range(pl.len()) // 10 % 20).cast(pl.String)
    )
    made = tabled(whole, model, tmp_path / "million.parquet", by=("year", "country"), labels=("ai", "quantum"), draws=100)
    assert len(made.cells) == 2 * groups
    assert {cell.share.n for cell in made.cells} == {size / groups}
    # every cell is a hundredth of the 20,000 taken fifty times: as it were 100 documents, each of them fifty times
    assert np.mean([cell.share.share for cell in cells(made).values()]) == pytest.approx(0.1, rel=0.1)
