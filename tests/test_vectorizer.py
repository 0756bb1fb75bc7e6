from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from ipclass.vectorizer import TermCounter

TEXTS = ["Kite\nA kite with a tail.", "Pump\nA pump with a valve.", "A kite of paper", "A valve of brass in a pump"]


def test_it_cannot_transform_before_it_is_fitted() -> None:
    with pytest.raises(NotFittedError):
        TermCounter().transform(TEXTS)


def test_it_pickles_with_what_it_learnt() -> None:
    fitted = TermCounter().fit(TEXTS)
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.transform(TEXTS).toarray(), fitted.transform(TEXTS).toarray())


def test_it_stands_in_an_ordinary_pipeline() -> None:
    pipeline = make_pipeline(TermCounter(), TfidfTransformer(sublinear_tf=True), LogisticRegression())
    pipeline.fit(TEXTS, [1, 0, 1, 0])
    assert clone(pipeline).fit(TEXTS, [1, 0, 1, 0]).predict(["a kite"]) == pipeline.predict(["a kite"]) == [1]


def test_columns_are_the_terms_named() -> None:
    counter = TermCounter().fit(TEXTS)
    assert counter.get_feature_names_out().tolist() == ["kite", "pump", "valve"]
    assert counter.transform(["Pump\npump kite"]).toarray().tolist() == [[1, 3, 0]]


def test_fit_transform_is_fit_then_transform() -> None:
    assert np.array_equal(TermCounter().fit_transform(TEXTS).toarray(), TermCounter().fit(TEXTS).transform(TEXTS).toarray())


@pytest.mark.parametrize("as_frame", ["pandas", "polars"])
def test_counts_come_as_a_data_frame_of_terms_if_asked_for(as_frame: str) -> None:
    counter = TermCounter(sparse_output=False).set_output(transform=as_frame)
    frame = counter.fit_transform(TEXTS)
    assert type(frame).__module__.startswith(as_frame)
    assert list(frame.columns) == counter.get_feature_names_out().tolist()
    assert np.array_equal(frame.to_numpy(), TermCounter().fit_transform(TEXTS).toarray())


def test_a_data_frame_of_sparse_counts_is_refused_with_the_way_out() -> None:
    with pytest.raises(ValueError, match="dense array"):
        TermCounter().set_output(transform="pandas").fit_transform(TEXTS)


def test_the_rows_of_a_pandas_frame_keep_their_index() -> None:
    texts = pd.DataFrame({"title": ["Kite", "Pump"], "abstract": ["A kite.", "A pump."]}, index=["b", "a"])
    counts = TermCounter(min_df=1, sparse_output=False).set_output(transform="pandas").fit_transform(texts)
    assert counts.index.tolist() == ["b", "a"]
    assert counts.loc["b", "kite"] == 3


@pytest.mark.parametrize("wrong", ["one text", [1, 2], [b"bytes"]])
def test_what_is_not_a_list_of_texts_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="text"):
        TermCounter().fit(wrong)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"min_df": 0.5}, "min_df=0.5 must be a whole number, 1 or more"),
        ({"min_df": 0}, "min_df=0 must be"),
        ({"title_weight": "2"}, "title_weight='2' must be"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused(parameters: dict[str, Any], said: str) -> None:
    """``CountVectorizer`` takes 0.5 for a part of the texts: to take it for a number of them would go unnoticed."""
    with pytest.raises(ValueError, match=said):
        TermCounter(**parameters).fit(TEXTS)


def test_no_term_often_enough_is_an_error() -> None:
    with pytest.raises(ValueError, match="lower min_df"):
        TermCounter(min_df=5).fit(TEXTS)
