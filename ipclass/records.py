"""What flows through the program: documents in, predictions out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ipclass.errors import InputError, LabelError, choices

OTHER = "other"
"""The primary label of a document that carries none of the labels. It is never trained."""

UNSCORED = "unscored"
"""Stands in the place of the primary label where a text could not be tagged."""

Definition = Literal["strict", "broad"]
DEFINITIONS: tuple[Definition, ...] = ("strict", "broad")
"""``strict`` counts grade 2, ``broad`` counts grades 1 and 2."""

LEAST_GRADE: Mapping[Definition, int] = {"strict": 2, "broad": 1}
"""The lowest grade that counts under each definition."""


def definition_named(name: str) -> Definition:
    """Return ``name`` if it is a definition.

    Raises:
        LabelError: It is not.
    """
    for definition in DEFINITIONS:
        if name == definition:
            return definition
    raise LabelError(f"no definition {name!r}; {choices(name, DEFINITIONS)}")


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who applied: a name, and its country (two letters) and type where the source says so."""

    name: str
    country: str = ""
    type: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A title and an abstract, either of which may be empty, and what else is known of the patent.

    ``dates`` are by kind (``filing``, ``priority``, ``publication``, ``grant``), each as 2020-05-03 or as much of it as is
    known. Codes are written ``G06N3/08``: no space, one slash.
    """

    title: str
    abstract: str
    id: str = ""
    family: str = ""
    dates: Mapping[str, str] = field(default_factory=dict)
    office: str = ""
    kind: str = ""
    applicants: tuple[Applicant, ...] = ()
    cpc: tuple[str, ...] = ()
    ipc: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: Document | str) -> Document:
        """Return the document that a text stands for: its first line is the title, and a text of one line is an abstract.

        Raises:
            InputError: ``given`` is neither a text nor a document, which stands for itself.

        >>> Document.of("A pump.").abstract, Document.of("Kite\\nIt flies.").title
        ('A pump.', 'Kite')
        """
        if isinstance(given, Document):
            return given
        if not isinstance(given, str):
            raise InputError(f"a document or a text is expected, got {type(given).__name__} {str(given)[:40]!r}")
        title, feed, abstract = given.partition("\n")
        return cls(title, abstract) if feed else cls("", title)

    @property
    def text(self) -> str:
        """The title, a line feed and the abstract: the form that ``TermCounter`` reads.

        >>> Document("Brake\\npad", "A pad.").text
        'Brake pad\\nA pad.'
        """
        return join_fields(self.title, self.abstract)


def join_fields(title: str, abstract: str) -> str:
    """Return one text in which the only line feed stands between the title and the abstract."""
    return f"{title.replace(chr(10), ' ')}\n{abstract.replace(chr(10), ' ')}"


STANDARD = (
    *("id", "title", "abstract", "family", "filing_date", "priority_date", "publication_date", "grant_date"),
    *("office", "kind", "applicants", "applicant_countries", "applicant_types", "cpc", "ipc"),
)
"""The columns that an office's or a vendor's export is read into, all text; several values stand with ``;`` between them.

``applicants``, ``applicant_countries`` and ``applicant_types`` go together: their parts belong to each other one by one.
"""


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that could not be read: the file it is in, its place there (a row number, or what the format counts), why."""

    file: str
    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one term adds to a label's score (log-odds, signed)."""

    term: str
    value: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model says of one document under one definition.

    ``probabilities`` are calibrated and independent of one another: they need not sum to 1.
    ``known`` is the share of the text's content words that the model has met in training.
    ``unscored`` is empty, or the reason why the text was not tagged (then nothing else is filled in).
    ``scope`` is empty, or what to bear in mind: ``far`` from the texts that the model has learnt from, or ``title only``.
    """

    id: str
    labels: tuple[str, ...]
    primary: str
    probabilities: Mapping[str, float]
    known: float
    unscored: str = ""
    scope: str = ""
    explanations: Mapping[str, tuple[Contribution, ...]] = field(default_factory=dict)
