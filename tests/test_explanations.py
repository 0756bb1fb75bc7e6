from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import document
from hypothesis import given
from hypothesis import strategies as st

from ipclass import Document, Model, neighbours
from ipclass.corpus import read_corpus, shipped
from ipclass.errors import InputError, LabelError
from ipclass.explanations import LONGEST_SHOWN, Explanation, explain, explain_html, nearest, page
from ipclass.highlight import marked
from ipclass.markup import clean
from ipclass.neighbours import Neighbour

KITE = Document(*document("kites", 5))
HOSTILE = Document(
    "<script>alert(1)</script> A kite & a sail", 'The kite flies "onload=x" <img src=x onerror=y> on its tether.'
)


class Page(HTMLParser):
    """The elements of a page, the text of its paragraphs, and the marked words with their classes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.paragraphs: list[str] = []
        self.marks: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self._open.append(tag)
        if tag == "p":
            self.paragraphs.append("")
        if tag == "mark":
            self.marks.append((dict(attrs)["class"], ""))

    def handle_endtag(self, tag: str) -> None:
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if "p" in self._open:
            self.paragraphs[-1] += data
        if "mark" in self._open:
            kind, text = self.marks[-1]
            self.marks[-1] = (kind, text + data)


def words(page: Page) -> dict[str, str]:
    """Return the marked words of title and abstract with their kind, without those of the legend."""
    return {text: kind for kind, text in page.marks if text not in ("for", "against")}


@pytest.mark.parametrize("definition", ["strict", "broad"])
@pytest.mark.parametrize("label", ["kites", "looms"])
def test_terms_and_intercept_sum_to_the_score_of_the_probability(label: str, definition: Any, tiny_model: str) -> None:
    model = Model.load(tiny_model)
    found = explain(KITE, label, definition=definition, model=model)
    (prediction,) = model.classify([KITE], definition)
    score = model.score(model.lexicon.count([KITE.text]), [model.column(label, definition)])[0, 0]
    assert found.score == pytest.approx(score, abs=1e-12)
    assert found.probability == prediction.probabilities[label]
    assert model.targets[model.column(label, definition)].platt(np.array([found.score]))[0] == pytest.approx(found.probability)
    assert found.assigned == (label in prediction.labels)


def test_a_text_is_the_document_that_it_stands_for(tiny_model: str) -> None:
    assert repr(explain(KITE.text, "kites", model=tiny_model)) == repr(explain(KITE, "kites", model=tiny_model))
    alone = explain(KITE.abstract, "kites", model=tiny_model)
    assert alone.document == Document("", KITE.abstract)


def test_as_text_it_shows_all_that_adds_up(tiny_model: str) -> None:
    found = explain(KITE, "kites", model=tiny_model)
    head, *lines = repr(found).splitlines()
    assert head == f"Kites (strict): probability {found.probability:.3f}, assigned (threshold {found.threshold:.3f})"
    *parts, total = [float(line.split()[0]) for line in lines]
    assert sum(parts) == pytest.approx(total, abs=0.001 * len(parts))
    assert f"({len(found.terms) - 12} more terms)" in repr(found)


def test_words_are_marked_by_the_sign_of_what_they_add_in_whatever_form_they_stand(tiny_model: str) -> None:
    text = Document(
        "Looms and KITES", "The kites fly on a tether, but a loom weaves fabric from the yarn, and soup is stirred."
    )
    kinds = words(Page(explain_html(text, "kites", model=tiny_model)))
    assert kinds["KITES"].startswith("f")
    assert kinds["kites"].startswith("f")
    assert kinds["Looms"].startswith("a")
    assert "on" not in kinds
    others = words(Page(explain_html(text, "looms", model=tiny_model)))
    assert others["Looms"].startswith("f")
    assert others["kites"].startswith("a")


def test_words_that_nothing_hangs_on_do_not_look_as_if_they_decided(tiny_model: str) -> None:
    """The darkest mark is for what weighs most, but only if it weighs as much as must be."""
    model = Model.load(tiny_model)
    for least, shown in ((0.0, '<mark class="f3">kite</mark>'), (0.3, '<mark class="f2">kite</mark>'), (9.0, "kite")):
        assert marked(["A kite"], {"kite": 0.1}, model, 100, least) == [f"A {shown}"]


def test_html_is_the_text_with_marks_and_nothing_of_it_is_an_element(tiny_model: str) -> None:
    shown = Page(explain_html(HOSTILE, "kites", model=tiny_model))
    assert shown.paragraphs[:2] == [HOSTILE.title, HOSTILE.abstract]
    assert set(shown.elements) == {"div", "style", "h3", "p", "b", "mark", "table", "caption", "tr", "td"}
    assert shown.attributes == {"class", "dir"}


@given(st.text(max_size=80), st.text(max_size=200))
def test_any_text_is_shown_as_it_is(title: str, abstract: str) -> None:
    shown = Page(explain_html(Document(title, abstract), "quantum"))
    assert [part.replace("\r\n", "\n").replace("\r", "\n") for part in shown.paragraphs[:2]] == [
        clean(part).replace("\r\n", "\n").replace("\r", "\n") for part in (title, abstract)
    ]
    assert "script" not in shown.elements


def test_a_very_long_text_is_cut(tiny_model: str) -> None:
    shown = Page(explain_html(Document("Kite", "A kite flies. " * 2000), "kites", model=tiny_model))
    assert len(shown.paragraphs[1]) == LONGEST_SHOWN + len(" […]")


def test_what_cannot_be_tagged_is_explained_by_the_reason(tiny_model: str) -> None:
    found = explain("", "kites", model=tiny_model)
    assert not found.assigned
    assert np.isnan(found.probability)
    assert "Kites (strict): not tagged: empty" in repr(found)
    assert "not tagged: empty" in explain_html("", "kites", model=tiny_model)


def test_a_page_needs_nothing_else_and_runs_nothing(tiny_model: str) -> None:
    shown = [explain(HOSTILE, label, model=tiny_model) for label in ("kites", "looms")]
    evidence = [Neighbour("XX1", "2001", "XX", "picked", {"kites": 2, "looms": 0}, 0.5, {"<kite>": 0.5})]
    html = page(shown, evidence)
    found = Page(html)
    assert html.startswith("<!doctype html>")
    assert "default-src 'none'" in html
    assert not {"script", "link", "img", "iframe"} & set(found.elements)
    assert not {"src", "href"} & found.attributes
    assert "&lt;kite&gt;" in html
    assert "kites 2" in html
    assert found.elements.count("h3") == 2


@pytest.mark.parametrize("asked", [{"label": "kyte"}, {"label": "kites", "definition": "strickt"}])
def test_an_unknown_label_or_definition_is_refused(asked: dict[str, str], tiny_model: str) -> None:
    with pytest.raises(LabelError, match="did you mean"):
        explain(KITE, model=tiny_model, **asked)


def test_a_notebook_shows_it(tiny_model: str) -> None:
    found = explain(KITE, "kites", model=tiny_model)
    assert isinstance(found, Explanation)
    assert found._repr_html_() == explain_html(KITE, "kites", model=tiny_model)
    assert str(found) == repr(found)


@pytest.mark.parametrize("given", [None, ["A kite"], 5])
def test_what_is_no_document_is_refused(given: Any, tiny_model: str) -> None:
    with pytest.raises(InputError, match="a document or a text is expected, got"):
        explain(given, "kites", model=tiny_model)


def test_the_nearest_patents_are_those_of_the_shipped_corpus_or_of_the_one_named(model: Model, tmp_path: Path) -> None:
    text = "Qubit readout\nA resonator reads out a superconducting qubit."
    found = nearest(text, "quantum", n=2)
    assert found == neighbours.nearest(model, read_corpus(shipped()), text, 2, "quantum")
    assert found == nearest(Document.of(text), "quantum", n=2, model=model, corpus=read_corpus(shipped()))
    with pytest.raises(LabelError, match="no such folder of label files"):
        nearest(text, corpus=tmp_path)
