from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import (
    check_estimator_repr,
    check_estimator_tags_renamed,
    check_get_params_invariance,
    check_mixin_order,
    check_no_attributes_set_in_init,
    check_parameters_default_constructible,
    check_set_params,
    estimator_checks_generator,
)

from ipclass.vectorizer import TermCounter

TEXTS = ["Kite\nA kite with a tail.", "Pump\nA pump with a valve.", "A kite of paper", "A valve of brass in a pump"]


def checks() -> list[Any]:
    with warnings.catch_warnings():
        # scikit-learn says here that its checks on number tables cannot be run on an estimator of texts
        warnings.simplefilter("ignore", SkipTestWarning)
        return list(estimator_checks_generator(TermCounter(min_df=1)))


@pytest.mark.parametrize(("estimator", "check"), checks())
def test_scikit_learns_checks_that_apply_to_text(estimator: Any, check: Any) -> None:
    check(estimator)


def test_no_parameter_is_set_or_changed_on_construction() -> None:
    check_no_attributes_set_in_init("TermCounter", TermCounter())
    check_parameters_default_constructible("TermCounter", TermCounter())
    check_get_params_invariance("TermCounter", TermCounter())
    check_set_params("TermCounter", TermCounter())
    check_estimator_repr("TermCounter", TermCounter())
    check_estimator_tags_renamed("TermCounter", TermCounter())
    check_mixin_order("TermCounter", TermCounter())


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


@pytest.mark.parametrize("wrong", ["one text", [1, 2], [b"bytes"]])
def test_what_is_not_a_list_of_texts_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match="text"):
        TermCounter().fit(wrong)


def test_no_term_often_enough_is_an_error() -> None:
    with pytest.raises(ValueError, match="lower min_df"):
        TermCounter(min_df=5).fit(TEXTS)
