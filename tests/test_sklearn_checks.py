"""scikit-learn's own checks of estimators, which hand over tables of numbers.

They are run twice: on the estimators as they are, where a check that needs numbers must fail (listed by name and reason),
and on the same estimators with a reader before them that spells numbers as words, where every check must pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import SkipTest

import numpy as np
import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator
from sklearn.utils.validation import check_is_fitted, validate_data

from ipclass import training
from ipclass.tagger import PatentTagger
from ipclass.vectorizer import TermCounter

FIT = "fits a table of numbers, which is refused: texts are read here"
ERROR = "asks for the words in which a reader of numbers refuses such a table"
NUMBERS = {
    "check_fit_score_takes_y": FIT,
    "check_estimators_overwrite_params": FIT,
    "check_dont_overwrite_parameters": FIT,
    "check_estimators_fit_returns_self": FIT,
    "check_readonly_memmap_input": FIT,
    "check_n_features_in_after_fitting": FIT,
    "check_positive_only_tag_during_fit": FIT,
    "check_estimators_dtypes": FIT,
    "check_dtype_object": FIT,
    "check_pipeline_consistency": FIT,
    "check_estimators_pickle": FIT,
    "check_f_contiguous_array_estimator": FIT,
    "check_methods_sample_order_invariance": FIT,
    "check_methods_subset_invariance": FIT,
    "check_dict_unchanged": FIT,
    "check_fit_idempotent": FIT,
    "check_fit_check_is_fitted": FIT,
    "check_n_features_in": FIT,
    "check_fit2d_predict1d": FIT,
    "check_fit2d_1feature": ERROR,
    "check_estimators_empty_data_messages": ERROR,
    "check_estimator_sparse_tag": ERROR,
    "check_estimator_sparse_array": ERROR,
    "check_estimator_sparse_matrix": ERROR,
    "check_estimators_nan_inf": "wants nan refused; a text that is missing is an empty text here",
}


class Checked:
    """Says that it reads tables of numbers: scikit-learn runs no check at all on an estimator that does not."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.two_d_array = True
        return tags


class CheckedTagger(Checked, PatentTagger):
    pass


class CheckedCounter(Checked, TermCounter):
    pass


EXPECTED = {
    CheckedTagger: {
        **NUMBERS,
        "check_classifier_data_not_an_array": FIT,
        "check_classifiers_classes": FIT,
        "check_classifiers_train": FIT,
        "check_classifiers_multilabel_representation_invariance": FIT,
        "check_classifiers_multilabel_output_format_predict": FIT,
        "check_classifiers_multilabel_output_format_predict_proba": FIT,
        "check_classifiers_multilabel_output_format_decision_function": FIT,
        "check_supervised_y_2d": FIT,
        "check_decision_proba_consistency": FIT,
    },
    CheckedCounter: {
        **NUMBERS,
        "check_transformer_data_not_an_array": FIT,
        "check_transformer_general": FIT,
        "check_transformer_preserve_dtypes": FIT,
        "check_complex_data": ERROR,
        "check_fit2d_1sample": ERROR,
    },
}


class Spelling(Checked):
    """Spells each number as a word: the column, and in which eighth of the fitted column the number lies."""

    def spelt(self, table: Any, reset: bool = False) -> list[str]:
        table = validate_data(self, table, reset=reset, dtype="numeric")
        if reset:
            self.eighths_ = np.quantile(table, np.arange(1, 8) / 8, axis=0)
        letters = "abcdefghijklmnopqrstuvwxyz"
        return [
            " ".join(
                f"column{letters[place]}part{letters[np.searchsorted(self.eighths_[:, place], value)]}"
                for place, value in enumerate(row)
            )
            for row in table
        ]


class SpellingTagger(Spelling, PatentTagger):
    def fit(self, X: Any, y: Any, groups: Any = None) -> Any:  # noqa: N803
        return super().fit(X if y is None else self.spelt(X, reset=True), y, groups)

    def _odds(self, given: Any) -> Any:
        check_is_fitted(self)
        return super()._odds(self.spelt(given))


class SpellingCounter(Spelling, TermCounter):
    def fit(self, X: Any, y: Any = None) -> Any:  # noqa: N803
        return super().fit(self.spelt(X, reset=True))

    def fit_transform(self, X: Any, y: Any = None) -> Any:  # noqa: N803
        return self.fit(X).transform(X)

    def transform(self, X: Any) -> Any:  # noqa: N803
        check_is_fitted(self)
        return super().transform(self.spelt(X))


def checks(estimator: Any) -> Iterator[Any]:
    for each, check in estimator_checks_generator(estimator):
        yield pytest.param(each, check, id=f"{type(estimator).__name__}-{name_of(check)}")


def name_of(check: Any) -> str:
    return str(getattr(check, "func", check).__name__)


@pytest.mark.parametrize(("estimator", "check"), [*checks(CheckedTagger(folds=3)), *checks(CheckedCounter(min_df=1))])
def test_scikit_learns_checks_fail_only_where_they_need_numbers(estimator: Any, check: Any) -> None:
    if name_of(check) in EXPECTED[type(estimator)]:
        with pytest.raises((ValueError, AssertionError)):
            run(check, estimator)
    else:
        run(check, estimator)


@pytest.mark.parametrize(
    ("estimator", "check"), [*checks(SpellingTagger(folds=3)), *checks(SpellingCounter(min_df=1, sparse_output=False))]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")  # one check wants it, another only meets it
def test_scikit_learns_checks_all_pass_once_numbers_are_spelt(
    estimator: Any, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "FEWEST_POSITIVES", 1)  # the tables of the checks have a score of rows
    run(check, estimator)


def run(check: Any, estimator: Any) -> None:
    try:
        check(estimator)
    except SkipTest as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("estimator", EXPECTED)
def test_every_exception_names_a_check_that_exists(estimator: Any) -> None:
    assert set(EXPECTED[estimator]) <= {name_of(check) for _, check in estimator_checks_generator(estimator())}
