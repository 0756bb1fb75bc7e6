"""A session of judging by keyboard: which document and label is asked for, and what each key does. No terminal in here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ipclass.records import Document

ENTER, UP, DOWN, PAGE_UP, PAGE_DOWN = "enter", "up", "down", "page up", "page down"
GRADES = {"0": 0, "1": 1, "2": 2}
UNSURE = (" ", ENTER)
UNDO, HELP, QUIT = "u", "?", "q"

Grades = tuple[int | None, ...]
"""The grade of one document for each label, in the order of the labels; None where it is not judged."""


@dataclass(frozen=True)
class Place:
    """A question: the number of a document and that of a label, both from 0."""

    document: int
    label: int


@dataclass(frozen=True)
class Session:
    """How far the judging of ``documents`` for ``labels`` has come.

    ``place`` is the question that is asked, or None if there is none left. ``past`` are the questions that were answered
    here, the last one at the end. ``scrolled`` counts the lines above the screen. ``helping`` shows the definition.
    """

    documents: tuple[Document, ...]
    labels: tuple[str, ...]
    grades: tuple[Grades, ...]
    place: Place | None
    past: tuple[Place, ...] = ()
    scrolled: int = 0
    helping: bool = False
    note: str = ""
    left: bool = False
    """Whether the judge has gone."""

    @property
    def over(self) -> bool:
        """Whether the session has ended: the judge has gone, or there was nothing to ask."""
        return self.left or (self.place is None and not self.past)

    @property
    def judged(self) -> int:
        """The number of grades given, in this session and before."""
        return sum(grade is not None for grades in self.grades for grade in grades)

    @property
    def questions(self) -> int:
        """The number of grades there can be."""
        return len(self.documents) * len(self.labels)

    def same_document(self, other: Session) -> bool:
        """Return whether both ask about the same document."""
        return bool(self.place and other.place and self.place.document == other.place.document)


def begin(documents: Sequence[Document], labels: Sequence[str], grades: Sequence[Grades]) -> Session:
    """Return a session at the first question without an answer."""
    started = Session(tuple(documents), tuple(labels), tuple(grades), None)
    return replace(started, place=_open(started, Place(0, 0)))


def press(session: Session, key: str) -> Session:
    """Return the session after a key: a grade, not sure (the grade stays empty), undo, help, scrolling or leaving.

    >>> one = begin([Document("A loom", "")], ["looms"], [(None,)])
    >>> press(one, "2").grades, press(one, "x").note
    (((2,),), "no key 'x' here")
    """
    session = replace(session, note="")
    if session.over:
        return session
    if session.place is None:  # all are answered: the last answer can still be taken back
        return _undone(session) if key == UNDO else replace(session, left=True)
    if session.helping:
        return _in_help(session, key)
    if key in GRADES:
        return _answered(session, GRADES[key])
    if key in UNSURE:
        return _answered(session, None)
    if key == UNDO:
        return _undone(session)
    if key == HELP:
        return replace(session, helping=True, scrolled=0)
    if key == QUIT:
        return replace(session, left=True)
    return _scrolled(session, key)


def _in_help(session: Session, key: str) -> Session:
    """Any key but those that scroll closes the help: a grade pressed there would be given unseen."""
    moved = _scrolled(session, key)
    return replace(session, helping=False, scrolled=0) if moved.note else moved


def _scrolled(session: Session, key: str) -> Session:
    steps = {UP: -1, DOWN: 1, PAGE_UP: -10, PAGE_DOWN: 10}
    if key not in steps:
        return replace(session, note=f"no key {shown(key)!r} here")
    return replace(session, scrolled=max(0, session.scrolled + steps[key]))


def _answered(session: Session, grade: int | None) -> Session:
    """Give ``grade`` (None: not sure) and ask the next question without an answer."""
    if session.place is None:
        return session
    given = replace(_given(session, session.place, grade), past=(*session.past, session.place))
    return replace(given, place=_open(given, _after(given, session.place)), scrolled=0)


def _undone(session: Session) -> Session:
    """Take the last answer back and ask again."""
    if not session.past:
        return replace(session, note="nothing to undo: only what was judged in this session can be taken back")
    place = session.past[-1]
    return replace(_given(session, place, None), place=place, past=session.past[:-1], scrolled=0)


def _given(session: Session, place: Place, grade: int | None) -> Session:
    grades = list(session.grades)
    row = list(grades[place.document])
    row[place.label] = grade
    grades[place.document] = tuple(row)
    return replace(session, grades=tuple(grades))


def _after(session: Session, place: Place) -> Place:
    last = place.label + 1 == len(session.labels)
    return Place(place.document + 1, 0) if last else Place(place.document, place.label + 1)


def _open(session: Session, place: Place) -> Place | None:
    """Return the first question without an answer from ``place`` on, or None."""
    while place.document < len(session.documents):
        if session.labels and session.grades[place.document][place.label] is None:
            return place
        place = _after(session, place) if session.labels else Place(place.document + 1, 0)
    return None


KEYS: Mapping[str, str] = {
    "\r": ENTER,
    "\n": ENTER,
    "\x1b[A": UP,
    "\x1bOA": UP,
    "\xe0H": UP,
    "\x00H": UP,
    "\x1b[B": DOWN,
    "\x1bOB": DOWN,
    "\xe0P": DOWN,
    "\x00P": DOWN,
    "\x1b[5~": PAGE_UP,
    "\xe0I": PAGE_UP,
    "\x00I": PAGE_UP,
    "\x1b[6~": PAGE_DOWN,
    "\xe0Q": PAGE_DOWN,
    "\x00Q": PAGE_DOWN,
}
"""What terminals send for keys that are no letters; those with \\x00 and \\xe0 are of Windows."""


_ONE_KEY = re.compile(r"\x1b[\[O][0-9;]*[A-Za-z~]|[\x00\xe0].|.", re.DOTALL)


def keys(sent: str) -> list[str]:
    """Return the keys in what a terminal sent: who types fast sends several at once.

    >>> keys("\\r2U\\x1b[B")
    ['enter', '2', 'u', 'down']
    """
    return [KEYS.get(each, each.lower()) for each in _ONE_KEY.findall(sent)]


def shown(text: str) -> str:
    """Return ``text`` as a terminal can show it: a space for every sign that would move the cursor or turn the writing.

    >>> shown("a\\x1b[2Jb\\u202ec")
    'a [2Jb c'
    """
    return "".join(" " if unicodedata.category(sign) in _UNSEEN else sign for sign in text)


_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
