from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from conftest import document, judged
from sklearn.feature_extraction.text import TfidfTransformer

from ipclass import Document, Model, TermCounter
from ipclass import corpus as corpora
from ipclass.corpus import Corpus
from ipclass.errors import CorpusError, InputError, LabelError
from ipclass.neighbours import nearest

NEW = Document(*document("kites", 71))


@pytest.fixture(scope="module")
def made_up(tiny_corpus: Path) -> Corpus:
    return corpora.read_corpus(tiny_corpus)


@pytest.fixture(scope="module")
def corpus(made_up: Corpus) -> Corpus:
    """The documents of the corpus as if they were real, but for the first six."""
    kinds = ["authored", "restated", "authored", "restated", "authored", "restated"] + ["representative", "picked"] * 27
    entries = [replace(entry, origin=kind) for entry, kind in zip(made_up.entries, kinds, strict=True)]
    return replace(made_up, entries=tuple(entries))


@pytest.fixture(scope="module")
def tiny(tiny_model: str) -> Model:
    return Model.load(tiny_model)


def test_the_nearest_are_those_of_the_greatest_cosine_of_tfidf(corpus: Corpus, tiny: Model) -> None:
    """Against scikit-learn, on the texts themselves."""
    texts = [Document(row["title"], row["abstract"]).text for row in judged()]
    counter = TermCounter().fit(texts)
    weighting = TfidfTransformer(sublinear_tf=True).fit(counter.transform(texts))
    vectors, wanted = (weighting.transform(counter.transform(some)) for some in (texts, [NEW.text]))
    cosines = (vectors @ wanted.T).toarray().ravel()
    cosines[:6] = -1
    places = {entry.id: place for place, entry in enumerate(corpus.entries)}
    found = nearest(tiny, corpus, NEW, 7)
    assert [each.similarity for each in found] == pytest.approx(sorted(cosines, reverse=True)[:7], abs=1e-6)
    assert [each.similarity for each in found] == pytest.approx([cosines[places[each.id]] for each in found], abs=1e-6)


def test_shared_terms_sum_to_the_similarity_and_stand_in_order(corpus: Corpus, tiny: Model) -> None:
    for each in nearest(tiny, corpus, NEW, 20):
        values = list(each.shared.values())
        assert sum(values) == pytest.approx(each.similarity)
        assert values == sorted(values, reverse=True)
        assert "kite" in each.shared or each.grades["kites"] == 0


def test_texts_that_were_made_up_or_told_anew_are_no_evidence(corpus: Corpus, made_up: Corpus, tiny: Model) -> None:
    assert {each.origin for each in nearest(tiny, corpus, NEW, 60)} == {"representative", "picked"}
    with pytest.raises(CorpusError, match="holds no patent that was judged, only texts made for it"):
        nearest(tiny, made_up, NEW)


def test_a_judged_patent_is_its_own_nearest(corpus: Corpus, tiny: Model) -> None:
    row = judged()[20]
    found = nearest(tiny, corpus, f"{row['title']}\n{row['abstract']}", 1)
    assert [each.id for each in found] == [row["id"]]
    assert found[0].similarity == pytest.approx(1)
    assert found[0].grades == row["grades"]


def test_only_patents_judged_for_the_label_count_if_one_is_named(corpus: Corpus, tiny: Model) -> None:
    half = [replace(entry, grades={"looms": 2}) if place % 2 else entry for place, entry in enumerate(corpus.entries)]
    found = nearest(tiny, replace(corpus, entries=tuple(half)), NEW, 60, "kites")
    assert found
    assert all("kites" in each.grades for each in found)
    none = tuple(replace(entry, grades={"looms": 2}) for entry in corpus.entries)
    with pytest.raises(CorpusError, match="judged for kites"):
        nearest(tiny, replace(corpus, entries=none), NEW, 5, "kites")


def test_what_shares_no_term_is_not_near(corpus: Corpus, tiny: Model) -> None:
    assert nearest(tiny, corpus, "Zebra umbrella", 5) == ()
    assert nearest(tiny, corpus, "", 5) == ()


def test_a_corpus_of_other_terms_than_the_models_is_searched_by_those_that_both_have(corpus: Corpus, model: Model) -> None:
    """The shipped model knows few words of kites, and in another order."""
    found = nearest(model, corpus, NEW, 3)
    assert all(set(each.shared) <= set(model.lexicon.terms) for each in found)
    assert len(found) == 3


def test_a_wrong_number_or_label_is_refused(corpus: Corpus, tiny: Model) -> None:
    with pytest.raises(InputError, match="0 nearest patents: ask for 1 or more"):
        nearest(tiny, corpus, NEW, 0)
    with pytest.raises(LabelError, match="did you mean 'kites'"):
        nearest(tiny, corpus, NEW, 5, "kits")
