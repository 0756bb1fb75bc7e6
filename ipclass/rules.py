"""Keywords and codes alone as a classifier: what a label file says without a model, as technology lists are published.

A phrase or a code is *strong* (enough by itself), *supporting* (a sign) or *against* (the sign means something else).
A phrase ending in ``*`` stands for every word that begins so, one all in capitals is found in capitals only, and hyphen
and space are the same. A code stands for all that begins with it, and ``A-B`` for the codes from A to B.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ipclass.codes import Code, CodeList, code, code_range
from ipclass.errors import LabelError
from ipclass.labels import Label, LabelSet
from ipclass.records import Definition, Document, definition_named
from ipclass.text import fields

FEWEST_SIGNS: Mapping[Definition, int] = {"strict": 2, "broad": 1}
"""So many different supporting signs take the place of a strong one; the training texts say two for strict."""

_GAP = re.compile(r"[-_\s]+")
_BEFORE = r"(?<!\w)(?<!\d\.(?=\d))"  # whole words only, and no 6 of 2.6
_AFTER = r"(?!\w)"
_NEVER = r"(?!)"


@dataclass(frozen=True)
class Evidence:
    """What in a document points to a label, and what speaks against it: the phrases and codes of its label file."""

    strong: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    """Supporting phrases."""
    codes: tuple[str, ...] = ()
    """Supporting codes, which point to a label only beside words."""
    against: tuple[str, ...] = ()

    def meets(self, definition: Definition) -> bool:
        """Return whether this is enough.

        Something strong is. So is a supporting phrase (broad), or one beside a second sign, be it another phrase or a
        code (strict). Codes that only support say nothing without words. What speaks against the label outweighs all
        that supports it, and nothing that is strong.

        >>> Evidence(phrases=("metasurface*",)).meets("strict"), Evidence(phrases=("metasurface*",)).meets("broad")
        (False, True)
        """
        if self.strong:
            return True
        signs = len(self.phrases) + bool(self.codes)
        return bool(self.phrases) and not self.against and signs >= FEWEST_SIGNS[definition]


class Rules:
    """The phrases and codes of a set of labels, compiled.

    Raises:
        LabelError: A code of a label makes no sense.
    """

    def __init__(self, labels: LabelSet) -> None:
        self._labels = tuple(_Compiled(label) for label in labels)

    def tags(self, document: Document, codes: Iterable[str] = (), definition: Definition = "strict") -> set[str]:
        """Return the ids of the labels that ``document`` and its ``codes`` meet; what is no code says nothing.

        Raises:
            LabelError: There is no such definition.
        """
        wanted = definition_named(definition)
        return {label for label, evidence in self.evidence(document, codes).items() if evidence.meets(wanted)}

    def evidence(self, document: Document, codes: Iterable[str] = ()) -> Mapping[str, Evidence]:
        """Return for each label what ``document`` and its ``codes`` say for it and against it."""
        text = prepared(document)
        read = tuple(_read(codes))
        return {each.id: each.evidence(text, read) for each in self._labels}


def prepared(document: Document) -> str:
    """Return the title and the abstract as phrases are looked for in: a line each, with single spaces for all gaps.

    >>> prepared(Document("Brain-computer  interface", "An EEG\\ncap."))
    'Brain computer interface\\nAn EEG cap.'
    """
    return "\n".join(_GAP.sub(" ", field) for field in fields(document.text))


class Phrases:
    """Phrases as one regular expression, with a group for each.

    >>> Phrases(["RIS", "cell-free mimo*"]).found("A RIS, a ris and a Cell free MIMOs.")
    ('RIS', 'cell-free mimo*')
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        parts: dict[str, list[tuple[str, str]]] = {}
        for phrase in phrases:
            first, rest = _split(phrase)
            parts.setdefault(first, []).append((rest, phrase))
        branches = [f"{first}(?:{'|'.join(rest for rest, _ in listed)})" for first, listed in parts.items()]
        self._phrases = [phrase for listed in parts.values() for _, phrase in listed]
        self._pattern = re.compile(rf"{_BEFORE}(?:{'|'.join(branches)}){_AFTER}" if branches else _NEVER)

    def found(self, text: str) -> tuple[str, ...]:
        """Return the phrases in a prepared text, each once. Of those that begin at one place only one is found."""
        numbers = (match.lastindex for match in self._pattern.finditer(text))
        return tuple(dict.fromkeys(self._phrases[number - 1] for number in numbers if number))


def _split(phrase: str) -> tuple[str, str]:
    """Return patterns of a phrase's first letter, by which the branches are told apart fast, and of the rest."""
    plain = _GAP.sub(" ", phrase.removesuffix("*")).strip()
    if not plain:
        raise LabelError(f"{phrase!r} is no phrase")
    rest = re.escape(plain[1:]) + (r"\w*" if phrase.endswith("*") else "")
    if phrase.isupper():
        return re.escape(plain[0]), f"({rest})"
    cases = sorted({plain[0], plain[0].lower(), plain[0].upper()})
    return f"[{''.join(re.escape(case) for case in cases if len(case) == 1)}]", f"((?i:{rest}))"


def _read(codes: Iterable[str]) -> Iterator[tuple[str, Code]]:
    for text in codes:
        try:
            yield text, code(text)
        except LabelError:
            continue  # a table may hold anything in its code column


class _Compiled:
    """The phrases and codes of one label."""

    def __init__(self, label: Label) -> None:
        self.id = label.id
        try:
            self._phrases = {kind: Phrases(phrases) for kind, phrases in label.phrases.items()}
            self._codes = {kind: CodeList(map(code_range, codes)) for kind, codes in label.codes.items()}
        except LabelError as error:
            raise LabelError(f"label {label.id}: {error}") from error

    def evidence(self, text: str, codes: tuple[tuple[str, Code], ...]) -> Evidence:
        return Evidence(
            strong=self._phrases["strong"].found(text) + self._covered("strong", codes),
            phrases=self._phrases["supporting"].found(text),
            codes=self._covered("supporting", codes),
            against=self._phrases["against"].found(text) + self._covered("against", codes),
        )

    def _covered(self, kind: str, codes: tuple[tuple[str, Code], ...]) -> tuple[str, ...]:
        return tuple(text for text, each in codes if self._codes[kind].covers(each))
