"""Judging in a terminal: a real one (a pseudo terminal), whose screen pyte keeps."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import MAIN, document, environment, ipclass, write_csv

from ipclass import gradebook

pyte = pytest.importorskip("pyte")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo terminals of this kind")

HOSTILE = (
    "\x1b[2J\x1b[3;3Hevil [red]not red[/red] [/bold] \x07\x9b31m \u202e turned \x00 end"
    + " \u6f22\u5b57" * 30
    + " "
    + "a" * 300
)
PATIENCE = 30  # seconds


class Terminal:
    """A program in a pseudo terminal, and what its screen shows."""

    def __init__(self, arguments: list[str], columns: int, lines: int = 24) -> None:
        import pty

        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self._ours, theirs = pty.openpty()
        size = {"COLUMNS": str(columns), "LINES": str(lines), "TERM": "xterm-256color"}
        self._process = subprocess.Popen(
            [*MAIN, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**environment(), **size},
            preexec_fn=lambda: os.login_tty(theirs),  # without it Ctrl-C reaches nobody
        )
        os.close(theirs)

    def _read(self, seconds: float) -> bool:
        import select

        if not select.select([self._ours], [], [], seconds)[0]:
            return False
        try:
            sent = os.read(self._ours, 1 << 16)
        except OSError:  # Linux says so when the program has ended
            return False
        self._stream.feed(sent)
        return bool(sent)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def shows(self, *wanted: str) -> str:
        """Wait until the screen holds all that is wanted, wherever lines break, and return it."""
        end = time.monotonic() + PATIENCE
        while not all("".join(each.split()) in "".join(self.text.split()) for each in wanted):
            assert time.monotonic() < end, f"{wanted} never came up on:\n{self.text}"
            self._read(0.2)
        return self.text

    def press(self, keys: str, *wanted: str) -> str:
        os.write(self._ours, keys.encode())
        return self.shows(*wanted)

    def ends(self) -> int:
        end = time.monotonic() + PATIENCE
        while self._process.poll() is None and time.monotonic() < end:
            self._read(0.1)
        while self._read(0.05):
            pass
        return self._process.wait(timeout=1)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._ours)


@pytest.fixture
def terminal(tiny_model: str) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(sheet: Path, columns: int = 80) -> Terminal:
        opened.append(Terminal(["judge", str(sheet), "-m", tiny_model], columns))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    rows = []
    for number, theme in enumerate(("kites", "", "looms")):
        title, abstract = document(theme, number)
        rows.append({"id": f"S{number}", "title": title, "abstract": abstract, "kites": "", "looms": "", "remark": ""})
    return write_csv(tmp_path / "sheet.csv", rows)


def grades(sheet: Path) -> list[tuple[int | None, ...]]:
    return list(gradebook.read(sheet, ["kites", "looms"]).grades)


def test_a_sheet_is_judged_saved_left_and_gone_on_with(sheet: Path, terminal: Callable[..., Terminal]) -> None:
    first = terminal(sheet)
    first.shows("document 1 of 3", "0 of 6 judged", "Kite number 0", "kites ?", "q quit")
    first.press("2", "kites 2", "looms ?")
    assert grades(sheet)[0] == (2, None)  # on disk before the next key
    first.press("?", "The contribution is about looms.", "any key: back")
    first.press("1", "looms ?")
    first.press(" ", "document 2 of 3", "Kitchen tool")
    first.press("0", "2 of 6 judged")
    first.press("u", "1 of 6 judged", "kites ?")
    assert grades(sheet)[1] == (None, None)
    first.press("0", "kites 0")
    first.press("9", "no key '9' here")
    first.press("q", "2 of 6 judged; 4 are empty")
    assert first.ends() == 0

    again = terminal(sheet, 120)
    again.shows("document 1 of 3", "kites 2", "looms ?")
    again.press("0", "document 2 of 3", "kites 0", "looms ?")
    again.press("0", "document 3 of 3")
    again.press("02", "That was the last one.")
    again.press("u", "looms ?")
    again.press("1", "That was the last one.")
    again.press("\r", "6 of 6 judged")
    assert again.ends() == 0
    assert grades(sheet) == [(2, 0), (0, 0), (0, 1)]
    assert ipclass("judge", sheet).lines == [f"{sheet}: 6 of 6 judged"]


@pytest.mark.parametrize("columns", [80, 120, 30])
def test_a_hostile_text_does_not_break_the_screen(tmp_path: Path, terminal: Callable[..., Terminal], columns: int) -> None:
    row = {"id": "\x1b]0;x\x07", "title": "[bold]A[/bold] \x1b[31mtitle", "abstract": HOSTILE, "kites": "", "remark": ""}
    shown = terminal(write_csv(tmp_path / "s.csv", [row] * 2), columns).shows("document 1 of 2", "kites ?", "[2J", "q quit")
    assert shown.startswith(" document 1 of 2")
    assert "[bold]A[/bold]" in shown
    flowing = "".join(shown.split())
    assert "evil[red]notred[/red][/bold]" in flowing
    assert all(len(line) <= columns for line in shown.splitlines())


def test_a_long_text_is_scrolled(tmp_path: Path, terminal: Callable[..., Terminal]) -> None:
    long = " ".join(f"word{number}" for number in range(400))
    session = terminal(write_csv(tmp_path / "s.csv", [{"title": "Long", "abstract": long, "kites": "", "remark": ""}]))
    session.shows("word0 ", "more lines", "kites ?")
    session.press("\x1b[6~" * 6, "word399", "↑")
    session.press("\x1b[5~" * 6, "word0 ", "more lines")


def test_control_c_leaves_with_all_saved(sheet: Path, terminal: Callable[..., Terminal]) -> None:
    session = terminal(sheet)
    session.shows("kites ?")
    session.press("1", "kites 1")
    session.press("\x03", "1 of 6 judged; 5 are empty")
    assert session.ends() == 0
    assert grades(sheet)[0] == (1, None)


def test_keys_typed_ahead_never_judge_a_text_that_was_not_seen(sheet: Path, terminal: Callable[..., Terminal]) -> None:
    session = terminal(sheet)
    session.shows("kites ?")
    session.press("2222", "document 2 of 3", "2 of 6 judged")
    assert grades(sheet) == [(2, 2), (None, None), (None, None)]


def test_mistakes_are_one_line_and_exit_1(tmp_path: Path, sheet: Path, tiny_model: str) -> None:
    for path, said in ((tmp_path / "none.csv", "no such file"), (sheet, "judging needs a terminal")):
        found = ipclass("judge", path, "-m", tiny_model)
        assert (found.code, found.out, len(found.lines)) == (1, b"", 1)
        assert said in found.err
