"""The text stage as a scikit-learn transformer: what ``CountVectorizer`` is, with the terms of patents."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ipclass.counts import Lexicon, keep_terms, learn
from ipclass.errors import InputError
from ipclass.inputs import texts_of
from ipclass.text import NO_SETTINGS, Settings

Ranges = Mapping[str, tuple[type, float, float]]
"""Of what kind a parameter is, the least and the greatest value it may have."""

_RANGES: Ranges = {"min_df": (Integral, 1, math.inf), "title_weight": (Integral, 1, math.inf)}


class TermCounter(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Turns texts into counts of single words and pairs.

    A text is a title, a line feed and an abstract, or an abstract alone; a data frame with columns of these is texts too
    (``inputs.texts_of`` says what else).

    Args:
        min_df: A term is kept if it occurs in this many texts or more.
        title_weight: How often a word of the title counts.
        settings: Openings to be masked, from ``LabelSet.settings``; none by default.
        sparse_output: Whether counts are a sparse matrix. ``set_output`` makes data frames of arrays only.

    >>> TermCounter(min_df=1).fit(["Qubit readout\\nReads out qubits."]).get_feature_names_out().tolist()
    ['qubit', 'qubit readout', 'read', 'read qubit', 'readout']
    """

    def __init__(
        self, min_df: int = 2, title_weight: int = 2, settings: Settings | None = None, sparse_output: bool = True
    ) -> None:
        self.min_df = min_df
        self.title_weight = title_weight
        self.settings = settings
        self.sparse_output = sparse_output

    def fit(self, X: Any, y: Any = None) -> TermCounter:  # noqa: N803 - scikit-learn's name
        """Learn the terms of ``X``.

        Raises:
            ValueError: ``X`` is one text instead of several, or none of its terms occurs often enough.
        """
        self._fit(X)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Any:  # noqa: N803
        """Learn the terms of ``X`` and return its counts."""
        return self._counts(self._fit(X))

    def _fit(self, given: Any) -> list[str]:
        check_ranges(self, _RANGES)
        listed = rows_of(given)
        terms, _ = keep_terms(learn(listed, self.settings or NO_SETTINGS, self.title_weight), self.min_df)
        if not terms:
            raise ValueError(f"no term occurs in {self.min_df} texts or more of {len(listed)}; lower min_df")
        self.lexicon_ = Lexicon(terms, self.settings or NO_SETTINGS, self.title_weight)
        return listed

    def transform(self, X: Any) -> Any:  # noqa: N803
        """Return the counts of ``X``: a sparse matrix, an array or a data frame with a row a text and a column a term.

        Raises:
            ValueError: ``X`` holds something else than texts, or ``set_output`` wants a data frame of sparse counts.
        """
        check_is_fitted(self)
        return self._counts(rows_of(X))

    def _counts(self, texts: list[str]) -> Any:
        counts = self.lexicon_.count(texts)
        matrix = sp.csr_matrix(
            (counts.values, counts.terms, counts.starts), shape=(len(counts), len(self.lexicon_.terms)), dtype=np.float64
        )
        return matrix if self.sparse_output else matrix.toarray()

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return the terms, in the order of the columns."""
        check_is_fitted(self)
        return np.array(self.lexicon_.terms, dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags


def check_ranges(estimator: Any, ranges: Ranges) -> None:
    """Look at the parameters of ``estimator`` that are numbers.

    Raises:
        ValueError: One is of another kind, or outside its range.
    """
    for name, (kind, least, most) in ranges.items():
        value = getattr(estimator, name)
        of_its_kind = isinstance(value, kind)
        if not of_its_kind or not least <= value <= most:
            numbers = "a whole number" if kind is Integral else "a number"
            upwards = "or more" if most == math.inf else f"to {most:g}"
            raise ValueError(f"{name}={value!r} must be {numbers}, {least:g} {upwards}")


def rows_of(given: Any) -> list[str]:
    """Return the texts in ``given``, with the kind of error that scikit-learn expects.

    Raises:
        ValueError: ``given`` holds something else than texts.
    """
    try:
        return texts_of(given)
    except InputError as error:
        raise ValueError(str(error)) from error
