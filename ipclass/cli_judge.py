"""``ipclass judge``: a sheet judged by keyboard in a terminal. What a key does is in ``judging``; this draws and saves."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ipclass.commands import ModelOption, say
from ipclass.errors import OutputError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from ipclass.gradebook import Book
    from ipclass.judging import Session

NARROWEST, LOWEST = 20, 10
WIDEST = 100
"""Lines longer than this are hard to read, however wide the terminal is."""

_KEYS = (
    ("2", "yes"),
    ("1", "borderline"),
    ("0", "no"),
    ("space", "not sure"),
    ("u", "undo"),
    ("?", "definition"),
    ("q", "quit"),
)


def judge(
    sheet: Annotated[Path, typer.Argument(help="A sheet of ipclass next or ipclass audit draw: .csv or .xlsx.")],
    model: ModelOption = "",
) -> None:
    """Judge a sheet by keyboard: one document at a time, saved after each grade, and gone on with where it was left.

    Example: ipclass judge sheet.xlsx
    """
    from ipclass import gradebook, judging

    definitions = _Definitions(model)
    book = gradebook.read(sheet, definitions.known)
    session = judging.begin(book.documents, book.labels, book.grades)
    if session.over:
        say(_told(sheet, session))
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise OutputError(f"{sheet}: judging needs a terminal; or fill in the sheet in a spreadsheet program")
    _save(book, session)  # before the first judgement is given, not after it
    say(_told(sheet, _run(book, session, definitions)))


def _run(book: Book, session: Session, definitions: _Definitions) -> Session:
    """Ask until the judge leaves; every grade is on disk before the next question is shown."""
    from rich.console import Console

    from ipclass import judging

    console = Console()
    with _keyboard() as sent, console.screen() as screen, suppress(KeyboardInterrupt):  # which may come at any moment
        while not session.over:
            picture, scrolled = drawn(session, book.path.name, definitions.of(book), console)
            session = replace(session, scrolled=scrolled)
            screen.update(picture)
            for key in judging.keys(_next(sent, console)):
                before, session = session, judging.press(session, key)
                if session.grades != before.grades:
                    _save(book, session)
                if not session.same_document(before):
                    break  # a key typed ahead would judge a text that nobody has seen
    _save(book, session)
    return session


def _next(sent: Callable[[float], str], console: Console) -> str:
    """Return what the keyboard sends next, or nothing if the terminal has got another size and is to be drawn anew."""
    from ipclass import judging

    size = console.size
    try:
        while console.size == size:
            if found := sent(0.3):
                return found
    except (KeyboardInterrupt, EOFError):
        return judging.QUIT
    return ""


@contextmanager
def _keyboard() -> Iterator[Callable[[float], str]]:
    """Give what returns the keys that were pressed, or "" after some seconds without; no key is echoed meanwhile."""
    if sys.platform == "win32":
        yield _sent_on_windows
        return
    import termios
    import tty

    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    try:
        tty.setcbreak(keyboard)
        yield lambda seconds: _sent(keyboard, seconds)
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


def _sent(keyboard: int, seconds: float) -> str:
    import select

    if not select.select([keyboard], [], [], seconds)[0]:
        return ""
    sent = os.read(keyboard, 64)
    if not sent or sent == b"\x04":  # the terminal is gone, or Ctrl-D
        raise EOFError
    return sent.decode("utf-8", "ignore")


def _sent_on_windows(seconds: float) -> str:
    import msvcrt  # of Windows alone

    end = time.monotonic() + seconds
    while not msvcrt.kbhit():  # type: ignore[attr-defined,unused-ignore]
        if time.monotonic() > end:
            return ""
        time.sleep(0.02)
    sent = str(msvcrt.getwch())  # type: ignore[attr-defined,unused-ignore]
    if sent == "\x03":
        raise KeyboardInterrupt
    return sent + str(msvcrt.getwch()) if sent in "\x00\xe0" else sent  # type: ignore[attr-defined,unused-ignore]


def _save(book: Book, session: Session) -> None:
    from ipclass import gradebook, writing

    writing.write({book.path: gradebook.written(book, session.grades)}, force=True)


def _told(sheet: Path, session: Session) -> str:
    left = session.questions - session.judged
    again = f"; {left:,} are empty: ipclass judge {sheet} asks for them" if left else ""
    return f"{sheet}: {session.judged:,} of {session.questions:,} judged{again}"


class _Definitions:
    """What the labels mean: by the guideline of the sheet, else by the label files of the model."""

    def __init__(self, model: str) -> None:
        from ipclass.batch import load

        self._labels = load(model).labels
        self.known = self._labels.ids

    def of(self, book: Book) -> Mapping[str, str]:
        """Return the definition of each label of ``book``, "" where nothing says what it means."""
        from ipclass.gradebook import sections

        told = sections(book.guideline)
        return {label: told.get(label) or self._by_model(label) for label in book.labels}

    def _by_model(self, label: str) -> str:
        if label not in self.known:
            return ""
        found = self._labels[label]
        return f"{found.name} ({label})\n\n2: {found.strict}\n\n1: not 2, but the wider definition holds. {found.broad}"


def drawn(session: Session, name: str, definitions: Mapping[str, str], console: Console) -> tuple[RenderableType, int]:
    """Return the screen, and how far its text is scrolled: where one is, the document or definition, the question, the keys.

    Nothing of a document is taken for mark-up, and none of its signs moves the cursor.
    """
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    width = max(NARROWEST, min(WIDEST, console.width - 2))
    head, foot = _head(session, name, width), _foot(session, width)
    fold = _folder(console, width)
    head_lines, foot_lines = fold(head), fold(foot)
    body = _definition(session, definitions) if session.helping else _document(session)
    lines = fold(body)
    room = max(1, max(LOWEST, console.height) - len(head_lines) - len(foot_lines) - 2)
    start = min(session.scrolled, max(0, len(lines) - room))
    seen = lines[start : start + room]
    more = len(lines) - start - len(seen)
    mark = Text(f"{'↑ ' if start else ''}{f'↓ {more} more lines (arrow keys)' if more else ''}", style="dim")
    blank = [Text("")] * (room - len(seen))
    return Padding(Group(*head_lines, Text(""), *seen, *blank, mark, *foot_lines), (0, 0, 0, 1)), start


def _folder(console: Console, width: int) -> Callable[[Text], list[Text]]:
    """Return what breaks a text into lines of ``width`` cells."""
    return lambda text: list(text.wrap(console, width, overflow="fold", no_wrap=False))


def _head(session: Session, name: str, width: int) -> Text:
    from rich.text import Text

    from ipclass import judging

    number = session.place.document + 1 if session.place else len(session.documents)
    done = session.judged / max(1, session.questions)
    bar = round(20 * done)
    told = f"document {number} of {len(session.documents)}   "
    counted = f"  {session.judged} of {session.questions} judged   "
    text = Text(told, style="bold")
    text.append("━" * bar, style="green").append("─" * (20 - bar), style="dim").append(counted, style="not bold")
    return text.append(judging.shown(name)[: max(0, width - len(text.plain))], style="dim not bold")


def _document(session: Session) -> Text:
    from rich.text import Text

    from ipclass import judging

    if session.place is None:
        return Text("That was the last one.", style="bold")
    document = session.documents[session.place.document]
    text = Text(judging.shown(document.title) or "(no title)", style="bold")
    return text.append("\n\n").append(judging.shown(document.abstract) or "(no abstract)", style="not bold")


def _definition(session: Session, definitions: Mapping[str, str]) -> Text:
    from rich.text import Text

    from ipclass import judging

    label = session.labels[session.place.label] if session.place else ""
    told = definitions.get(label) or f"Nothing says what {label} means: the sheet has no guideline, the model no such label."
    return Text("\n".join(map(judging.shown, _paragraphs(told))))


def _paragraphs(text: str) -> list[str]:
    """Return the lines of a guideline with those put together that go on: the terminal breaks them anew.

    >>> _paragraphs("# Looms\\n\\nThey\\nweave.\\n- fast\\n- well")
    ['# Looms', '', 'They weave.', '- fast', '- well']
    """
    found: list[str] = []
    for line in text.split("\n"):
        goes_on = found and found[-1] and line and not line.startswith(("-", "#")) and not found[-1].startswith("#")
        if goes_on:
            found[-1] += f" {line}"
        else:
            found.append(line)
    return found


def _foot(session: Session, width: int) -> Text:
    """Return the labels with their grades, the one that is asked for marked, and the keys."""
    from rich.text import Text

    if session.helping:
        return Text("any key: back to the document", style="dim")
    if session.place is None:
        return Text.assemble(("u", "bold cyan"), " undo   ", ("any other key", "bold cyan"), " the end")
    text = Text("")
    for place, label in enumerate(session.labels):
        asked = session.place is not None and session.place.label == place
        grade = session.grades[session.place.document][place] if session.place else None
        shown = "?" if asked else "·" if grade is None else str(grade)
        text.append(f" {label} {shown} ", style="reverse bold" if asked else "").append("  ")
    text.append("\n")
    for key, meaning in _KEYS:
        text.append(key, style="bold cyan").append(f" {meaning}   ")
    return text.append(f"\n{session.note}", style="yellow") if session.note else text.append("\n")
