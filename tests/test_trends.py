from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from conftest import document, write_csv, write_jsonl

from ipclass import Document, Model
from ipclass.errors import InputError, LabelError
from ipclass.files import Source
from ipclass.trends import Drivers, drivers, drivers_in, drivers_of

ALL = 10_000


def rows(n: int = 240) -> list[dict[str, str]]:
    """Return documents of six years in which kites become more frequent, and looms rarer."""
    found = []
    for number in range(n):
        year = 2000 + number % 6
        theme = "kites" if number // 6 % 6 < number % 6 else "looms" if number // 6 % 2 else ""
        title, abstract = document(theme, number)
        found.append({"title": title, "abstract": abstract, "year": str(year)})
    return found


ROWS = rows()
FRAME = pl.DataFrame(ROWS)


@pytest.fixture(scope="module")
def tiny(tiny_model: str) -> Model:
    return Model.load(tiny_model)


@pytest.fixture(scope="module")
def found(tiny: Model) -> Drivers:
    return drivers(FRAME, "kites", model=tiny, top=ALL)


def split_by_hand(model: Model, label: str) -> tuple[np.ndarray, list[str]]:
    """Return each document split among its terms, one document at a time: shape (documents, terms)."""
    terms = list(model.lexicon.terms)
    parts = np.zeros((len(ROWS), len(terms)))
    for place, row in enumerate(ROWS):
        text = Document(row["title"], row["abstract"]).text
        (prediction,) = model.classify([Document(row["title"], row["abstract"])])
        speaking = {each.term: each.value for each in model.explain(text, label)[:-1] if each.value > 0}
        if label in prediction.labels:
            for term, value in speaking.items():
                parts[place, terms.index(term)] = value / sum(speaking.values())
    return parts, terms


def test_the_parts_of_all_terms_sum_to_the_counted_share_of_each_year(found: Drivers, tiny: Model) -> None:
    tagged = tiny.tag([Document(row["title"], row["abstract"]).text for row in ROWS])
    years = FRAME["year"].to_numpy()
    expected = [tagged.assigned[years == year, 0].mean() for year in found.years]
    assert found.shares == pytest.approx(expected)
    whole = drivers(FRAME, "kites", model=tiny, top=ALL)
    parts = np.sum([each.parts for each in (*whole.rising, *whole.falling)], axis=0)
    still = [each.parts for each in whole.rising if each.trend == 0]
    assert not still
    assert parts == pytest.approx(expected, abs=1e-9)


def test_trends_and_intervals_are_those_of_least_squares_over_the_documents(found: Drivers, tiny: Model) -> None:
    """Slope and White's interval by the textbook, with the matrix of all documents."""
    parts, terms = split_by_hand(tiny, "kites")
    design = np.column_stack([np.ones(len(ROWS)), FRAME["year"].cast(float).to_numpy()])
    bread = np.linalg.inv(design.T @ design)
    for each in (*found.rising[:5], *found.falling[:5]):
        y = parts[:, terms.index(each.term)]
        slope = bread @ design.T @ y
        meat = design.T @ (design * ((y - design @ slope) ** 2)[:, None]) * len(y) / (len(y) - 2)
        error = math.sqrt((bread @ meat @ bread)[1, 1])
        assert each.trend == pytest.approx(slope[1], rel=1e-6)
        assert each.high - each.low == pytest.approx(2 * 1.959964 * error, rel=1e-5)
        assert each.parts == pytest.approx([y[FRAME["year"].to_numpy() == year].mean() for year in found.years])


def test_the_trends_of_all_terms_sum_to_that_of_the_share(found: Drivers) -> None:
    assert sum(each.trend for each in (*found.rising, *found.falling)) == pytest.approx(found.trend)
    assert np.polyfit([float(year) for year in found.years], found.shares, 1)[0] == pytest.approx(found.trend)


def test_the_words_of_what_becomes_more_frequent_rise_and_are_sure(tiny: Model) -> None:
    kites, looms = (drivers(FRAME, label, model=tiny, top=3) for label in ("kites", "looms"))
    assert "kite" in [each.term for each in kites.rising]
    assert kites.rising[0].sure
    assert "loom" in [each.term for each in looms.falling]
    assert not looms.rising or looms.rising[0].trend < -looms.falling[0].trend
    for each in (*kites.rising, *looms.falling):
        assert each.low < each.trend < each.high
        assert not each.sure or each.low > 0 or each.high < 0
    assert [each.trend for each in kites.rising] == sorted((each.trend for each in kites.rising), reverse=True)


def test_where_nothing_changes_no_trend_is_sure(tiny: Model) -> None:
    frame = pl.concat([FRAME.with_columns(year=pl.lit(str(year))) for year in (2001, 2002, 2003)])
    still = drivers(frame, "kites", model=tiny)
    assert still.trend == pytest.approx(0, abs=1e-12)
    assert not any(each.sure for each in (*still.rising, *still.falling))


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.Table.from_pylist], ids=["pandas", "polars", "pyarrow"])
def test_any_frame_and_any_cut_into_blocks_give_the_same(make: Any, found: Drivers, tiny: Model) -> None:
    assert drivers(make(ROWS), "kites", model=tiny, top=ALL) == found
    texts = [Document(row["title"], row["abstract"]).text for row in ROWS]
    cut = ((texts[at : at + 7], FRAME["year"].to_list()[at : at + 7]) for at in range(0, len(texts), 7))
    again = drivers_of(cut, "kites", "strict", tiny, ALL)
    assert again.shares == found.shares
    assert again.trend == pytest.approx(found.trend)


def test_a_file_gives_the_same_whatever_its_format(tmp_path: Path, found: Drivers, tiny: Model) -> None:
    FRAME.write_parquet(tmp_path / "in.parquet")
    for path in (write_csv(tmp_path / "in.csv", ROWS), write_jsonl(tmp_path / "in.jsonl", ROWS), tmp_path / "in.parquet"):
        assert drivers_in(Source(str(path)), "kites", "strict", tiny, "year", ALL) == found


def test_years_are_taken_from_dates_and_documents_without_one_are_counted_apart(tiny: Model) -> None:
    dates = [f"{row['year']}-05-03" for row in ROWS]
    dates[:4] = ["", "soon", "12", ""]
    frame = FRAME.drop("year").with_columns(pl.Series("filing_date", dates))
    abstracts = FRAME["abstract"].to_list()
    abstracts[-1] = ""
    frame = frame.with_columns(
        pl.Series("abstract", abstracts), title=pl.when(pl.int_range(240) == 239).then(None).otherwise("title")
    )
    dated = drivers(frame, "kites", model=tiny)
    assert (dated.undated, dated.unscored) == (4, 1)
    assert sum(dated.documents) == 240 - 4 - 1
    assert drivers(frame, "kites", model=tiny, year="filing_date") == dated


def test_halves_are_means_over_the_documents_of_the_earlier_and_the_later_years(found: Drivers) -> None:
    assert found.early == 3
    before, after = found.halves(found.shares)
    assert before == pytest.approx(np.mean(found.shares[:3]))
    assert after == pytest.approx(np.mean(found.shares[3:]))


def test_the_frame_has_a_row_a_term_from_the_fastest_rising_to_the_fastest_falling(tiny: Model) -> None:
    frame = drivers(FRAME, "kites", model=tiny, top=4).frame()
    assert frame.columns == ["term", "trend", "low", "high", "sure", *(str(year) for year in range(2000, 2006))]
    assert frame["trend"].is_sorted(descending=True)
    empty = drivers(
        FRAME.with_columns(abstract=pl.lit("The soup in the pot is stirred without spilling by a ladle.")), "looms", model=tiny
    )
    assert empty.frame().columns == frame.columns


def test_what_gives_no_trend_is_refused(tiny: Model) -> None:
    for frame, asked, said in (
        (FRAME.head(0), {}, "documents of no year alone"),
        (FRAME.with_columns(year=pl.lit("2001")), {}, "documents of 2001 alone; a trend needs two years or more"),
        (FRAME, {"year": "yaer"}, "no column 'yaer'; did you mean 'year'?"),
        (FRAME.drop("year"), {}, "no column 'year' and no date to take it from"),
        (FRAME, {"abstract": "abstrct"}, "no column 'abstrct'"),
        (FRAME, {"label": "kits"}, "no label 'kits'; did you mean 'kites'?"),
        (FRAME, {"top": 0}, "0 terms of each kind: ask for 1 or more"),
    ):
        with pytest.raises((InputError, LabelError)) as error:
            drivers(frame, **{"label": "kites", "model": tiny, **asked})
        assert said in str(error.value)


def test_a_lazy_frame_is_collected(tiny: Model) -> None:
    assert drivers(FRAME.lazy(), "kites", model=tiny) == drivers(FRAME, "kites", model=tiny)


def test_a_row_that_cannot_be_read_is_named(tmp_path: Path, tiny: Model) -> None:
    path = write_csv(tmp_path / "in.csv", ROWS)
    with path.open("a") as file:
        file.write('"open,2001\n')
    with pytest.raises(InputError, match=r"in\.csv, row 241"):
        drivers_in(Source(str(path)), "kites", "strict", tiny)
