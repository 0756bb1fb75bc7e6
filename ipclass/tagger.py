"""The tagger as a scikit-learn classifier: texts and judgements in, the same training as ``ipclass train``, tags out."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import assert_all_finite, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from ipclass import scores
from ipclass.corpus import REPRESENTATIVE, TITLE_WEIGHT, Corpus, Entry, near_key
from ipclass.counts import learn
from ipclass.errors import CorpusError, LabelError, choices
from ipclass.inputs import is_missing
from ipclass.labels import Label, LabelSet, parse_label, template
from ipclass.model import Target
from ipclass.records import LEAST_GRADE, OTHER, UNSCORED, Definition, Document
from ipclass.scores import Floats
from ipclass.text import fields
from ipclass.training import Recipe, train
from ipclass.vectorizer import Ranges, check_ranges, rows_of

Classes = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]

DEFINITION: Definition = "strict"
"""Judgements without grades know one definition only: the model that ``fit`` makes carries this one."""

_SMALL, _LARGE = 1e-9, 1e9
_RANGES: Ranges = {
    "C": (Real, _SMALL, _LARGE),
    "min_df": (Integral, 1, math.inf),
    "evidence": (Real, 0, 1),
    "smoothing": (Real, _SMALL, _LARGE),
    "folds": (Integral, 2, math.inf),
}


class PatentTagger(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Tags texts, trained and calibrated as ``ipclass train`` does it.

    Texts are what ``inputs.texts_of`` reads: a list, an array or a series of texts, documents, or a data frame with columns
    for title and abstract. Every text gets an answer, as scikit-learn expects; ``model_.tag`` says which of them are empty,
    too short or in another language.

    **One label a document** (``y`` of shape (n,)): ``predict`` gives the most probable class. The class "other" means none
    of the rest and is not trained. ``predict_proba`` is the distribution of independent labels given that exactly one holds
    (or none, where there is "other"), and sums to 1: ``softmax`` of ``decision_function``.

    **Several labels** (``y`` a matrix or a data frame of 0, 1 and nan with a column a label, or a list of label lists):
    ``predict`` gives a matrix of 0 and 1, ``predict_proba`` one calibrated probability a label. nan is *not judged*, which
    is not "no": the document counts for its other labels only.

    Args:
        C: Inverse strength of the penalty.
        min_df: A term is kept if it occurs in this many texts or more.
        evidence: How far a term's scale follows its log count ratio between the classes, 0 to 1.
        smoothing: What is added to both counts of that ratio.
        folds: Calibration and thresholds rest on scores by models that had not seen the document's fold; at most so many.
        labels: The label files of the classes, if there are any: their openings are masked, and ``model_`` carries them.
        random_state: Same seed, same model. None, or a generator, gives a seed at random, as scikit-learn has it.
        n_jobs: Processes to use.

    Attributes:
        classes_: The classes, sorted; of several labels their names, or the numbers of the columns of a matrix.
        multilabel_: Whether a document may have several.
        model_: The fitted ``ipclass.Model``: ``model_.save(folder)`` makes what ``ipclass classify -m folder`` reads.
    """

    def __init__(
        self,
        C: float = 2.0,  # noqa: N803 - scikit-learn's name
        min_df: int = 2,
        evidence: float = 0.35,
        smoothing: float = 0.01,
        folds: int = 20,
        labels: LabelSet | None = None,
        random_state: int | np.random.RandomState | None = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.C = C
        self.min_df = min_df
        self.evidence = evidence
        self.smoothing = smoothing
        self.folds = folds
        self.labels = labels
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, groups: Iterable[Any] | None = None) -> PatentTagger:  # noqa: N803
        """Learn from texts and their labels.

        Texts of one of ``groups`` (families, for example) are never on both sides of a calibration split; by default those
        with the same title, or the same opening where there is no title, are a group.

        Raises:
            ValueError: ``X`` or ``y`` does not fit, or a class has too few positive or negative texts to learn from.
        """
        check_ranges(self, _RANGES)
        targets = read_targets(y)
        texts = rows_of(X)
        groups = _groups(texts) if groups is None else [str(group) for group in groups]
        check_consistent_length(texts, targets.judged, groups)
        if self.labels is not None and not isinstance(self.labels, LabelSet):
            raise ValueError(f"labels must be a LabelSet, as ipclass.labels.read_labels returns it, got {self.labels!r}")
        learnt = _learnt(targets.classes, targets.several)
        try:
            labels = _labels([targets.classes[place] for place in learnt], self.labels)
            corpus = _corpus(texts, targets.judged[:, learnt], groups, labels)
            recipe = Recipe(self.C, self.min_df, self.evidence, self.smoothing, self.folds, _seed(self.random_state))
            self.model_ = train(corpus, recipe, self.n_jobs or 1, (DEFINITION,))
        except (CorpusError, LabelError) as error:
            raise ValueError(str(error)) from error
        self.classes_, self.multilabel_ = targets.classes, targets.several
        return self

    def decision_function(self, X: Any) -> Floats:  # noqa: N803
        """Return how far the log-odds of each class lie above what assigns it, shape (n, classes).

        Of two classes it is one column, shape (n,), for the second.
        """
        odds = self._odds(X)
        if self.multilabel_:
            thresholds = np.array([target.threshold for target in self._targets()])
            return np.asarray(odds - np.log(thresholds / (1 - thresholds)))
        if len(self.classes_) == 2:
            return odds[:, 0] if _learnt(self.classes_) == [1] else -odds[:, 0]
        return np.insert(odds, np.flatnonzero(self.classes_ == OTHER), 0.0, axis=1)

    def predict_proba(self, X: Any) -> Floats:  # noqa: N803
        """Return the probability of each class, shape (n, classes)."""
        check_is_fitted(self)
        if self.multilabel_:
            return scores.expit(self._odds(X))
        margins = self.decision_function(X)
        return np.asarray(softmax(np.column_stack([0 * margins, margins]) if margins.ndim == 1 else margins, axis=1))

    def predict(self, X: Any) -> npt.NDArray[Any]:  # noqa: N803
        """Return the class of each text, or a matrix of 0 and 1 where a text may have several."""
        margins = self.decision_function(X)
        if self.multilabel_:
            return (margins >= 0).astype(np.int64)
        return np.asarray(self.classes_[(margins > 0).astype(np.int64) if margins.ndim == 1 else margins.argmax(axis=1)])

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:  # noqa: N803
        """Return the accuracy, or of several labels the mean of their F1, each on the texts that were judged for it.

        A label that no text has and none is given counts for nothing in the mean. ``sample_weight`` is how much each text
        counts.
        """
        check_is_fitted(self)
        if not self.multilabel_:
            return float(super().score(X, y, sample_weight))
        targets = read_targets(y, self.classes_)
        if not targets.several:
            raise ValueError(f"y holds one label a text, but several were learnt: {', '.join(map(str, self.classes_))}")
        judged, assigned = targets.judged, self.predict(X) == 1
        counted = np.ones(len(judged)) if sample_weight is None else np.asarray(sample_weight, np.float64)
        check_consistent_length(assigned, judged, counted)
        weights = counted[:, None] * ~np.isnan(judged)
        right = (weights * (assigned & (judged == 1))).sum(axis=0)
        named = (weights * assigned + weights * (judged == 1)).sum(axis=0)
        return float(np.mean(2 * right[named > 0] / named[named > 0])) if named.any() else math.nan

    def _odds(self, given: Any) -> Floats:
        """Return the calibrated log-odds of each class that was learnt."""
        check_is_fitted(self)
        found = self.model_.score(self.model_.lexicon.count(rows_of(given)), self.model_.columns(DEFINITION))
        curves = [target.platt for target in self._targets()]
        return np.asarray(found * [curve.slope for curve in curves] + [curve.offset for curve in curves])

    def _targets(self) -> list[Target]:
        return [self.model_.targets[column] for column in self.model_.columns(DEFINITION)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.classifier_tags.multi_label = True
        return tags


@dataclass(frozen=True)
class Targets:
    """What ``y`` says: the classes, and for each text and class 1, 0 or nan (not judged), shape (n, classes)."""

    classes: Classes
    judged: Floats
    several: bool


def read_targets(y: Any, classes: Classes | None = None) -> Targets:
    """Return what is known of each text: one class, or 0, 1 and nan a label. ``classes`` are those that were learnt.

    Raises:
        ValueError: ``y`` is none of the forms that ``PatentTagger`` takes.
    """
    if y is None:
        raise ValueError("PatentTagger requires y to be passed, but the target y is None")
    held = nw.from_native(y, allow_series=True, pass_through=True)
    if isinstance(held, nw.DataFrame):
        return _of_columns({name: _numbers(held.get_column(name)) for name in held.columns}, len(held), classes)
    if isinstance(held, nw.Series):
        y = held.to_list()
    elif hasattr(y, "__array__"):
        y = np.asarray(y)
        y = y.tolist() if y.dtype == object else y
    elif not isinstance(y, Sequence) and not sp.issparse(y):
        raise ValueError(f"y is a list, an array, a series or a data frame, not {type(y).__name__}")
    if _is_label_lists(y):
        return _of_lists(y, classes)
    if sp.issparse(y):
        y = y.toarray()
    shape = np.shape(y)
    return _of_matrix(y, classes) if len(shape) == 2 and shape[1] > 1 else _of_classes(y)


def _is_label_lists(y: Any) -> bool:
    """Say whether each text has a list of the names of its labels, or None where nothing was judged."""
    if isinstance(y, np.ndarray) and y.dtype != object:
        return False
    rows = [row for row in y if row is not None]
    nested = rows and all(isinstance(row, list | tuple | set | frozenset | np.ndarray) for row in rows)
    return bool(nested) and all(isinstance(label, str) for row in rows for label in row)


def _of_lists(y: Iterable[Iterable[str] | None], classes: Classes | None) -> Targets:
    rows = [None if row is None else set(row) - {OTHER} for row in y]
    told = set().union(*(row for row in rows if row))
    if classes is None and not told:
        raise ValueError("y names no label: a list of labels is expected for each text, some of them not empty")
    named = np.array(sorted(told)) if classes is None else classes
    _check_learnt(told, named)
    judged = [[math.nan if row is None else float(label in row) for label in named] for row in rows]
    return Targets(named, np.array(judged).reshape(len(rows), len(named)), True)


def _of_columns(columns: Mapping[str, Floats], rows: int, classes: Classes | None) -> Targets:
    named = np.array(list(columns)) if classes is None else classes
    _check_learnt(columns, named)
    nothing = np.full(rows, np.nan)
    judged = np.column_stack([columns.get(name, nothing) for name in named.tolist()])
    return Targets(named, _checked(judged), True)


def _check_learnt(labels: Iterable[Any], learnt: Classes) -> None:
    if unknown := sorted(set(labels) - set(learnt.tolist()), key=str):
        raise ValueError(
            f"y holds the label {unknown[0]!r}, which was not learnt; {choices(str(unknown[0]), map(str, learnt))}"
        )


def _of_matrix(y: Any, classes: Classes | None) -> Targets:
    judged = _checked(np.asarray(y, np.float64))
    if classes is not None and judged.shape[1] != len(classes):
        raise ValueError(
            f"y has {judged.shape[1]} columns, but {len(classes)} labels were learnt: {', '.join(map(str, classes))}"
        )
    return Targets(np.arange(judged.shape[1]), judged, True)


def _of_classes(y: Any) -> Targets:
    for row, value in enumerate(y if isinstance(y, list | tuple) else ()):
        if is_missing(value):
            raise ValueError(f"y, row {row}: {value} is no class; not judged (nan) can be told where texts have several labels")
    y = column_or_1d(y, warn=True)
    assert_all_finite(y, input_name="y")
    check_classification_targets(y)
    if not len(y):
        raise ValueError("y is empty: there is nothing to learn from")
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"y holds the one class {classes.tolist()[0]!r} only; a classifier needs two or more")
    return Targets(classes, np.eye(len(classes))[codes], False)


def _numbers(column: nw.Series[Any]) -> Floats:
    missing = column.is_null().to_list()
    try:
        return np.array([math.nan if gone else float(v) for v, gone in zip(column.to_list(), missing, strict=True)], np.float64)
    except (TypeError, ValueError) as error:
        told = "in a data frame a column is a label, with 0, 1 or nan; give a series where each text has one label"
        raise ValueError(f"y, column {column.name!r}: {error}; {told}") from error


def _checked(judged: Floats) -> Floats:
    wrong = np.argwhere(~(np.isnan(judged) | (judged == 0) | (judged == 1)))
    if len(wrong):
        row, column = wrong[0].tolist()
        raise ValueError(f"y, row {row}, column {column}: {judged[row, column]:g} must be 0, 1 or nan (not judged)")
    return judged


def _learnt(classes: Classes, several: bool = False) -> list[int]:
    """Return the places of the classes that get a classifier: of two one is enough, and "other" is what the rest is not."""
    places = [place for place, name in enumerate(classes.tolist()) if several or name != OTHER]
    return places[-1:] if len(classes) == 2 and not several else places


def _labels(names: Sequence[Any], known: LabelSet | None) -> LabelSet:
    """Return a label a class: the one of that id in ``known``, or else one that says no more than its name."""
    if known is not None:
        return LabelSet(tuple(known[str(name)] for name in names))
    made: dict[str, Label] = {}
    for name in names:
        id = _id(str(name), made)
        made[id] = parse_label(id, template(id, str(name)), "y")
    return LabelSet(tuple(made.values()))


def _id(name: str, taken: Iterable[str]) -> str:
    """Return an id made of a class's name: itself if it is one already."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:28] or "label"
    used = {*taken, OTHER, UNSCORED}
    return next(id for id in (plain, *(f"{plain}_{n}" for n in range(2, len(used) + 3))) if id not in used)


def _seed(given: Any) -> int:
    """Return the seed that ``random_state`` stands for."""
    return int(given) if isinstance(given, Integral) else int(check_random_state(given).randint(2**31 - 1))


def _groups(texts: Iterable[str]) -> list[str]:
    return [near_key(Document(*fields(text))) for text in texts]


def _corpus(texts: Sequence[str], judged: Floats, groups: Sequence[str], labels: LabelSet) -> Corpus:
    entries = tuple(
        Entry(str(row), "", "", REPRESENTATIVE, group, _grades(values, labels))
        for row, (group, values) in enumerate(zip(groups, judged.tolist(), strict=True))
    )
    return Corpus(labels, entries, *learn(texts, labels.settings, TITLE_WEIGHT))


def _grades(values: Sequence[float], labels: LabelSet) -> dict[str, int]:
    grade = LEAST_GRADE[DEFINITION]
    return {id: grade * int(value) for id, value in zip(labels.ids, values, strict=True) if not math.isnan(value)}
