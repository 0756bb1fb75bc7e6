from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from conftest import LABELS, document, judged
from scipy.special import softmax
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline

from ipclass import Model, corpus, training
from ipclass.records import Document
from ipclass.tagger import PatentTagger, read_targets

ROWS = judged()
TEXTS = [Document(row["title"], row["abstract"]).text for row in ROWS]
CLASSES = [next((label for label, grade in row["grades"].items() if grade), "other") for row in ROWS]
MATRIX = np.array([[float(row["grades"][label] > 0) for label in LABELS] for row in ROWS])
NEW = [Document(*document(theme, 70 + n)).text for n, theme in enumerate(("kites", "looms", ""))]


@pytest.fixture(scope="module")
def single() -> PatentTagger:
    return PatentTagger(folds=5).fit(TEXTS, CLASSES)


@pytest.fixture(scope="module")
def several() -> PatentTagger:
    return PatentTagger(folds=5).fit(TEXTS, MATRIX)


def test_it_is_the_training_of_the_command_line(tiny_corpus: Path) -> None:
    """The same texts, labels and groups give the very model that ``training.train`` makes of the corpus."""
    learnt = corpus.read_corpus(tiny_corpus)
    strict = pd.DataFrame([{label: grade == 2 for label, grade in row["grades"].items()} for row in ROWS])
    tagger = PatentTagger(C=0.5, labels=learnt.labels).fit(TEXTS, strict)
    model = training.train(learnt, training.Recipe(penalty=0.5), definitions=("strict",))
    drawn = replace(learnt, entries=tuple(replace(entry, origin="representative") for entry in learnt.entries))
    assert tagger.model_.digest == training.train(drawn, training.Recipe(penalty=0.5), definitions=("strict",)).digest
    assert np.array_equal(tagger.model_.weights, model.weights)


def test_one_label_a_document_gives_the_most_probable_class(single: PatentTagger) -> None:
    assert single.classes_.tolist() == ["kites", "looms", "other"]
    assert single.predict(NEW).tolist() == ["kites", "looms", "other"]
    assert single.score(TEXTS, CLASSES) > 0.95


def test_other_means_none_of_the_rest_and_is_not_trained(single: PatentTagger) -> None:
    assert single.model_.labels.ids == ("kites", "looms")
    assert np.array_equal(single.decision_function(NEW)[:, 2], np.zeros(3))


def test_probabilities_of_one_label_are_those_of_independent_labels_of_which_one_or_none_holds(single: PatentTagger) -> None:
    """P(k only | at most one) of independent labels, against its definition."""
    alone = np.column_stack(
        [
            single.model_.targets[k].platt(single.model_.score(single.model_.lexicon.count(NEW), [k]))[:, 0]
            for k in range(len(LABELS))
        ]
    )
    none = (1 - alone).prod(axis=1)
    only = np.column_stack([alone[:, 0] * (1 - alone[:, 1]), alone[:, 1] * (1 - alone[:, 0]), none])
    found = single.predict_proba(NEW)
    assert np.allclose(found, only / only.sum(axis=1, keepdims=True))
    assert np.allclose(found, softmax(single.decision_function(NEW), axis=1))


@pytest.mark.parametrize("names", [("kites", "other"), ("other", "pots"), (0, 1), (False, True), ("-", "+")])
def test_of_two_classes_the_decision_is_one_column_for_the_second(names: tuple[Any, Any]) -> None:
    y = np.array(names)[[int(name == "kites") for name in CLASSES]]
    tagger = PatentTagger(folds=5).fit(TEXTS, y)
    margin = tagger.decision_function(NEW)
    assert margin.shape == (3,)
    assert tagger.predict(NEW).tolist() == [names[1], names[0], names[0]]
    assert np.array_equal(margin > 0, tagger.predict(NEW) == tagger.classes_[1])
    assert np.allclose(tagger.predict_proba(NEW)[:, 1], 1 / (1 + np.exp(-margin)))


def test_several_labels_are_tagged_as_the_model_tags(several: PatentTagger) -> None:
    tags = several.model_.tag(NEW)
    assert several.classes_.tolist() == [0, 1]
    assert np.array_equal(several.predict(NEW), tags.assigned)
    assert several.predict(NEW).tolist() == [[1, 0], [0, 1], [0, 0]]
    assert np.allclose(several.predict_proba(NEW), tags.probabilities)
    assert several.score(TEXTS, MATRIX) > 0.95


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (MATRIX.astype(int), [0, 1]),
        (MATRIX.astype(bool), [0, 1]),
        (MATRIX.tolist(), [0, 1]),
        (pd.DataFrame(MATRIX, columns=list(LABELS)), list(LABELS)),
        (pl.DataFrame(MATRIX, schema=list(LABELS)), list(LABELS)),
        ([[name] if name != "other" else [] for name in CLASSES], list(LABELS)),
        (pd.Series([{name} for name in CLASSES]), list(LABELS)),
    ],
    ids=["int", "bool", "nested lists", "pandas", "polars", "label lists", "label sets"],
)
def test_several_labels_may_be_told_in_many_ways(y: Any, classes: list[Any], several: PatentTagger) -> None:
    tagger = PatentTagger(folds=5).fit(TEXTS, y)
    assert tagger.classes_.tolist() == classes
    assert np.array_equal(tagger.predict_proba(NEW), several.predict_proba(NEW))
    assert tagger.score(TEXTS, y) == several.score(TEXTS, MATRIX)


@pytest.mark.parametrize("nothing", [np.nan, None, pd.NA])
def test_not_judged_is_not_no(nothing: Any) -> None:
    """Taking judgements of looms away leaves kites alone, and the looms are learnt from what is judged."""
    y = pd.DataFrame(MATRIX, columns=list(LABELS)).astype("Float64" if nothing is pd.NA else object)
    y.loc[::4, "looms"] = nothing
    tagger, whole = PatentTagger(folds=5).fit(TEXTS, y), PatentTagger(folds=5).fit(TEXTS, MATRIX)
    assert np.array_equal(tagger.predict_proba(NEW)[:, 0], whole.predict_proba(NEW)[:, 0])
    left = {each["label"]: each["documents"] for each in tagger.model_.facts["cross_validation"]}
    assert left == {"kites": 60, "looms": 45}


def test_a_document_of_which_nothing_was_judged_teaches_nothing() -> None:
    lists = [[name] if name != "other" else [] for name in CLASSES]
    without = PatentTagger(folds=5).fit(TEXTS, [*lists[:-3], None, None, None])
    assert {each["documents"] for each in without.model_.facts["cross_validation"]} == {57}


def test_the_score_of_several_labels_is_the_mean_f1_where_judged(several: PatentTagger) -> None:
    wrong = MATRIX.copy()
    wrong[:, 1] = 1 - wrong[:, 1]  # every tag of looms a mistake
    assert several.score(TEXTS, wrong) == pytest.approx(several.score(TEXTS, MATRIX) / 2, abs=0.02)
    wrong[:, 1] = np.nan
    assert several.score(TEXTS, wrong) == pytest.approx(1, abs=0.02)


def test_groups_are_never_on_both_sides_of_a_calibration_split(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies of a text make scores look better than they are, unless the group says that they belong together."""
    seen = []
    monkeypatch.setattr(training, "fold_of", lambda groups, folds: seen.append(groups) or np.arange(len(groups)) % folds)
    groups = [f"family {place % 7}" for place in range(60)]
    PatentTagger(folds=5).fit(TEXTS, MATRIX, groups=groups)
    assert list(seen[0]) == groups


def test_texts_of_one_title_are_one_group_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(training, "fold_of", lambda groups, folds: seen.append(groups) or np.arange(len(groups)) % folds)
    texts = ["A kite of paper\nIt flies.", "A KITE OF PAPER\nIt sails.", *TEXTS[2:]]
    PatentTagger(folds=5).fit(texts, MATRIX)
    assert seen[0][0] == seen[0][1] != seen[0][2]


def test_groups_are_routed_through_a_search() -> None:
    groups = np.arange(60) // 2
    with sklearn.config_context(enable_metadata_routing=True):
        tagger = PatentTagger(folds=3).set_fit_request(groups=True)
        search = GridSearchCV(tagger, {"C": [0.5, 2.0]}, cv=GroupKFold(3)).fit(TEXTS, CLASSES, groups=groups)
    assert search.best_score_ > 0.9


def test_a_search_runs_with_judgements_missing() -> None:
    y = MATRIX.copy()
    y[1::9, 0] = np.nan
    search = GridSearchCV(PatentTagger(folds=3), {"C": [0.5], "min_df": [1, 2]}, cv=KFold(3))
    assert search.fit(TEXTS, y).best_score_ > 0.9


def test_cross_validation_takes_it_as_any_classifier() -> None:
    assert cross_val_score(PatentTagger(folds=3), TEXTS, CLASSES, cv=3).mean() > 0.9
    assert cross_val_predict(PatentTagger(folds=3), TEXTS, MATRIX, cv=3, method="predict_proba").shape == (60, 2)


def test_it_stands_at_the_end_of_a_pipeline_that_picks_columns() -> None:
    table = pd.DataFrame(
        {"n": range(60), "title": [row["title"] for row in ROWS], "abstract": [row["abstract"] for row in ROWS]}
    )
    picked = make_column_transformer(("passthrough", ["title", "abstract"]))
    pipeline = make_pipeline(picked, PatentTagger(folds=5)).fit(table, CLASSES)
    assert clone(pipeline).fit(table, CLASSES).predict(table).tolist() == pipeline.predict(table).tolist()
    assert PatentTagger(folds=5).fit(table, CLASSES).predict(table).tolist() == pipeline.predict(table).tolist()


def test_the_model_is_saved_read_and_used_like_any_other(several: PatentTagger, tmp_path: Path) -> None:
    tagger = PatentTagger(folds=5).fit(TEXTS, pd.DataFrame(MATRIX, columns=["Kites & co.", "other"]))
    tagger.model_.save(tmp_path / "mine")
    model = Model.load(tmp_path / "mine")
    assert [(label.id, label.name) for label in model.labels] == [("kites_co", "Kites & co."), ("other_2", "other")]
    assert np.array_equal(model.tag(NEW).probabilities, several.predict_proba(NEW))


def test_it_pickles_with_what_it_learnt(several: PatentTagger) -> None:
    again = pickle.loads(pickle.dumps(several))
    assert np.array_equal(again.predict_proba(NEW), several.predict_proba(NEW))


def test_labels_bring_their_openings_with_them(tiny_corpus: Path) -> None:
    labels = corpus.read_labels(tiny_corpus / "labels")
    assert PatentTagger(labels=labels, folds=3).fit(TEXTS, CLASSES).model_.labels["looms"].summary == "All about looms"
    with pytest.raises(ValueError, match="no label 'pots'"):
        PatentTagger(labels=labels).fit(TEXTS, [name.replace("looms", "pots") for name in CLASSES])


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (None, "requires y to be passed"),
        (CLASSES[:-1], "inconsistent numbers of samples"),
        (["kites"] * 60, "one class 'kites' only"),
        (["kites"] * 5 + ["looms"] * 55, "looms, strict: 5 negative judgements; at least 10"),
        (np.where(np.arange(60) % 2, 1.0, np.nan), "NaN"),
        (np.linspace(0, 1, 60), "Unknown label type"),
        ([], "y is empty"),
        ({"a": 1}, "not dict"),
        ([float("nan"), *CLASSES[1:]], "y, row 0: nan is no class; not judged"),
        (np.array([None, *CLASSES[1:]], object), "y, row 0: None is no class"),
        (pd.Series([pd.NA, *CLASSES[1:]], dtype="string"), "y, row 0: <NA> is no class"),
        (pd.DataFrame({"technology": CLASSES}), "column 'technology': could not convert .* give a series"),
        ([[] for _ in CLASSES], "y names no label"),
        (MATRIX + MATRIX, "row 0, column 0: 2 must be 0, 1 or nan"),
        (pd.DataFrame({"kites": MATRIX[:, 0] * 3}), "row 0, column 0: 3 must be 0, 1 or nan"),
    ],
)
def test_a_target_that_cannot_be_learnt_is_refused(y: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        PatentTagger(folds=5).fit(TEXTS, y)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"C": 0}, "C=0 must be a number"),
        ({"folds": 1}, "folds=1 must be a whole number, 2 or more"),
        ({"min_df": 2.5}, "min_df=2.5 must be a whole number"),
        ({"min_df": 99}, "no term occurs in 99 of 60 documents"),
        ({"evidence": 2}, "evidence=2 must be a number, 0 to 1"),
        ({"labels": ["kites"]}, "labels must be a LabelSet"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused(parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        PatentTagger(**parameters).fit(TEXTS, CLASSES)


def test_a_seed_may_be_left_to_chance_or_to_a_generator() -> None:
    one, two = (PatentTagger(folds=3, random_state=np.random.RandomState(5)).fit(TEXTS, CLASSES) for _ in range(2))
    assert one.model_.digest == two.model_.digest
    drawn = PatentTagger(folds=3, random_state=None).fit(TEXTS, CLASSES)
    assert drawn.predict(NEW).tolist() == one.predict(NEW).tolist()


def test_weights_count_in_the_score_of_several_labels_too(several: PatentTagger) -> None:
    """A text of weight 0 is none; twice the weight is the text twice."""
    wrong = MATRIX.copy()
    wrong[30:, 0] = 1 - wrong[30:, 0]
    half = [1.0] * 30 + [0.0] * 30
    assert several.score(TEXTS, wrong, half) == several.score(TEXTS[:30], wrong[:30])
    doubled = several.score([*TEXTS, *TEXTS[30:]], np.vstack([wrong, wrong[30:]]))
    assert several.score(TEXTS, wrong, [1.0] * 30 + [2.0] * 30) == pytest.approx(doubled)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        several.score(TEXTS, wrong, [1.0])


def test_one_label_a_text_cannot_score_several(several: PatentTagger) -> None:
    with pytest.raises(ValueError, match="one label a text, but several were learnt: 0, 1"):
        several.score(TEXTS, CLASSES)


def test_texts_of_one_group_cannot_be_calibrated() -> None:
    with pytest.raises(ValueError, match="1 groups in one fold"):
        PatentTagger().fit(TEXTS, CLASSES, groups=["family"] * 60)


def test_a_label_that_was_not_learnt_cannot_be_scored() -> None:
    learnt = np.array(["kites", "looms"])
    for y in ([["lomms"], ["kites"]], pd.DataFrame({"kites": [1.0], "lomms": [0.0]})):
        with pytest.raises(ValueError, match="'lomms', which was not learnt; did you mean 'looms'"):
            read_targets(y, learnt)
    with pytest.raises(ValueError, match="y has 3 columns, but 2 labels were learnt: kites, looms"):
        read_targets(np.zeros((2, 3)), learnt)
    assert np.isnan(read_targets(pd.DataFrame({"kites": [1.0]}), learnt).judged).tolist() == [[False, True]]


def test_nothing_is_predicted_before_it_is_fitted() -> None:
    for method in ("predict", "predict_proba", "decision_function"):
        with pytest.raises(NotFittedError):
            getattr(PatentTagger(), method)(NEW)
