"""From a corpus to a model: TF-IDF, one linear classifier a target, calibration and thresholds on held-out folds."""

from __future__ import annotations

import platform
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from joblib import Parallel, delayed
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from ipclass import scores
from ipclass.calibration import score_at
from ipclass.corpus import CALIBRATING, NOT_JUDGED, REPRESENTATIVE, TITLE_WEIGHT, Corpus
from ipclass.counts import Lexicon, keep_terms
from ipclass.errors import CorpusError
from ipclass.model import Model, Target
from ipclass.records import DEFINITIONS, LEAST_GRADE, Definition

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

FEWEST_POSITIVES = 10
FEWEST_SHARING = 30  # as shares.FEWEST_HELD_OUT
_MOST_ROUNDS = 10_000  # of coordinate descent; a few hundred are usual


@dataclass(frozen=True)
class Recipe:
    """The settings of a training run; the defaults were chosen on the development texts.

    ``penalty`` is scikit-learn's C, ``least_documents`` the number of documents that a term must occur in,
    ``evidence`` how far a term's scale follows its log count ratio (0: not at all), ``smoothing`` what is added to both
    counts. Many folds make the models that saw all but one of them score like the final one, which share estimates rely on.
    """

    penalty: float = 2.0
    least_documents: int = 2
    evidence: float = 0.35
    smoothing: float = 0.01
    folds: int = 20
    seed: int = 0


_SENSIBLE: Mapping[str, tuple[float, float]] = {
    "penalty": (1e-4, 1e4),
    "least_documents": (1, 1000),
    "evidence": (0, 1),
    "smoothing": (1e-6, 1e3),
    "folds": (2, 100),
    "seed": (0, 2**31 - 1),
}


def recipe_of(model: Model) -> Recipe:
    """Return the recipe that ``model`` was made by, as far as it tells one that makes sense; the rest is as usual."""
    told, usual = model.facts.get("recipe", {}), asdict(Recipe())
    known = {
        name: type(usual[name])(told[name])
        for name, (least, most) in _SENSIBLE.items()
        if type(told.get(name)) in (int, float) and least <= told[name] <= most
    }
    return Recipe(**{**usual, **known})


@dataclass(frozen=True, eq=False)
class Fitted:
    """A classifier of one target, and what is known of it from documents that it had not seen.

    ``unseen`` are the scores of all documents of the corpus by classifiers of folds that they are not in, nan where a
    document was not judged.
    """

    target: Target
    weights: Floats
    intercept: float
    unseen: Floats
    quality: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Trained:
    """A model, and how it does on documents of its corpus that it had not seen: ``fitted`` are its targets in order."""

    model: Model
    fitted: tuple[Fitted, ...]


def train(corpus: Corpus, recipe: Recipe = Recipe(), jobs: int = 1, definitions: Sequence[Definition] = DEFINITIONS) -> Model:
    """Return the model that ``corpus`` teaches, of the targets of ``definitions``.

    The same corpus and recipe give the same model, to the byte, whatever ``jobs`` is (processes).

    Raises:
        CorpusError: A label has too few positive or negative judgements under a definition.
    """
    return fit(corpus, recipe, jobs, definitions).model


def fit(corpus: Corpus, recipe: Recipe = Recipe(), jobs: int = 1, definitions: Sequence[Definition] = DEFINITIONS) -> Trained:
    """Return the model that ``corpus`` teaches, with its scores of documents that it had not seen.

    Raises:
        CorpusError: As ``train``.
    """
    terms, counts = keep_terms((corpus.terms, corpus.counts), recipe.least_documents)
    if not terms:
        raise CorpusError(f"no term occurs in {recipe.least_documents:,} of {len(corpus):,} documents or more")
    matrix = sp.csr_matrix((counts.values, counts.terms, counts.starts), shape=(len(corpus), len(terms)))
    weighting = TfidfTransformer(sublinear_tf=True).fit(matrix)
    features = weighting.transform(matrix)
    folds = fold_of(corpus.groups(), recipe.folds)
    if len(np.unique(folds)) < 2:
        raise CorpusError(f"{len(set(corpus.groups()))} groups in one fold: more groups or folds are needed to calibrate")
    unseen = {fold: features_without(matrix, folds == fold, recipe) for fold in np.unique(folds).tolist()}
    wanted = [(definition, label) for definition in definitions for label in corpus.labels.ids]
    fitted = Parallel(n_jobs=jobs)(  # processes: LIBLINEAR's random numbers are shared by the threads of one
        delayed(fit_target)(features, unseen, corpus, definition, label, folds, recipe) for definition, label in wanted
    )
    lexicon = Lexicon(terms, corpus.labels.settings, TITLE_WEIGHT)
    model = Model(
        labels=corpus.labels,
        lexicon=lexicon,
        idf=weighting.idf_.astype(np.float32).astype(np.float64),
        weights=np.column_stack([each.weights for each in fitted]).astype(np.float32).astype(np.float64),
        intercepts=np.array([each.intercept for each in fitted]),
        targets=tuple(each.target for each in fitted),
        facts=_facts(corpus, recipe, fitted),
    )
    return Trained(model, tuple(fitted))


def fold_of(groups: Sequence[str], folds: int) -> npt.NDArray[np.int64]:
    """Return the fold of each document: a checksum of its group, so that it never changes and groups stay whole."""
    return np.array([zlib.crc32(group.encode()) % folds for group in groups], np.int64)


def features_without(matrix: sp.csr_matrix, fold: Bools, recipe: Recipe) -> sp.csr_matrix:
    """Return the features of all documents by the terms and document frequencies of those outside ``fold``.

    A document that helps to choose its own terms keeps rare ones that a new document would lose: it would be scored closer
    to the intercept than new ones, and every share estimated too high (measured: ``benchmarks/README.md``, coverage).
    """
    rows = matrix[:, terms_without(matrix, fold, recipe)]
    return TfidfTransformer(sublinear_tf=True).fit(rows[~fold]).transform(rows)


def terms_without(matrix: sp.csr_matrix, fold: Bools, recipe: Recipe) -> Ints:
    """Return the columns of the terms that the documents outside ``fold`` teach."""
    seen = np.bincount(matrix[~fold].indices, minlength=matrix.shape[1])
    return np.flatnonzero(seen >= recipe.least_documents)


def fit_target(
    features: sp.csr_matrix,
    unseen: Mapping[int, sp.csr_matrix],
    corpus: Corpus,
    definition: Definition,
    label: str,
    folds: npt.NDArray[np.int64],
    recipe: Recipe,
) -> Fitted:
    """Return the classifier of one label under one definition, calibrated on what its folds had not seen.

    Only documents judged for the label count, and only those that no model picked and nobody made up calibrate.
    """
    grades = corpus.grades(label)
    judged = np.flatnonzero(grades != NOT_JUDGED)
    truth = grades[judged] >= LEAST_GRADE[definition]
    _check(truth, label, definition)
    rows, fold, origins = features[judged], folds[judged], corpus.origins()[judged]
    with threadpool_limits(1):  # sums over several threads differ in their last digits from run to run
        held_out = _held_out(unseen, judged, truth, fold, recipe)
        classifier = fit_linear(rows, truth, recipe)
        calibrating = _calibrating(origins, truth)
        found, known = held_out[calibrating], truth[calibrating]
        threshold, probabilities = _threshold(found, known, fold[calibrating])
        cut = score_at(threshold, scores.fit_platt(found, known))
        sharing = _sharing(origins, truth, calibrating)
        curve = scores.fit_platt(held_out[sharing], truth[sharing])
    order = np.lexsort((truth[sharing], held_out[sharing]))
    target = Target(definition, label, curve, float(curve(cut)), held_out[sharing][order], truth[sharing][order])
    everywhere = np.full(len(corpus), np.nan)
    everywhere[judged] = held_out
    quality = _quality(probabilities, known, threshold)
    return Fitted(target, classifier.weights, classifier.intercept, everywhere, quality)


def _calibrating(origins: npt.NDArray[np.str_], truth: Bools) -> Bools:
    """Return which documents the threshold rests on: those that no model picked and nobody made up.

    Where these are too few to learn from, as for a label of which nothing but picked documents were judged, all do.
    """
    chosen = np.isin(origins, CALIBRATING)
    enough = min((truth & chosen).sum(), (~truth & chosen).sum()) >= FEWEST_POSITIVES
    return chosen if enough else np.ones(len(truth), bool)


def _sharing(origins: npt.NDArray[np.str_], truth: Bools, calibrating: Bools) -> Bools:
    """Return which documents shares and probabilities rest on: those drawn whatever a model thinks of them, if enough.

    Texts told anew read more alike than real ones; with them a share of 1 % of a rare label came out 49 % too low (measured).
    """
    drawn = origins == REPRESENTATIVE
    enough = min((truth & drawn).sum(), (~truth & drawn).sum()) >= FEWEST_SHARING
    return np.asarray(drawn if enough else calibrating)


def _check(truth: Bools, label: str, definition: Definition) -> None:
    for kind, n in (("positive", int(truth.sum())), ("negative", int((~truth).sum()))):
        if n < FEWEST_POSITIVES:
            raise CorpusError(
                f"{label}, {definition}: {n} {kind} judgements; at least {FEWEST_POSITIVES} are needed to learn from"
            )


def _held_out(unseen: Mapping[int, sp.csr_matrix], judged: Ints, truth: Bools, fold: Ints, recipe: Recipe) -> Floats:
    """Return a score for each document by the classifier of the other folds, on the features of the other folds."""
    found = np.full(len(truth), np.nan)
    for each in np.unique(fold).tolist():
        inside = fold == each
        if truth[~inside].any() and not truth[~inside].all():
            rows = unseen[each][judged]
            found[inside] = fit_linear(rows[~inside], truth[~inside], recipe)(rows[inside])
    if np.isnan(found).any():
        raise CorpusError("all positive or all negative judgements are of one group; judge documents of other families")
    return found


def _threshold(unseen: Floats, truth: Bools, fold: npt.NDArray[np.int64]) -> tuple[float, Floats]:
    """Return the threshold of best expected F1, and the probabilities it was found on: each calibrated on the other folds."""
    probabilities = np.empty(len(unseen))
    for each in np.unique(fold):
        inside = fold == each
        others = ~inside if truth[~inside].any() and not truth[~inside].all() else np.ones(len(fold), bool)
        probabilities[inside] = scores.fit_platt(unseen[others], truth[others])(unseen[inside])
    return scores.best_threshold(probabilities), probabilities


@dataclass(frozen=True)
class Linear:
    """A linear classifier of TF-IDF rows."""

    weights: Floats
    intercept: float

    def __call__(self, rows: sp.csr_matrix) -> Floats:
        """Return the score of each row."""
        return np.asarray(rows @ self.weights + self.intercept)


def fit_linear(rows: sp.csr_matrix, truth: Bools, recipe: Recipe) -> Linear:
    """Return a support vector classifier on rows scaled by the evidence of each term.

    Source of the scale: Wang and Manning (2012), ACL, "Baselines and bigrams: simple, good sentiment and topic
    classification" (NB-SVM, interpolated): a rare but telling term needs less data to be heard.
    """
    scale = _evidence(rows, truth, recipe)
    classifier = LinearSVC(
        C=recipe.penalty, class_weight="balanced", dual=True, random_state=recipe.seed, max_iter=_MOST_ROUNDS
    )  # the dual needs no BLAS, whose sums differ from machine to machine, and a third of the time
    classifier.fit(rows @ sp.diags(scale), truth)
    return Linear(classifier.coef_[0] * scale, float(classifier.intercept_[0]))


def _evidence(rows: sp.csr_matrix, truth: Bools, recipe: Recipe) -> Floats:
    """Return the scale of each term: the size of its log ratio between the classes, mixed with the mean, of mean square 1."""
    inside, outside = (np.asarray(rows[chosen].sum(axis=0)).ravel() + recipe.smoothing for chosen in (truth, ~truth))
    size = np.abs(np.log((inside / inside.sum()) / (outside / outside.sum())))
    mixed = (1 - recipe.evidence) * size.mean() + recipe.evidence * size
    if not mixed.any():  # no term is more frequent in one class than in the other
        return np.ones(len(size))
    return np.asarray(mixed / np.sqrt(np.mean(mixed**2)))


def _quality(probabilities: Floats, truth: Bools, threshold: float) -> dict[str, float]:
    assigned = probabilities >= threshold
    return {
        "documents": len(truth),
        "positives": int(truth.sum()),
        "precision": scores.precision(assigned, truth),
        "recall": scores.recall(assigned, truth),
        "f1": scores.f1(assigned, truth),
        "average_precision": scores.average_precision(probabilities, truth),
        "brier": scores.brier(probabilities, truth),
        "calibration_error": scores.calibration_error(probabilities, truth),
    }


def _facts(corpus: Corpus, recipe: Recipe, fitted: Sequence[Fitted]) -> dict[str, Any]:
    origins, counts = np.unique(corpus.origins(), return_counts=True)
    return {
        "recipe": asdict(recipe),
        "documents": dict(zip(origins.tolist(), counts.tolist(), strict=True)),
        "labels": {label.id: label.version for label in corpus.labels},
        "cross_validation": [
            {"definition": each.target.definition, "label": each.target.label, **each.quality} for each in fitted
        ],
        "made_with": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("ipclass", "spacy", "scikit-learn", "numpy", "scipy")},
        },
    }
