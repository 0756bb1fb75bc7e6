from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from conftest import ipclass, judged, patents, write_csv

from ipclass import Document, Model, corpus, tables, training
from ipclass.corpus import Corpus, Entry
from ipclass.counts import learn
from ipclass.errors import InputError, LabelError, ModelError, ShareError
from ipclass.frames import classify, shares
from ipclass.grouping import Request

ROWS = [{**row, "country": ("US", "DE", "US;CN")[place % 3]} for place, row in enumerate(patents(60))]
COLUMNS: dict[str, list[Any]] = {name: [row[name] for row in ROWS] for name in ROWS[0]}

KINDS: dict[str, Callable[[dict[str, list[Any]]], Any]] = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "lazy": pl.LazyFrame,
    "pyarrow": pa.table,
}
each_kind = pytest.mark.parametrize("kind", KINDS)


def as_polars(frame: Any) -> pl.DataFrame:
    """Return a frame of any kind with missing values as null, to compare."""
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, pd.DataFrame):
        frame = pl.DataFrame(
            {
                str(name): [None if gone else v for v, gone in zip(c.tolist(), c.isna(), strict=True)]
                for name, c in frame.items()
            }
        )
    return frame if isinstance(frame, pl.DataFrame) else pl.DataFrame(pl.from_arrow(frame))


def same(one: Any, two: Any) -> bool:
    a, b = as_polars(one), as_polars(two)
    return a.columns == b.columns and a.cast(b.schema).equals(b)


@pytest.fixture(scope="module")
def tagged_csv(tiny_model: str, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    folder = tmp_path_factory.mktemp("tagged")
    done = ipclass("classify", write_csv(folder / "in.csv", ROWS), "-o", folder / "out.csv", "-m", tiny_model, "--explain", "2")
    assert done.code == 0, done.err
    return pl.read_csv(folder / "out.csv", schema_overrides={"year": pl.String}, empty_string_is_null=False)


@each_kind
def test_a_frame_is_tagged_as_a_table_is_by_the_command(kind: str, tiny_model: str, tagged_csv: pl.DataFrame) -> None:
    frame = KINDS[kind](COLUMNS)
    found = classify(frame, model=tiny_model, explain=2)
    assert type(found) is type(frame)
    assert same(found, tagged_csv)


@each_kind
def test_the_frame_that_is_given_stays_as_it_is(kind: str, tiny_model: str) -> None:
    frame = KINDS[kind](COLUMNS)
    classify(frame, model=tiny_model)
    assert same(frame, pl.DataFrame(COLUMNS))


def test_columns_have_the_same_types_whatever_is_in_them(tiny_model: str) -> None:
    full, empty = classify(pd.DataFrame(COLUMNS), model=tiny_model), classify(pd.DataFrame(COLUMNS).head(0), model=tiny_model)
    assert len(empty) == 0
    added = full.columns[len(COLUMNS) :]
    assert (full.dtypes[added] == empty.dtypes[added]).all()
    assert str(full.dtypes["kites"]) == "Int8"
    for make in (pl.DataFrame, pa.table):
        assert classify(make(COLUMNS)[:0], model=tiny_model).schema == classify(make(COLUMNS), model=tiny_model).schema


@pytest.mark.parametrize(
    "index",
    [
        pd.Index([7, 7, 7, *range(57)]),
        pd.Index([f"row {n % 5}" for n in range(60)], name="name"),
        pd.date_range("2020-01-01", periods=60),
        pd.MultiIndex.from_product([range(6), list("abcdefghij")], names=["one", "two"]),
        pd.RangeIndex(60, 0, -1),
    ],
    ids=["doubled", "named", "dates", "levels", "backwards"],
)
def test_the_index_of_pandas_is_kept_and_moves_no_row(index: pd.Index, tiny_model: str) -> None:
    frame = pd.DataFrame(COLUMNS).set_axis(index)
    found = classify(frame, model=tiny_model)
    pd.testing.assert_index_equal(found.index, index)
    assert found["primary"].tolist() == classify(pl.DataFrame(COLUMNS), model=tiny_model)["primary"].to_list()
    pd.testing.assert_frame_equal(found[list(COLUMNS)], frame)


@pytest.mark.parametrize("dtype", ["object", "str", "string", "category"])
@pytest.mark.parametrize("nothing", [None, np.nan, pd.NA, ""])
def test_a_missing_text_is_unscored_and_no_other_row_moves(dtype: str, nothing: Any, tiny_model: str) -> None:
    frame = pd.DataFrame(COLUMNS)[["title", "abstract"]].astype(object)
    frame.iloc[5] = nothing
    found = classify(frame.astype(dtype), model=tiny_model)
    whole = classify(pd.DataFrame(COLUMNS), model=tiny_model)
    assert found.loc[5, ["primary", "unscored"]].tolist() == ["unscored", "empty"]
    assert found.loc[5, ["kites", "looms", "kites_probability"]].isna().all()
    assert found["kites"].drop(5).tolist() == whole["kites"].drop(5).tolist()


def test_a_missing_title_leaves_the_abstract(tiny_model: str) -> None:
    frame = pl.DataFrame({**COLUMNS, "title": [None] * 60})
    assert (
        classify(frame, model=tiny_model)["primary"].to_list()
        == classify(frame.drop("title"), model=tiny_model)["primary"].to_list()
    )


def test_arrow_tables_in_chunks_and_dictionaries_are_read_in_order(tiny_model: str) -> None:
    table = pa.table(COLUMNS)
    pieces = pa.concat_tables([table[:7], table[7:7], table[7:31], table[31:]])
    coded = pieces.set_column(1, "title", pieces["title"].dictionary_encode())
    assert coded["title"].num_chunks > 1
    assert same(classify(coded, model=tiny_model), classify(table, model=tiny_model))


def test_a_lazy_frame_is_tagged_when_it_is_collected_and_only_what_is_wanted(
    tiny_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    tag = Model.tag
    monkeypatch.setattr(Model, "tag", lambda self, texts, *rest: seen.append(len(texts)) or tag(self, texts, *rest))
    lazy = classify(pl.LazyFrame(COLUMNS).filter(pl.col("country") == "US"), model=tiny_model)
    assert lazy.collect_schema().names()[-1] == "tagged_by"
    assert sum(seen) == 0
    found = lazy.filter(pl.col("kites") == 1).select("year", "kites_probability").collect()
    assert sum(seen) == 20
    assert len(found) == 20
    assert found.columns == ["year", "kites_probability"]


def test_columns_of_pandas_need_not_be_named_by_texts(tiny_model: str) -> None:
    frame = pd.DataFrame(COLUMNS).rename(columns={"year": 1990, "country": ("a", "b")})
    found = classify(frame, model=tiny_model)
    assert found.columns[:5].tolist() == frame.columns.tolist()
    assert found["kites"].sum() == 20
    numbered = pd.DataFrame({0: COLUMNS["title"], 1: COLUMNS["abstract"]})
    assert classify(numbered, model=tiny_model, title="0", abstract="1")["kites"].sum() == 20


def test_pandas_columns_of_several_levels_are_kept(tiny_model: str) -> None:
    frame = pd.DataFrame(COLUMNS)
    frame.columns = pd.MultiIndex.from_tuples([("patent", name) for name in frame.columns])
    found = classify(frame, model=tiny_model, title="('patent', 'title')", abstract="('patent', 'abstract')")
    assert found["primary"].tolist() == classify(pd.DataFrame(COLUMNS), model=tiny_model)["primary"].tolist()


@each_kind
def test_the_long_form_has_a_row_a_document_and_label(kind: str, tiny_model: str) -> None:
    columns = {**COLUMNS, "abstract": ["", *COLUMNS["abstract"][1:]], "title": ["", *COLUMNS["title"][1:]]}
    wide = as_polars(classify(KINDS[kind](columns), model=tiny_model, explain=1))
    long = as_polars(classify(KINDS[kind](columns), model=tiny_model, explain=1, wide=False))
    added = ["label", "assigned", "probability", "terms", "primary", "known", "unscored", "scope", "tagged_by"]
    assert long.columns == [*COLUMNS, *added]
    assert long["label"].to_list() == ["kites", "looms"] * 60
    assert long["publication_number"].to_list() == [number for number in COLUMNS["publication_number"] for _ in range(2)]
    for label in ("kites", "looms"):
        own = long.filter(pl.col("label") == label)
        assert own["assigned"].to_list() == wide[label].to_list()
        assert own["probability"].to_list() == wide[f"{label}_probability"].to_list()
        assert own["terms"].to_list() == wide[f"{label}_terms"].to_list()
    assert long["assigned"].to_list()[:2] == [None, None]


@each_kind
def test_codes_are_held_against_the_tags_as_the_command_does_it(kind: str, tmp_path: Path) -> None:
    rows = [{**row, "cpc": "G06N10/00" if place % 2 else "A01B1/00;A47J36/00"} for place, row in enumerate(ROWS[:12])]
    done = ipclass("classify", write_csv(tmp_path / "in.csv", rows), "-o", tmp_path / "out.csv", "--explain", "1")
    assert done.code == 0, done.err
    stored = pl.read_csv(tmp_path / "out.csv", schema_overrides={"year": pl.String}, empty_string_is_null=False)
    found = classify(KINDS[kind]({name: [row[name] for row in rows] for name in rows[0]}), explain=1)
    assert same(found, stored)
    assert any(column.endswith("_codes") for column in stored.columns)
    long = as_polars(classify(KINDS[kind]({name: [row[name] for row in rows] for name in rows[0]}), explain=1, wide=False))
    assert "codes" in long.columns


def test_the_long_form_repeats_the_index(tiny_model: str) -> None:
    frame = pd.DataFrame(COLUMNS).set_index("publication_number")
    assert classify(frame, model=tiny_model, wide=False).index.tolist() == np.repeat(frame.index, 2).tolist()


def test_definition_and_prefix_are_those_of_the_command(tiny_model: str) -> None:
    found = classify(pl.DataFrame(COLUMNS), model=Model.load(tiny_model), definition="broad", prefix="x_")
    assert found["x_tagged_by"][0].startswith("broad:")
    assert same(classify(found, model=tiny_model).drop("^x_.*$"), classify(pl.DataFrame(COLUMNS), model=tiny_model))


@each_kind
@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        ({"abstract": "abstrct", "title": "name"}, {}, "no column for title or abstract; name it with abstract=. There are"),
        ({}, {"abstract": "abstrct"}, "no column 'abstrct'; did you mean 'abstract'?"),
        ({"year": "primary"}, {}, "has a column 'primary' already; set the new ones apart with prefix="),
        ({"year": "label"}, {"wide": False}, "has a column 'label' already"),
    ],
)
def test_a_frame_that_does_not_fit_is_refused(
    kind: str, change: dict[str, str], options: dict[str, Any], said: str, tiny_model: str
) -> None:
    frame = KINDS[kind]({change.get(name, name): values for name, values in COLUMNS.items()})
    with pytest.raises(InputError) as error:
        classify(frame, model=tiny_model, **options)
    assert said in str(error.value)


@pytest.mark.parametrize("given", [[{"title": "Kite"}], {"title": ["Kite"]}, pl.Series(["Kite"]), None, "patents.csv"])
def test_what_is_no_frame_is_refused(given: Any) -> None:
    with pytest.raises(InputError, match="a data frame of pandas, polars or pyarrow is expected, got"):
        classify(given)


def test_two_columns_of_one_name_are_refused(tiny_model: str) -> None:
    with pytest.raises(InputError, match="data frame: Expected unique column names, got: - 'abstract' 2 times"):
        classify(pd.DataFrame([["a", "b"]], columns=["abstract", "abstract"]), model=tiny_model)


def test_fewer_terms_than_none_are_refused(tiny_model: str) -> None:
    with pytest.raises(InputError, match="explain=-1"):
        classify(pl.DataFrame(COLUMNS), model=tiny_model, explain=-1)


@each_kind
def test_a_frame_without_rows_has_the_columns_of_the_long_form(kind: str, tiny_model: str) -> None:
    frame = KINDS[kind](COLUMNS)
    whole, none = (as_polars(classify(each, model=tiny_model, wide=False)) for each in (frame, frame[:0]))
    assert (none.columns, len(none)) == (whole.columns, 0)


def test_a_column_that_is_no_text_may_be_broken_down_by(sure_model: str) -> None:
    frame = pd.DataFrame(COLUMNS).rename(columns={"country": 7})
    assert (
        shares(frame, 7, model=sure_model, **ASKED)["7"].tolist() == shares(frame, "7", model=sure_model, **ASKED)["7"].tolist()
    )


def test_an_unknown_definition_is_refused(tiny_model: str) -> None:
    with pytest.raises(LabelError, match="did you mean 'broad'"):
        classify(pl.DataFrame(COLUMNS), model=tiny_model, definition="brod")


# --- shares

ASKED: dict[str, Any] = {"draws": 60, "open_since": 2030}


@pytest.fixture(scope="module")
def sure_model(tiny_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model with enough held-out documents to estimate from."""
    folder = tmp_path_factory.mktemp("sure")
    labels = corpus.read_labels(tiny_corpus / "labels")
    counts = learn([Document(row["title"], row["abstract"]).text for row in judged(120)])
    entries = tuple(Entry(row["id"], "", "", "representative", row["id"], row["grades"]) for row in judged(120))
    training.train(Corpus(labels, entries, *counts), training.Recipe(penalty=0.5, folds=5)).save(folder)
    return str(folder)


def expected(sure_model: str, by: tuple[str, ...] = (), **asked: Any) -> pl.DataFrame:
    tagged = classify(pl.DataFrame(COLUMNS), model=sure_model)
    made = tables.share_table_of(tagged, Model.load(sure_model), Request(by=by, **{**ASKED, **asked}))
    return tables.as_frame(made)


@each_kind
def test_shares_of_a_frame_are_those_of_its_table(kind: str, sure_model: str) -> None:
    frame = KINDS[kind](COLUMNS)
    found = shares(classify(frame, model=sure_model), "country", model=sure_model, **ASKED)
    assert type(found) is type(frame)
    assert same(found, expected(sure_model, ("country",)))


@each_kind
def test_a_frame_that_is_not_tagged_is_tagged_on_the_way(kind: str, sure_model: str) -> None:
    found = shares(KINDS[kind](COLUMNS), ["country"], model=sure_model, **ASKED)
    assert same(found, expected(sure_model, ("country",)))


@each_kind
def test_a_frame_of_texts_alone_has_shares(kind: str, sure_model: str) -> None:
    texts = KINDS[kind]({name: COLUMNS[name] for name in ("title", "abstract")})
    assert same(shares(texts, model=sure_model, **ASKED), expected(sure_model))


def test_both_definitions_are_tagged_as_they_are_needed(sure_model: str) -> None:
    tagged = classify(pd.DataFrame(COLUMNS), model=sure_model, definition="broad")
    found = shares(tagged, model=sure_model, definition="both", **ASKED)
    assert found["definition"].tolist() == ["strict", "strict", "broad", "broad"]
    assert same(found[:2], expected(sure_model))
    assert shares(tagged, model=sure_model, **ASKED)["definition"].tolist() == ["broad", "broad"]


@each_kind
def test_the_wide_form_has_a_row_a_group(kind: str, sure_model: str) -> None:
    long = expected(sure_model, ("country",))
    wide = as_polars(shares(KINDS[kind](COLUMNS), "country", model=sure_model, wide=True, **ASKED))
    assert wide["country"].to_list() == ["CN", "DE", "US"]
    for label in ("kites", "looms"):
        own = long.filter(pl.col("label") == label)
        for name in ("n", "counted", "share", "low", "high", "flags"):
            assert wide[f"{label}_{name}"].to_list() == own[name].to_list()


@pytest.mark.parametrize(
    "values",
    [
        [date(2000 + n % 3, 5, 1) for n in range(60)],
        [f"1.5.{2000 + n % 3}" for n in range(60)],
        pd.to_datetime([f"{2000 + n % 3}-05-01" for n in range(60)]),
    ],
    ids=["dates", "texts", "datetimes"],
)
def test_years_are_taken_from_dates_of_pandas(values: Any, sure_model: str) -> None:
    frame = pd.DataFrame({**COLUMNS, "filing_date": values})
    found = shares(frame, "year:filing_date", model=sure_model, labels="kites", **ASKED)
    assert found["year"].tolist() == ["2000", "2001", "2002"]
    assert found["n"].tolist() == [20, 20, 20]


def test_values_of_pandas_are_grouped_and_compared_as_what_they_are(sure_model: str) -> None:
    frame = pd.DataFrame({**COLUMNS, "year": range(1990, 2050), "good": [n < 30 for n in range(60)]})
    frame["countries"] = [value.split(";") for value in COLUMNS["country"]]
    frame["office"] = pd.Categorical(["US", None, "EP"] * 20)
    kept = {"model": sure_model, "labels": ["kites"], **ASKED}
    assert shares(frame, where="year >= 2000 and good", **kept)["n"].tolist() == [20]
    assert shares(frame, "countries", **kept)["n"].tolist() == [20, 20, 40]
    assert shares(frame, "office", **kept)["office"].tolist() == ["", "EP", "US"]


def test_what_is_asked_for_and_does_not_exist_is_refused(sure_model: str) -> None:
    frame = classify(pl.DataFrame(COLUMNS), model=sure_model)
    for asked, said in (
        ({"methd": "emq"}, "shares() takes no 'methd'; did you mean 'method'?"),
        ({"method": "emp"}, "no method 'emp'; did you mean 'emq'?"),
        ({"unit": "familie"}, "no unit 'familie'; did you mean 'family'?"),
        ({"by": "contry"}, "no column 'contry'; did you mean 'country'?"),
        ({"definition": "wide"}, "no definition 'wide'"),
        ({"labels": "kite"}, "no label 'kite'; did you mean 'kites'?"),
        ({"where": 5}, "shares(where=5): str is expected"),
        ({"seed": -1}, "shares(seed=-1): a whole number, 0 or more, is expected"),
        ({"draws": "60"}, "shares(draws='60'): a whole number"),
        ({"level": None}, "shares(level=None): a number is expected"),
        ({"model": 5}, "a Model or its folder is expected, got int"),
    ):
        asked = {"model": sure_model, **asked}
        with pytest.raises((InputError, LabelError, ModelError)) as error:
            shares(frame, **asked)
        assert said in str(error.value)


def test_a_share_of_nothing_is_an_error(sure_model: str) -> None:
    with pytest.raises(ShareError, match="a share of nothing"):
        shares(pd.DataFrame(COLUMNS).head(0), model=sure_model)


def test_the_year_before_last_is_not_yet_closed(sure_model: str) -> None:
    this = date.today().year
    frame = pl.DataFrame({**COLUMNS, "year": [str(this - 3 + n % 4) for n in range(60)]})
    found = shares(frame, "year", model=sure_model, labels="kites", draws=60)
    assert ["p" in flags for flags in found["flags"]] == [False, False, True, True]
