from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from ipclass import Document
from ipclass.errors import InputError
from ipclass.inputs import texts_of

TEXTS = ["Kite\nIt flies.", "", "A pump."]


@pytest.mark.parametrize(
    "given",
    [
        TEXTS,
        tuple(TEXTS),
        iter(TEXTS),
        np.array(TEXTS),
        np.array(["Kite\nIt flies.", None, "A pump."], object),
        ["Kite\nIt flies.", float("nan"), "A pump."],
        [Document("Kite", "It flies."), None, "A pump."],
        pd.Series(["Kite\nIt flies.", None, "A pump."], index=[3, 3, 1]),
        pd.Series(["Kite\nIt flies.", np.nan, "A pump."], dtype=object),
        pd.Series(["Kite\nIt flies.", pd.NA, "A pump."], dtype="string"),
        pd.Series(["Kite\nIt flies.", None, "A pump."], dtype="category"),
        pl.Series(["Kite\nIt flies.", None, "A pump."]),
        pl.Series(["Kite\nIt flies.", None, "A pump."], dtype=pl.Categorical),
        pa.chunked_array([["Kite\nIt flies.", None], ["A pump."]]),
        pa.chunked_array([["Kite\nIt flies.", None, "A pump."]]).dictionary_encode(),
    ],
    ids=lambda given: type(given).__name__,
)
def test_texts_are_read_from_whatever_holds_them_and_a_missing_one_is_empty(given: Any) -> None:
    assert texts_of(given) == TEXTS


COLUMNS = {"Abstract Text": ["It\nflies.", None], "n": [1, 2], "TITLE": ["Kite", "Pump"]}


@pytest.mark.parametrize("frame", [pd.DataFrame(COLUMNS), pl.DataFrame(COLUMNS), pa.table(COLUMNS)], ids=["pd", "pl", "pa"])
def test_title_and_abstract_are_found_in_a_data_frame(frame: Any) -> None:
    assert texts_of(frame) == ["Kite\nIt flies.", "Pump\n"]


ONE = ["Kite\nIt flies.", None]


@pytest.mark.parametrize(
    "given",
    [
        pd.DataFrame({"texts": ONE}),
        pl.DataFrame({"texts": ONE}),
        pd.DataFrame({0: ONE}),
        np.array(ONE, object).reshape(-1, 1),
        ["Kite\nIt flies.", pd.NA],
        ["Kite\nIt flies.", np.float32("nan")],
        pa.array(ONE, pa.large_string()),
    ],
    ids=["pandas", "polars", "numbered", "numpy", "NA", "float32", "arrow"],
)
def test_a_single_column_of_any_name_holds_the_texts(given: Any) -> None:
    """As a ``ColumnTransformer`` that picks one column hands them over."""
    assert texts_of(given) == ["Kite\nIt flies.", ""]


def test_a_single_column_of_titles_holds_titles() -> None:
    assert texts_of(pd.DataFrame({"Title": ["Kite"]})) == ["Kite\n"]


def test_an_array_of_two_columns_is_titles_and_abstracts() -> None:
    assert texts_of(np.array([["Kite", "It\nflies."], ["Pump", None]], object)) == ["Kite\nIt flies.", "Pump\n"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("A kite.", "put it into a list"),
        (b"A kite.", "put it into a list"),
        (7, "got int"),
        ([1, 2], "row 0: texts must be str, got int '1'"),
        (["a", b"b"], "row 1: texts must be str, got bytes"),
        (np.zeros((2, 3)), "shape (2, 3)"),
        (pd.DataFrame({"title": ["Kite", 5]}), "column 'title', row 1: texts must be str, got int '5'"),
        (
            pd.DataFrame({"titel": ["Kite"], "n": [1]}),
            "no column for title or abstract; name it with abstract=. There are: titel",
        ),
        (pd.DataFrame([["a", "b"]], columns=["abstract"] * 2), "Expected unique column names, got: - 'abstract' 2 times"),
        (Document("Kite", "It flies."), "put it into a list"),
        ({"title": ["Kite"]}, "got dict: give a list of them, or a data frame"),
        (pl.LazyFrame(COLUMNS), "collect it first"),
    ],
)
def test_what_holds_no_texts_is_refused_with_the_place(given: Any, said: str) -> None:
    with pytest.raises(InputError) as error:
        texts_of(given)
    assert said in str(error.value)
