"""Why a document has its probability of a label: each term with its sign and strength, as text and in the document."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ipclass import corpus as corpora
from ipclass import neighbours
from ipclass.corpus import Corpus
from ipclass.frames import model_of
from ipclass.highlight import marked
from ipclass.markup import Html, el
from ipclass.model import Model
from ipclass.neighbours import Neighbour
from ipclass.records import Contribution, Definition, Document, definition_named

LONGEST_SHOWN = 10_000
"""Characters of a title or an abstract that are shown."""

_SHOWN = 12
_PAGE_STYLE = ":root { color-scheme: light dark; } body { margin: 0 1.5rem 3rem; }"
_STYLE = Path(__file__).parent / "templates" / "explanation.css"


@dataclass(frozen=True, repr=False)
class Explanation:
    """Why ``document`` has its probability of ``label``.

    The values of ``terms``, the largest effects first, and ``intercept`` sum to ``score``, and the model's curve of the label
    turns the score into ``probability``, which is nan for a text that could not be tagged (``unscored`` says why).
    ``title`` and ``abstract`` are the document's as HTML, with the words marked that decided; a notebook shows all of it so.
    """

    document: Document
    label: str
    name: str
    definition: Definition
    terms: tuple[Contribution, ...]
    intercept: float
    probability: float
    threshold: float
    unscored: str
    title: Html
    abstract: Html

    @property
    def score(self) -> float:
        """The score before calibration."""
        return math.fsum(each.value for each in self.terms) + self.intercept

    @property
    def assigned(self) -> bool:
        """Whether the document gets the label."""
        return not self.unscored and self.probability >= self.threshold

    def __repr__(self) -> str:
        return "\n".join([self._head(), *(f"{value:+9.3f}  {name}" for name, value in self._summands())])

    def _repr_html_(self) -> str:
        return el("div", Html(f"<style>{_STYLE.read_text('utf-8')}</style>"), *self.parts(), class_="ipclass-explanation")

    def parts(self) -> list[Html]:
        """Return the elements that show the explanation: how probable, the document with its words marked, the sum."""
        rows = [el("tr", el("td", name), el("td", f"{value:+.3f}", class_="number")) for name, value in self._summands()]
        return [
            el("h3", self._head()),
            el("p", el("b", self.title), dir="auto"),
            el("p", self.abstract, dir="auto"),
            _LEGEND,
            el("table", el("caption", "What adds up to the score"), *rows),
        ]

    def _head(self) -> str:
        if self.unscored:
            return f"{self.name} ({self.definition}): not tagged: {self.unscored}"
        verdict = "assigned" if self.assigned else "not assigned"
        return (
            f"{self.name} ({self.definition}): probability {self.probability:.3f}, {verdict} (threshold {self.threshold:.3f})"
        )

    def _summands(self) -> Iterable[tuple[str, float]]:
        """Yield what adds up to the score, the smaller terms together."""
        yield from ((each.term, each.value) for each in self.terms[:_SHOWN])
        if rest := self.terms[_SHOWN:]:
            yield f"({len(rest)} more terms)", math.fsum(each.value for each in rest)
        yield "(intercept)", self.intercept
        yield "= score", self.score


def explain(
    document: Document | str, label: str, *, definition: str = "strict", model: Model | str | Path | None = None
) -> Explanation:
    """Return why ``document`` has its probability of ``label``.

    Args:
        document: A document, or a text whose first line is the title; a text of one line is an abstract.
        label: The id of the label.
        definition: ``strict`` or ``broad``.
        model: A model or its folder; by default the one that comes with the package.

    Raises:
        LabelError: The model has no such label, or there is no such definition.
        ModelError: The model cannot be read.
        InputError: ``document`` is neither a document nor a text.

    >>> explain("A resonator reads out a superconducting qubit.", "quantum").terms[0].term
    'qubit'
    """
    loaded, wanted, document = model_of(model), definition_named(definition), Document.of(document)
    *terms, intercept = loaded.explain(document.text, label, wanted)
    (prediction,) = loaded.classify([document], wanted)
    values = {each.term: each.value for each in terms}
    title, abstract = marked((document.title, document.abstract), values, loaded, LONGEST_SHOWN, abs(intercept.value) / 4)
    return Explanation(
        document,
        label,
        loaded.labels[label].name,
        wanted,
        tuple(terms),
        intercept.value,
        prediction.probabilities.get(label, math.nan),
        loaded.targets[loaded.column(label, wanted)].threshold,
        prediction.unscored,
        title,
        abstract,
    )


def explain_html(
    document: Document | str, label: str, *, definition: str = "strict", model: Model | str | Path | None = None
) -> str:
    """Return ``explain`` as a piece of HTML: the document with the words marked that decided. All text in it is escaped.

    Raises:
        LabelError, ModelError: As ``explain``.
    """
    return explain(document, label, definition=definition, model=model)._repr_html_()


def nearest(
    document: Document | str,
    label: str = "",
    *,
    n: int = 5,
    model: Model | str | Path | None = None,
    corpus: Corpus | str | Path | None = None,
) -> tuple[Neighbour, ...]:
    """Return the ``n`` judged patents that are nearest to ``document``, as evidence: what people said of such documents.

    Args:
        document: A document, or a text whose first line is the title; a text of one line is an abstract.
        label: Only patents that were judged for this label.
        n: The most to return.
        model: Whose terms say what is near, or its folder; by default the one that comes with the package.
        corpus: Where to look, or its folder; by default the one that comes with the package.

    Raises:
        InputError, LabelError, CorpusError: As ``neighbours.nearest``; the corpus cannot be read.
        ModelError: The model cannot be read.
    """
    read = corpus if isinstance(corpus, Corpus) else corpora.read_corpus(Path(corpus or corpora.shipped()))
    return neighbours.nearest(model_of(model), read, document, n, label)


def page(explanations: Sequence[Explanation], evidence: Sequence[Neighbour] = ()) -> str:
    """Return one HTML page that needs nothing else: explanations of one document, and the judged patents nearest to it."""
    name = explanations[0].document.title or "(no title)"
    shown = [part for each in explanations for part in (Html("<hr>"), *each.parts())]
    head = el(
        "head",
        Html('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"),
        el("title", name),
        Html(f"<style>{_PAGE_STYLE}\n{_STYLE.read_text('utf-8')}</style>"),
    )
    main = el("main", el("h1", name), *shown, *([_nearest(evidence)] if evidence else []), class_="ipclass-explanation")
    return f"<!doctype html>\n{el('html', head, el('body', main), lang='en')}\n"


def _nearest(evidence: Sequence[Neighbour]) -> Html:
    head = ("patent", "year", "similarity", "grades", "shared terms")
    rows = [
        (each.id, each.year or "-", f"{each.similarity:.2f}", graded(each), ", ".join(list(each.shared)[:_SHOWN]))
        for each in evidence
    ]
    caption = el("caption", "The nearest judged patents, by TF-IDF; 2: the label's own, 1: borderline, 0: not of it")
    return el(
        "table",
        caption,
        el("tr", *(el("th", name, scope="col") for name in head)),
        *(el("tr", *(el("td", value) for value in row)) for row in rows),
    )


def graded(neighbour: Neighbour) -> str:
    """Return the grades of a patent that are not 0, as people read them; those who judged it said 0 of the rest."""
    return ", ".join(f"{label} {grade}" for label, grade in neighbour.grades.items() if grade) or "none"


_LEGEND = el(
    "p",
    Html('<mark class="f1">for</mark> <mark class="f2">for</mark> <mark class="f3">for</mark> the label, '),
    Html('<mark class="a1">against</mark> <mark class="a3">against</mark> it: '),
    "the stronger the colour, the more the word decided.",
    class_="soft",
)
