from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ipclass import Model
from ipclass import corpus as corpora
from ipclass.corpus import AUTHORED, Corpus
from ipclass.errors import CorpusError, LabelError
from ipclass.training import Recipe, fold_of, train

TEXTS = [
    each.document.text
    for each in corpora.read_judged(corpora.shipped() / "authored.jsonl", corpora.read_labels(corpora.shipped() / "labels"))
]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return corpora.read_corpus(corpora.shipped())


@pytest.fixture(scope="module")
def trained(corpus: Corpus) -> Model:
    return train(corpus, jobs=2)


@pytest.mark.slow
def test_training_from_the_shipped_corpus_makes_the_shipped_model(trained: Model) -> None:
    shipped = Model.load()
    assert trained.lexicon.terms == tuple(shipped.lexicon.terms) or list(trained.lexicon.terms) == list(shipped.lexicon.terms)
    for definition in ("strict", "broad"):
        ours, theirs = trained.tag(TEXTS, definition), shipped.tag(TEXTS, definition)  # type: ignore[arg-type]
        assert np.allclose(ours.probabilities, theirs.probabilities, atol=1e-4)
        assert (ours.assigned != theirs.assigned).mean() < 1e-3  # a threshold may lie between two machines' last digits


@pytest.mark.slow
def test_training_is_deterministic(corpus: Corpus) -> None:
    assert train(corpus, Recipe(folds=3), jobs=1).digest == train(corpus, Recipe(folds=3), jobs=2).digest


@pytest.mark.slow
def test_not_judged_is_not_no(corpus: Corpus, trained: Model) -> None:
    """Judgements of one label taken away from texts that carry another leave the first label's positives alone."""
    half = {place for place, entry in enumerate(corpus.entries) if place % 2 and entry.grades.get("bci", 0) == 0}
    entries = tuple(
        replace(entry, grades={k: v for k, v in entry.grades.items() if k != "bci"}) if place in half else entry
        for place, entry in enumerate(corpus.entries)
    )
    other = train(replace(corpus, entries=entries), jobs=2, definitions=("strict",))
    judged = {each["label"]: each["documents"] for each in other.facts["cross_validation"]}
    assert judged["bci"] < judged["ai"]
    ours, theirs = other.tag(TEXTS), trained.tag(TEXTS)
    ai = ours.labels.index("ai")
    assert np.array_equal(ours.probabilities[:, ai], theirs.probabilities[:, ai])


def test_groups_never_straddle_a_fold() -> None:
    groups = [f"family {n % 7}" for n in range(100)]
    folds = fold_of(groups, 5)
    assert all(len(set(folds[np.array(groups) == group])) == 1 for group in set(groups))


def test_restatements_share_the_fold_of_their_patent(corpus: Corpus) -> None:
    patents = {entry.id: entry.group for entry in corpus.entries if entry.origin == corpora.REPRESENTATIVE}
    restated = [
        (entry, corpora.plain_number(entry.id.removeprefix("R-")))
        for entry in corpus.entries
        if entry.origin == corpora.RESTATED
    ]
    by_number = {corpora.plain_number(number): group for number, group in patents.items()}
    shared = [(entry.group, by_number[number]) for entry, number in restated if number in by_number]
    assert len(shared) > 5
    assert all(one == two for one, two in shared)


def test_too_few_positives_are_named(corpus: Corpus) -> None:
    entries = tuple(replace(entry, grades={**entry.grades, "bci": 0}) for entry in corpus.entries)
    with pytest.raises(CorpusError, match="bci, strict: 0 positive judgements"):
        train(replace(corpus, entries=entries), Recipe(folds=2))


@pytest.mark.slow
def test_the_style_of_authored_texts_is_no_label(corpus: Corpus, trained: Model) -> None:
    """Authored texts without a label are as seldom tagged as real ones of the same corpus: style betrays nothing."""
    held = {(t.definition, t.label): t for t in trained.targets}
    negatives = [entry for entry in corpus.entries if entry.origin == AUTHORED and not any(entry.grades.values())]
    assert len(negatives) > 50
    tags = trained.tag([text for text, entry in zip(TEXTS, _authored(corpus), strict=True) if entry in negatives])
    assert tags.assigned.mean() < 0.02
    assert set(held) == {(d, label) for d in ("strict", "broad") for label in corpus.labels.ids}


def _authored(corpus: Corpus) -> list[corpora.Entry]:
    return [entry for entry in corpus.entries if entry.origin in (AUTHORED, corpora.RESTATED)]


def test_a_recipe_is_part_of_what_a_model_says_of_itself(trained: Model) -> None:
    assert trained.facts["recipe"]["penalty"] == Recipe().penalty
    assert Path(corpora.shipped()).is_dir()


def test_a_model_of_one_definition_says_so_when_asked_for_the_other(tiny_corpus: Path) -> None:
    model = train(corpora.read_corpus(tiny_corpus), Recipe(folds=3), definitions=("strict",))
    assert model.tag(TEXTS[:1]).labels == ("kites", "looms")
    with pytest.raises(LabelError, match="not trained for the definition 'broad'"):
        model.tag(TEXTS[:1], "broad")
