from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from conftest import judged

from ipclass import Model, gate
from ipclass.corpus import AUTHORED, Entry, Judged
from ipclass.errors import CorpusError
from ipclass.gate import BETTER, LOST, NEW, SAME, TOO_FEW, WORSE, Paired, compare, difference
from ipclass.labels import LabelSet
from ipclass.records import Document


@pytest.fixture(scope="module")
def model(tiny_model: str) -> Model:
    return Model.load(tiny_model)


def pair(truth: object, old: object, new: object, groups: object = None, label: str = "kites") -> Paired:
    arrays = [np.asarray(each, bool) for each in (truth, old, new)]
    return Paired("strict", label, *arrays, [str(n) for n in range(len(arrays[0]))] if groups is None else list(groups))


def tagger(rng: np.random.Generator, truth: np.ndarray, recall: float, false: float) -> np.ndarray:
    return np.where(truth, rng.random(len(truth)) < recall, rng.random(len(truth)) < false)


TRUTH = np.arange(600) < 120


def test_models_that_say_the_same_differ_by_nothing() -> None:
    said = tagger(np.random.default_rng(1), TRUTH, 0.8, 0.05)
    found = difference(pair(TRUTH, said, said))
    assert (found.difference.value, found.difference.low, found.difference.high) == (0, 0, 0)
    assert found.verdict == SAME
    assert found.old == found.new == pytest.approx(2 * (said & TRUTH).sum() / (said.sum() + TRUTH.sum()))


def test_a_model_that_is_clearly_worse_is_stopped_and_one_that_is_better_is_not() -> None:
    rng = np.random.default_rng(2)
    good, bad = tagger(rng, TRUTH, 0.9, 0.02), tagger(rng, TRUTH, 0.6, 0.1)
    assert difference(pair(TRUTH, good, bad)).verdict == WORSE
    assert difference(pair(TRUTH, bad, good)).verdict == BETTER
    there, back = difference(pair(TRUTH, good, bad)).difference, difference(pair(TRUTH, bad, good)).difference
    assert (there.value, there.low, there.high) == pytest.approx((-back.value, -back.high, -back.low))


def test_of_models_that_are_equally_good_hardly_any_is_stopped() -> None:
    rng = np.random.default_rng(3)
    stopped = 0
    for _ in range(200):
        old, new = (tagger(rng, TRUTH, 0.85, 0.03) for _ in range(2))
        stopped += difference(pair(TRUTH, old, new), draws=400).verdict == WORSE
    assert stopped <= 5  # 0.5 % of 200 is one


def test_near_duplicates_count_as_one_piece_of_evidence() -> None:
    rng = np.random.default_rng(4)
    old, new = tagger(rng, TRUTH, 0.9, 0.02), tagger(rng, TRUTH, 0.8, 0.03)
    alone = difference(pair(TRUTH, old, new)).difference
    tenfold = [np.repeat(each, 10) for each in (TRUTH, old, new)]
    groups = np.repeat(np.arange(600), 10).astype(str)
    kept = difference(pair(*tenfold, groups=groups)).difference
    assert (kept.low, kept.high) == pytest.approx((alone.low, alone.high), abs=0.02)
    split = difference(pair(*tenfold)).difference
    assert split.high - split.low < 0.5 * (kept.high - kept.low)


@pytest.mark.parametrize("positives", [0, 3, 9])
def test_of_few_positives_nothing_is_said(positives: int) -> None:
    truth = np.arange(100) < positives
    found = difference(pair(truth, truth, np.zeros(100)))
    assert found.verdict == TOO_FEW
    assert np.isnan(found.difference.high)


def test_labels_that_come_are_let_in_and_labels_that_go_stop_the_model(model: Model) -> None:
    one = replace(
        model,
        labels=LabelSet((model.labels["kites"],)),
        targets=tuple(each for each in model.targets if each.label == "kites"),
        weights=model.weights[:, [0, 2]],
        intercepts=model.intercepts[[0, 2]],
    )
    pairs = [pair(TRUTH, TRUTH, TRUTH), replace(pair(TRUTH, TRUTH, TRUTH), definition="broad")]
    grown, shrunk = compare(one, model, pairs, "x"), compare(model, one, pairs, "x")
    assert [(each.label, each.verdict) for each in grown.differences[:2]] == [("kites", SAME), ("looms", NEW)]
    assert not grown.worse
    assert [(each.label, each.verdict) for each in shrunk.worse] == [("looms", LOST)] * 2
    assert compare(model, model, pairs, "x").differences[1].verdict == TOO_FEW


def test_texts_are_compared_only_where_they_were_judged(model: Model) -> None:
    texts = [
        Judged(Document(r["title"], r["abstract"]), Entry(r["id"], "", "", AUTHORED, r["id"], r["grades"])) for r in judged(60)
    ]
    texts[0] = replace(texts[0], entry=replace(texts[0].entry, grades={"looms": 0}))
    found = gate.on_texts(model, model, texts, "60 texts", draws=50)
    counts = {(each.definition, each.label): (each.documents, each.positives) for each in found.differences}
    assert counts["broad", "kites"] == (59, 19)
    assert counts["broad", "looms"] == (60, 20)
    assert not found.worse
    with pytest.raises(CorpusError, match="no judged documents"):
        gate.on_texts(model, model, [], "nothing")


def test_a_comparison_is_told_in_json_in_words_and_in_the_card(model: Model) -> None:
    rng = np.random.default_rng(5)
    pairs = [pair(TRUTH, tagger(rng, TRUTH, 0.9, 0.02), tagger(rng, TRUTH, 0.5, 0.1))]
    found = compare(model, model, pairs, "600 texts")
    record = gate.as_record(found)
    assert record["passed"] is False
    assert json.dumps(record)
    table, card = gate.as_table(found), "\n".join(gate.as_markdown(record))
    for told in (table, card):
        assert "600 texts" in told
        assert "worse" in told
        assert "nan" not in told
