"""What tables of shares promise: every document is in them, every number is the one that was estimated, none is made up.

Tagged tables are simulated: scores are drawn from the held-out positives and negatives of the shipped model, so that the
true share of every cell is known.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from conftest import patents, write_csv, write_jsonl
from hypothesis import given, settings
from hypothesis import strategies as st

from ipclass import batch, files, grouping, table_files, tables, tagged
from ipclass.errors import InputError, LabelError, ShareError
from ipclass.grouping import Request, harmonised
from ipclass.indicator_tables import indicator_tables
from ipclass.model import Model
from ipclass.population import per_inhabitants
from ipclass.records import DEFINITIONS, Definition
from ipclass.shares import METHODS, estimate_cells
from ipclass.tables import Table

FOREIGN = "strict:000000000000"
AI = (
    "Training a neural network",
    "A neural network is trained on labelled images by gradient descent; a classifier then predicts the class of each image.",
)


@pytest.fixture(scope="session")
def model() -> Model:
    return batch.load("")


def simulated(
    model: Model,
    cells: Sequence[tuple[int, float]],
    definition: Definition = "strict",
    seed: int = 0,
    **columns: Sequence[Any],
) -> pl.DataFrame:
    """Return a tagged table: in each cell so many documents, of which each label truly has so large a share."""
    rng = np.random.default_rng(seed)
    sizes = [n for n, _ in cells]
    truth = np.concatenate([np.arange(n) < round(n * share) for n, share in cells])
    added: dict[str, Any] = {}
    for label in model.labels.ids:
        target = model.targets[model.column(label, definition)]
        mine = rng.permutation(len(truth)) if len(cells) == 1 else np.arange(len(truth))
        positive, negative = (rng.choice(target.held_out[chosen], len(truth)) for chosen in (target.truth, ~target.truth))
        probabilities = target.platt(np.where(truth[mine], positive, negative))
        added[label] = pl.Series(probabilities >= target.threshold).cast(pl.Int8)
        added[f"{label}_probability"] = pl.Series(probabilities).round_sig_figs(6)
    names = np.repeat([f"c{place:03d}" for place in range(len(cells))], sizes)
    made_by = [batch.tagged_by(model, definition)] * len(truth)
    frame = {"title": ["T"] * len(truth), "cell": names, **added, "known": [1.0] * len(truth), "tagged_by": made_by}
    return pl.DataFrame({**frame, **columns})


def unscored(frame: pl.DataFrame, rows: Sequence[int]) -> pl.DataFrame:
    """Return the table with these rows as classify leaves documents that it cannot tag."""
    which = pl.int_range(pl.len()).is_in(list(rows))
    tags = [name for name in frame.columns if name in ("6g", "ai", "bci", "quantum") or name.endswith("_probability")]
    return frame.with_columns(
        *(pl.when(which).then(None).otherwise(pl.col(name)).alias(name) for name in tags),
        pl.when(which).then(pl.lit("empty")).otherwise(pl.lit("")).alias("unscored"),
    )


def tabled(frame: pl.DataFrame, model: Model, path: Path, **request: Any) -> Table:
    """Return the table of shares of ``frame``, which is written to ``path`` on the way; 50 draws if nothing is said."""
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path)
    return tables.share_table(str(path), model, Request(**{"draws": 50, **request}))


def cells(table: Table, label: str = "ai") -> dict[Any, tables.Cell]:
    """Return the cells of a label by their group: a single value as such."""
    found = {cell.group if len(cell.group) != 1 else cell.group[0]: cell for cell in table.cells if cell.label == label}
    assert len(found) == sum(cell.label == label for cell in table.cells)
    return found


@pytest.fixture(scope="session")
def small(model: Model) -> pl.DataFrame:
    """Three cells of 400, 300 and 200 documents, a tenth of the second unscored."""
    frame = simulated(model, [(400, 0.1), (300, 0.2), (200, 0.3)])
    return unscored(frame, range(400, 430))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tagged.csv"


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


# Years and dates


@pytest.mark.parametrize(
    ("written", "year"),
    [
        ("2019-05-01", "2019"),
        ("2019-05-01T23:59:59Z", "2019"),
        ("20190501", "2019"),
        ("201905", "2019"),
        ("01/05/2019", "2019"),
        ("1.5.2019", "2019"),
        ("20-12-2019", "2019"),
        ("18122019", "2019"),
        ("May 1, 2019", "2019"),
        ("2019/5", "2019"),
        ("2019", "2019"),
        (" 2019 ", "2019"),
        ("18990101", "1899"),
        ("20191231", "2019"),
        ("1.5.19", ""),
        ("", ""),
        ("unknown", ""),
        ("US2019123456", ""),
        ("1583020800", ""),
    ],
)
def test_a_year_is_found_in_dates_of_odd_forms_or_left_out(
    model: Model, small: pl.DataFrame, path: Path, written: str, year: str
) -> None:
    frame = small.with_columns(filing_date=pl.lit(written))
    (cell,) = cells(tabled(frame, model, path, by=("year",))).values()
    assert cell.group == (year,)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.dates(date(1800, 1, 1), date(2099, 12, 31)),
            st.sampled_from(
                ["%Y-%m-%d", "%Y%m%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y/%m/%d", "%d %B %Y", "%d-%b-%Y", "%Y"]
            ),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_the_year_of_any_date_is_its_year(dates: list[tuple[date, str]]) -> None:
    frame = pl.DataFrame({tagged.ROW: range(len(dates)), "date": [day.strftime(form) for day, form in dates]})
    found = grouping.grouped(frame, Request(by=("year",)))[0]["__by_0"].to_list()
    assert found == [f"{day.year}" for day, _ in dates]


def test_the_date_that_years_are_taken_from_is_named(model: Model, small: pl.DataFrame, path: Path) -> None:
    frame = small.with_columns(filing_date=pl.lit("2018-02-03"), publication_date=pl.lit("2019-08-03"))
    for by, named, year in (("year", "publication_date", "2019"), ("year:filing_date", "filing_date", "2018")):
        made = tabled(frame, model, path, by=(by,))
        assert {cell.group for cell in made.cells} == {(year,)}
        assert tables.as_frame(made).columns[2] == "year"
        assert made.provenance["request"]["by"] == (f"year:{named}",)
        assert f"years are those of {named}" in " ".join(tables.described(made))


def test_a_column_of_years_goes_before_a_date_and_loses_its_decimals(model: Model, small: pl.DataFrame, tmp_path: Path) -> None:
    frame = small.with_columns(year=pl.Series([2015.0, 2016.0, None] * 300), date=pl.lit("2019-08-03"))
    for name in ("a.csv", "a.parquet"):  # as pandas writes years where one is missing
        made = tabled(frame, model, tmp_path / name, by=("year",), open_since=2016)
        assert {year: "p" in cell.share.flags for year, cell in cells(made).items()} == {"": False, "2015": False, "2016": True}


def test_without_year_and_date_it_is_said_what_dates_may_be_called(model: Model, small: pl.DataFrame, path: Path) -> None:
    with pytest.raises(InputError, match=r"no column 'year' and no date.*publication_date"):
        tabled(small, model, path, by=("year",))
    with pytest.raises(InputError, match=r"no column 'filed'; There are: .*cell"):
        tabled(small, model, path, by=("year:filed",))


# Several values in a cell


def test_several_countries_count_whole_or_in_parts(model: Model, small: pl.DataFrame, path: Path) -> None:
    frame = small.head(400).with_columns(country=pl.Series(["US", "US;DE", " DE ; US;FR;US", ";"] * 100))
    whole = {name: cell.share.n for name, cell in cells(tabled(frame, model, path, by=("country",))).items()}
    assert whole == {"": 100, "US": 300, "DE": 200, "FR": 100}
    parts = {name: cell.share.n for name, cell in cells(tabled(frame, model, path, by=("country",), fractional=True)).items()}
    assert parts == pytest.approx({"": 100, "US": 100 + 50 + 100 / 3, "DE": 50 + 100 / 3, "FR": 100 / 3})
    assert sum(parts.values()) == pytest.approx(400)


def test_parts_of_unscored_documents_are_parts_too(model: Model, small: pl.DataFrame, path: Path) -> None:
    frame = small.with_columns(country=pl.Series(["US;DE", "US;DE;FR"] * 450))
    made = tabled(frame, model, path, by=("country",), fractional=True)
    for label in model.labels.ids:
        assert sum(cell.share.n for cell in cells(made, label).values()) == pytest.approx(870)
        assert sum(cell.unscored for cell in cells(made, label).values()) == pytest.approx(30)
    shown = tables.as_frame(made).filter(label="ai")
    assert (shown["n"].sum(), shown["unscored"].sum()) == pytest.approx((870, 30), abs=0.01)


VALUES = st.lists(st.sampled_from(["US", "DE", " FR", "", "us", "ACME Inc", "Acme"]), max_size=5).map(";".join)


@settings(max_examples=60)
@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=25), st.booleans())
def test_parts_of_a_document_sum_to_one_and_no_document_is_twice_in_a_cell(
    rows: list[tuple[str, str]], fractional: bool
) -> None:
    frame = pl.DataFrame(
        {tagged.ROW: range(len(rows)), "country": [row[0] for row in rows], "applicant": [row[1] for row in rows]}
    )
    found, _ = grouping.grouped(frame, Request(by=("country", "applicant"), fractional=fractional))
    keys = [tagged.ROW, "__by_0", "__by_1"]
    assert found.select(keys).is_unique().all()
    assert set(found[tagged.ROW].to_list()) == set(range(len(rows)))
    weights = found.group_by(tagged.ROW).agg(pl.col("__weight").sum())["__weight"]
    if fractional:
        assert weights.to_list() == pytest.approx([1.0] * len(rows))
    else:
        assert set(found["__weight"].to_list()) == {1.0}
    for number, (countries, _) in enumerate(rows):
        expected = {part.strip() for part in countries.split(";")} - {""} or {""}
        assert set(found.filter(pl.col(tagged.ROW) == number)["__by_0"].to_list()) == expected


def test_lists_in_parquet_are_several_values_and_other_nests_are_refused(
    model: Model, small: pl.DataFrame, tmp_path: Path
) -> None:
    frame = small.head(300).with_columns(
        country=pl.Series([["US", "DE"], ["US"], None] * 100), nest=pl.Series([{"a": 1}, {"a": 2}, {"a": 3}] * 100)
    )
    made = tabled(frame, model, tmp_path / "a.parquet", by=("country",))
    assert {name: cell.share.n for name, cell in cells(made).items()} == {"": 100, "US": 200, "DE": 100}
    with pytest.raises(InputError, match="the column 'nest' holds Struct"):
        tabled(frame, model, tmp_path / "a.parquet", by=("nest",))


# Applicants


def test_spellings_of_a_firm_are_one_and_are_listed(model: Model, small: pl.DataFrame, path: Path) -> None:
    spellings = ["Samsung Electronics Co., Ltd. [KR]", "SAMSUNG ELECTRONICS CO LTD", "Siemens AG", "Acme"]
    frame = small.head(400).with_columns(assignee=pl.Series(spellings * 100))
    made = tabled(frame, model, path, by=("assignee",))
    assert {name: cell.share.n for name, cell in cells(made).items()} == {
        "SAMSUNG ELECTRONICS": 200,
        "SIEMENS": 100,
        "ACME": 100,
    }
    assert dict(made.names) == {"SAMSUNG ELECTRONICS": (spellings[1], spellings[0])}


@pytest.mark.parametrize("fractional", [False, True])
def test_a_document_of_one_firm_in_two_spellings_counts_once(
    model: Model, small: pl.DataFrame, path: Path, fractional: bool
) -> None:
    frame = small.head(400).with_columns(assignee=pl.Series(["Acme GmbH; ACME Corp.", "Acme", "Acme Inc; Bolt", "Bolt"] * 100))
    found = {
        name: cell.share.n for name, cell in cells(tabled(frame, model, path, by=("assignee",), fractional=fractional)).items()
    }
    assert found == ({"ACME": 250, "BOLT": 150} if fractional else {"ACME": 300, "BOLT": 200})


def test_the_largest_applicants_are_those_with_most_documents_after_harmonising(
    model: Model, small: pl.DataFrame, path: Path
) -> None:
    names = ["Acme GmbH"] * 150 + ["ACME"] * 150 + ["Bolt"] * 200 + ["Cog"] * 100 + [""] * 300
    made = tabled(small.with_columns(assignee=pl.Series(names)), model, path, by=("assignee",), top=2)
    assert {name: cell.share.n + cell.unscored for name, cell in cells(made).items()} == {"ACME": 300, "BOLT": 200}
    assert made.names["ACME"] == ("ACME", "Acme GmbH")


def test_the_largest_groups_of_any_single_column_can_be_asked_for(model: Model, small: pl.DataFrame, path: Path) -> None:
    assert set(cells(tabled(small, model, path, by=("cell",), top=2))) == {"c000", "c001"}
    frame = small.with_columns(assignee=pl.Series(["Acme", "Bolt", "Bolt"] * 300))
    assert {group[1] for group in cells(tabled(frame, model, path, by=("cell", "assignee"), top=1))} == {"BOLT"}
    assert {group[0] for group in cells(tabled(frame, model, path, by=("cell", "assignee"), top=1))} == {"c000", "c001", "c002"}


def test_the_largest_of_no_applicants_are_no_table_but_an_error(model: Model, small: pl.DataFrame, path: Path) -> None:
    with pytest.raises(ShareError, match="no documents left that have a value of assignee"):
        tabled(small.with_columns(assignee=pl.lit("")), model, path, by=("assignee",), top=3)


@given(st.text(max_size=40))
def test_harmonising_twice_is_harmonising_once(name: str) -> None:
    assert harmonised(harmonised(name)) == harmonised(name)


@given(
    st.lists(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZÄÉ0123456789", min_size=5, max_size=9), min_size=1, max_size=3)
    .map(" ".join)
    .filter(lambda name: not set(name.split()) & grouping.LEGAL_FORMS),
    st.sampled_from(
        ["", " Co., Ltd.", " GmbH", ", Inc.", " S.A.", " LLC [US]", " AG [DE]", " Kabushiki Kaisha", " B.V.", " co.ltd"]
    ),
)
def test_case_punctuation_and_legal_forms_make_no_other_firm(name: str, form: str) -> None:
    assert (
        harmonised(name + form)
        == harmonised(f"  {name.lower().replace(' ', '  ')}{form.lower()}".replace("[us]", "[US]"))
        == name
    )


@pytest.mark.parametrize("name", ["Company Limited", "SE", "三星電子株式会社", "AT&T", "3M"])
def test_a_name_never_vanishes(name: str) -> None:
    assert harmonised(name) == name.upper()


# Families


def test_a_family_counts_once_and_documents_without_one_are_kept(model: Model, small: pl.DataFrame, tmp_path: Path) -> None:
    family = ["F1", "F1", "F2", "", ""] * 20 + ["F3", None, "", "F2", "F1"] * 20
    frame = small.head(200).with_columns(family_id=pl.Series(family))
    for name in ("a.csv", "a.parquet"):
        made = tabled(frame, model, tmp_path / name, family="family_id")
        assert {cell.share.n for cell in made.cells} == {3 + family.count("") + family.count(None)}
    assert "families" in " ".join(tables.described(made))


def test_the_condition_holds_before_families_are_counted(model: Model, small: pl.DataFrame, path: Path) -> None:
    frame = small.head(200).with_columns(
        family_id=pl.Series([f"F{n // 2}" for n in range(200)]), office=pl.Series(["US", "EP"] * 100)
    )
    made = tabled(frame, model, path, family="family_id", where="office = 'EP'")
    assert {cell.share.n for cell in made.cells} == {100}


# Conditions


@pytest.mark.parametrize(
    ("where", "left"),
    [
        ("country == 'US'", 300),
        ("country = 'US' and office = 'EP'", 150),
        ("country in ('US', 'DE')", 600),
        ("country != 'US'", 300),  # of an unknown country nothing is known
        ("country is null", 300),
        ("number >= 2", 600),
        ("number = 1", 300),
        ("number = 1.0 or number > 2.5", 600),
        ("not number = 1", 600),
        ("code = '007'", 450),
        ("code = 7", 900),
        ("high_value == true", 300),
        ("high_value = false", 300),
        ("high_value", 300),
        ("not high_value", 300),
        ("high_value is null", 300),
        ("mixed = 'x'", 300),
    ],
)
def test_a_condition_restricts_by_texts_numbers_and_booleans(
    model: Model, small: pl.DataFrame, path: Path, where: str, left: int
) -> None:
    frame = small.with_columns(
        country=pl.Series(["US", "DE", ""] * 300),
        office=pl.Series(["US", "EP"] * 450),
        number=pl.Series([1, 2, 3] * 300),
        code=pl.Series(["007", "7"] * 450),
        high_value=pl.Series(["true", "False", ""] * 300),
        mixed=pl.Series(["1", "x", "2020"] * 300),
    )
    made = tabled(frame, model, path, where=where)
    assert {cell.share.n + cell.unscored for cell in made.cells} == {left}
    assert where in " ".join(tables.described(made))


def test_an_unknown_column_in_a_condition_is_one_line_that_names_the_columns(
    model: Model, small: pl.DataFrame, path: Path
) -> None:
    with pytest.raises(InputError) as error:
        tabled(small, model, path, where="cel == 'c000'")
    said = str(error.value)
    assert "no column 'cel'; did you mean 'cell'? There are: " in said
    assert "\n" not in said
    assert "__" not in said


@pytest.mark.parametrize(
    "where", ["cell =", "cell", "known + 1", "1", "cell > > 2", "select 1", "cell = 3", "nonsense(cell) = 1"]
)
def test_a_condition_that_is_none_is_one_line_with_an_example(
    model: Model, small: pl.DataFrame, path: Path, where: str
) -> None:
    with pytest.raises(InputError) as error:
        tabled(small, model, path, where=where)
    assert repr(where) in str(error.value)
    assert "as in \"year >= 2020 and country = 'CN'\"" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_condition_that_leaves_nothing_is_an_error_and_not_0(model: Model, small: pl.DataFrame, path: Path) -> None:
    with pytest.raises(ShareError, match="no documents left where cell = 'x': a share of nothing is not 0"):
        tabled(small, model, path, where="cell = 'x'")


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


# What differs from a stored table


def test_a_stored_table_that_comes_out_the_same_differs_in_nothing(model: Model, small: pl.DataFrame, tmp_path: Path) -> None:
    made = tabled(small, model, tmp_path / "tagged.csv", by=("cell",))
    frame = tables.as_frame(made)
    stored = tmp_path / "shares.csv"
    stored.write_bytes(table_files.csv_bytes(frame))
    stated = {**made.provenance, "table_sha256": tagged.sha256(str(stored))}
    assert table_files.verified(made, frame, stored, stated) == []
    assert "input_sha256" in table_files.verified(made, frame, stored, {**stated, "input_sha256": "0"})[0]
    assert "model_digest" in table_files.verified(made, frame, stored, {**stated, "model_digest": "0"})[0]
    other = replace(made, cells=made.cells[1:])
    assert table_files.verified(other, tables.as_frame(other), stored, stated) == ["the figures come out differently"]
    stored.write_bytes(stored.read_bytes() + b"\n")
    assert table_files.verified(made, frame, stored, stated) == [f"{stored}: changed since it was written"]
    stored.unlink()
    with pytest.raises(InputError, match="cannot be read: No such file"):
        table_files.verified(made, frame, stored, stated)


def test_an_unscored_first_member_does_not_hide_its_family() -> None:
    frame = pl.DataFrame({tagged.ROW: [0, 1, 2], "family": ["f", "f", "g"], "__p_a": [None, 0.7, 0.1]})
    kept = grouping.restricted(frame, Request(family="family"))
    assert kept[tagged.ROW].to_list() == [1, 2]
