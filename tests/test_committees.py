"""Committees of classifiers, and signs of labels that no model knows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import document

from ipclass import committees, corpus, labels
from ipclass.active import NEVER
from ipclass.committees import Signs
from ipclass.corpus import Corpus
from ipclass.model import Model
from ipclass.records import Document

SURE = [Document(*document(theme, number), id=theme) for number, theme in ((300, "kites"), (301, "looms"), (302, ""))]
UNSURE = Document(
    "Tool with a keel and a ladle", "The kite joins a ladle to a keel with a handle, so that the soup is stirred."
)


@pytest.fixture(scope="module")
def learnt(tiny_corpus: Path) -> Corpus:
    return corpus.read_corpus(tiny_corpus)


@pytest.fixture(scope="module")
def model(tiny_model: str) -> Model:
    return Model.load(tiny_model)


def test_a_mixed_text_is_more_urgent_than_plain_ones(model: Model, learnt: Corpus) -> None:
    committee = committees.of_model(model, learnt, ["kites"])
    assert committee.criteria == (("kites", "strict"), ("kites", "broad"))
    urgencies = committee.urgencies([*SURE, UNSURE])
    assert urgencies.shape == (4, 2)
    assert (urgencies[3] > urgencies[:3]).all()


def test_a_committee_is_the_same_each_time_and_another_with_another_seed(model: Model, learnt: Corpus) -> None:
    one, again, other = (committees.of_model(model, learnt, ["looms"], seed).urgencies(SURE) for seed in (0, 0, 1))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_members_score_as_the_model_does_where_they_agree(model: Model, learnt: Corpus) -> None:
    committee = committees.of_model(model, learnt, ["kites"])
    votes = committee.model.score(model.lexicon.count([each.text for each in SURE]), committee.columns[0])
    assert votes.shape == (3, committees.MEMBERS)
    assert (votes[0] > committee.cuts[0]).all()
    assert (votes[1:] < committee.cuts[0]).all()


def test_the_features_of_a_corpus_are_those_of_its_texts(model: Model, learnt: Corpus, tiny_corpus: Path) -> None:
    texts = [each.document.text for each in corpus.read_judged(tiny_corpus / "authored.jsonl", learnt.labels)]
    by_corpus = committees.features(model, committees.aligned(learnt, model))
    by_text = committees.features(model, model.lexicon.count(texts))
    assert np.allclose((by_corpus - by_text).toarray(), 0, atol=1e-9)
    assert np.allclose(np.asarray(by_corpus.multiply(by_corpus).sum(axis=1)), 1)


def test_without_judgements_for_a_label_the_model_alone_decides(model: Model, learnt: Corpus) -> None:
    entries = tuple(replace(entry, grades={"looms": entry.grades["looms"]}) for entry in learnt.entries)
    committee = committees.of_model(model, replace(learnt, entries=entries), ["kites"])
    assert [len(columns) for columns in committee.columns] == [1, 1]
    scores = model.score(model.lexicon.count([UNSURE.text]), [model.column("kites", "strict")])
    assert committee.model.score(model.lexicon.count([UNSURE.text]), committee.columns[0]) == pytest.approx(scores, abs=1e-6)
    assert committees.of_model(model, replace(learnt, entries=()), []).urgencies(SURE).shape == (3, 0)


def test_a_member_needs_both_sides(model: Model, learnt: Corpus) -> None:
    entries = tuple(replace(entry, grades={"kites": int(place == 3)}) for place, entry in enumerate(learnt.entries))
    rows = committees.features(model, committees.aligned(learnt, model))
    assert committees.members_of(rows, replace(learnt, entries=entries), "kites", "strict") == []


def test_phrases_find_likely_documents_and_those_on_the_border(learnt: Corpus) -> None:
    head = learnt.labels["kites"].source.partition("[phrases]")[0]
    source = f'{head}[phrases]\nstrong = ["fusion"]\nsupporting = ["plasma"]\nagainst = ["solar"]\n'
    signs = Signs.of(labels.LabelSet((labels.parse_label("fusion", source, "fusion.toml"),)))
    assert signs.criteria == (("fusion", "strict"), ("fusion", "broad"))
    texts = ["Fusion of plasma", "A plasma torch", "A solar plasma", "A spoon"]
    found = signs.urgencies([Document(text, "") for text in texts])
    assert np.argsort(-found[:, 0])[0] == 0
    assert (found[1:, 0] == NEVER).all()
    assert found[0, 1] == found[3, 1] == NEVER
    assert found[1, 1] > found[2, 1] > NEVER
