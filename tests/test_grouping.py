"""Which documents are counted, in which groups: dates, several values, applicants, families, conditions."""

from __future__ import annotations

from datetime import date
from itertools import combinations
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import cells, tabled

from ipclass import grouping, tables, tagged
from ipclass.errors import InputError, ShareError
from ipclass.grouping import Request, harmonised
from ipclass.model import Model

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


def test_an_unscored_first_member_does_not_hide_its_family() -> None:
    frame = pl.DataFrame({tagged.ROW: [0, 1, 2], "family": ["f", "f", "g"], "__p_a": [None, 0.7, 0.1]})
    kept = grouping.restricted(frame, Request(family="family"))
    assert kept[tagged.ROW].to_list() == [1, 2]


MEMBERS = st.lists(
    st.tuples(st.sampled_from(["", "F1", "F2", "F3", None]), st.sampled_from(["", "0", "1", "5", "9", None])),
    min_size=1,
    max_size=12,
)


def tied(members: list[tuple[str | None, str | None]]) -> list[set[int]]:
    """Return the families in the plainest way: documents are merged while any two of different ones share something."""
    named = [
        {("family", family) for family in (member[0],) if family} | {("first", member[1] or str(row))}
        for row, member in enumerate(members)
    ]
    families = [({row}, names) for row, names in enumerate(named)]
    while pairs := [(a, b) for a, b in combinations(families, 2) if a[1] & b[1]]:
        one, other = pairs[0]
        families = [each for each in families if each not in (one, other)] + [(one[0] | other[0], one[1] | other[1])]
    return sorted((rows for rows, _ in families), key=min)


@settings(max_examples=100)
@given(MEMBERS)
def test_families_are_tied_by_both_relations_however_long_the_chain(members: list[tuple[str | None, str | None]]) -> None:
    frame = pl.DataFrame(
        {
            tagged.ROW: range(len(members)),
            "id": [str(row) for row in range(len(members))],
            "family": [family for family, _ in members],
            "duplicate_of": [first for _, first in members],
            "__p_a": [0.5] * len(members),
        },
        schema_overrides={"family": pl.String, "duplicate_of": pl.String},
    )
    kept = grouping.restricted(frame, Request(unit="family"))
    assert kept[tagged.ROW].to_list() == [min(rows) for rows in tied(members)]
    assert kept.columns == frame.columns


def test_duplicates_alone_make_families_by_the_id_of_the_first(model: Model, small: pl.DataFrame, path: Path) -> None:
    ids = [f"P{row}" for row in range(60)]
    first = ["", "P0", "P0", "", "P3", ""] * 10
    frame = small.head(60).with_columns(publication_number=pl.Series(ids), duplicate_of=pl.Series(first))
    made = tabled(frame, model, path, unit="family")
    # P0 with all that name it, P3 likewise, and those that name nobody and whom nobody names
    assert {cell.share.n for cell in made.cells} == {30 - 2 + 2}
    assert "families" in " ".join(tables.described(made))
    # without ids those that name the same document still belong together
    assert {cell.share.n for cell in tabled(frame.drop("publication_number"), model, path, unit="family").cells} == {30 + 2}


@pytest.mark.parametrize("name", ["family", "Family_ID", "DOCDB family ID", "simple_family_id"])
def test_the_family_column_is_found_by_its_usual_names(model: Model, small: pl.DataFrame, path: Path, name: str) -> None:
    frame = small.head(100).with_columns(pl.Series(name, [f"F{row // 4}" for row in range(100)]))
    assert {cell.share.n for cell in tabled(frame, model, path, unit="family").cells} == {25}
    assert {cell.share.n for cell in tabled(frame, model, path).cells} == {100}


def test_without_any_word_of_families_they_cannot_be_counted(model: Model, small: pl.DataFrame, path: Path) -> None:
    with pytest.raises(
        InputError, match=r"no column of the family and none of duplicates \(duplicate_of\); name it with --family"
    ):
        tabled(small, model, path, unit="family")


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
