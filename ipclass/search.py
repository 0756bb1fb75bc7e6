"""The search for a recipe: grouped cross-validation over penalty and evidence, on the documents to be learnt from alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ipclass.corpus import Corpus
from ipclass.training import Recipe, fit

PENALTIES = (0.5, 1.0, 2.0, 4.0, 8.0)
EVIDENCES = (0.0, 0.35, 0.7, 1.0)
FOLDS = 5
"""Fewer than in training: only the order of the recipes counts here."""
LEAST_GAIN = 0.005
"""Of macro-F1: a smaller one may be chance, and a change of recipe moves every tag."""


@dataclass(frozen=True)
class Tried:
    """A recipe, and the mean F1 of its targets on documents that it had not seen."""

    penalty: float
    evidence: float
    macro_f1: float


def search(corpus: Corpus, recipe: Recipe = Recipe(), jobs: int = 1) -> tuple[Recipe, tuple[Tried, ...]]:
    """Return the best recipe for ``corpus``, and all that were tried, the best first.

    ``recipe`` is tried too and stays where no other is better by ``LEAST_GAIN``; all but penalty and evidence are taken
    from it.

    Raises:
        CorpusError: A label has too few judgements.
    """
    present, *others = [_tried(corpus, each, jobs) for each in _recipes(recipe)]
    tried = sorted([present, *others], key=lambda each: -each.macro_f1)
    best = tried[0] if tried[0].macro_f1 >= present.macro_f1 + LEAST_GAIN else present
    return replace(recipe, penalty=best.penalty, evidence=best.evidence), tuple(tried)


def _recipes(recipe: Recipe) -> Iterator[Recipe]:
    """Yield the recipes to try, the given one first."""
    folds = min(FOLDS, recipe.folds)
    grid = [(recipe.penalty, recipe.evidence)] + [(penalty, evidence) for penalty in PENALTIES for evidence in EVIDENCES]
    for penalty, evidence in dict.fromkeys(grid):
        yield replace(recipe, penalty=penalty, evidence=evidence, folds=folds)


def _tried(corpus: Corpus, recipe: Recipe, jobs: int) -> Tried:
    figures = [each.quality["f1"] for each in fit(corpus, recipe, jobs).fitted]
    return Tried(recipe.penalty, recipe.evidence, float(np.nanmean(figures)))
