"""The text stage as a scikit-learn transformer: what ``CountVectorizer`` is, with the terms of patents."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ipclass.counts import Lexicon, keep_terms, learn
from ipclass.text import NO_SETTINGS, Settings


class TermCounter(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Turns texts into counts of single words and pairs.

    A text is a title, a line feed and an abstract, or an abstract alone.

    Args:
        min_df: A term is kept if it occurs in this many texts or more.
        title_weight: How often a word of the title counts.
        settings: Openings to be masked, from ``LabelSet.settings``; none by default.

    >>> TermCounter(min_df=1).fit(["Qubit readout\\nReads out qubits."]).get_feature_names_out().tolist()
    ['qubit', 'qubit readout', 'read', 'read qubit', 'readout']
    """

    def __init__(self, min_df: int = 2, title_weight: int = 2, settings: Settings | None = None) -> None:
        self.min_df = min_df
        self.title_weight = title_weight
        self.settings = settings

    def fit(self, X: Iterable[str], y: Any = None) -> TermCounter:  # noqa: N803 - scikit-learn's name
        """Learn the terms of ``X``.

        Raises:
            ValueError: ``X`` is one text instead of several, or none of its terms occurs often enough.
        """
        self._fit(X)
        return self

    def fit_transform(self, X: Iterable[str], y: Any = None) -> sp.csr_matrix:  # noqa: N803
        """Learn the terms of ``X`` and return its counts."""
        return self.transform(self._fit(X))

    def _fit(self, texts: Iterable[str]) -> list[str]:
        listed = _several(texts)
        terms, _ = keep_terms(learn(listed, self.settings or NO_SETTINGS, self.title_weight), self.min_df)
        if not terms:
            raise ValueError(f"no term occurs in {self.min_df} texts or more of {len(listed)}; lower min_df")
        self.lexicon_ = Lexicon(terms, self.settings or NO_SETTINGS, self.title_weight)
        return listed

    def transform(self, X: Iterable[str]) -> sp.csr_matrix:  # noqa: N803
        """Return the counts of ``X``: a sparse matrix with a row a text and a column a term."""
        check_is_fitted(self)
        counts = self.lexicon_.count(_several(X))
        return sp.csr_matrix(
            (counts.values, counts.terms, counts.starts), shape=(len(counts), len(self.lexicon_.terms)), dtype=np.float64
        )

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return the terms, in the order of the columns."""
        check_is_fitted(self)
        return np.array(self.lexicon_.terms, dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags


def _several(texts: Iterable[str]) -> list[str]:
    if isinstance(texts, str):
        raise ValueError("one text was given where several are expected: put it into a list")
    listed = list(texts)
    if wrong := [text for text in listed if not isinstance(text, str)]:
        raise ValueError(f"texts must be str, got {type(wrong[0]).__name__}")
    return listed
