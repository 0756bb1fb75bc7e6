"""Runs the code that pages of documentation show, and compares what it prints with what they say.

    python tools/pages.py README.md docs/*.md            # say what differs
    python tools/pages.py --write README.md docs/*.md    # and mend the pages

``sh`` and ``python`` blocks run in the order of the page, in an empty folder and one Python session a page. A block without
language (or ``text``) right below one of them is what it prints: both streams, as on a terminal 80 columns wide. There
``...`` stands for what may vary, within a line or, alone on a line, for any number of lines. A block with ``title="name"``
is written to that file. Comments right above a block change that:

    <!-- not run: it installs -->    the block is only shown, for this reason
    <!-- exit 1 -->                  its last command ends with this code
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RUN = ("sh", "python")
FENCE = re.compile(
    r"(?:<!-- (?P<mark>[^\n]*?) -->\n\n?)?^```(?P<language>[\w+-]*)(?P<rest>[^\n]*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
SHELL = set("|<>;&$*~`")


@dataclass(frozen=True)
class Block:
    """A block of a page. ``start`` and ``end`` are the places of its text in the page, ``line`` that of its fence."""

    language: str
    text: str
    title: str
    mark: str
    line: int
    start: int
    end: int
    output: Block | None = None

    @property
    def reason(self) -> str:
        """Why the block is not run; empty if it is."""
        return self.mark.removeprefix("not run:").strip() if self.mark.startswith("not run:") else ""

    @property
    def code(self) -> int:
        """The exit code that its last command should have."""
        return int(self.mark.removeprefix("exit ")) if self.mark.startswith("exit ") else 0


def blocks(page: str) -> list[Block]:
    """Return the blocks of a page in order; a block that is another's output stands in that one only."""
    found: list[Block] = []
    matches = list(FENCE.finditer(page))
    for place, match in enumerate(matches):
        before = matches[place - 1] if place else None
        block = Block(
            match["language"],
            match["text"],
            (re.findall(r'title="([^"]*)"', match["rest"]) or [""])[0],
            match["mark"] or "",
            page.count("\n", 0, match.start("language")) + 1,
            match.start("text"),
            match.end("text"),
        )
        follows = before is not None and not page[before.end() : match.start()].strip()
        answers = found and follows and found[-1].language in RUN and not found[-1].output and not found[-1].reason
        if answers and block.language in ("", "text") and not block.title:
            found[-1] = Block(*(getattr(found[-1], name) for name in Block.__dataclass_fields__ if name != "output"), block)
        else:
            found.append(block)
    return found


@dataclass(frozen=True)
class Ran:
    """What a block did: all it printed, and its exit code."""

    block: Block
    printed: str
    code: int

    @property
    def wrong(self) -> str:
        """What is not as the page says; empty if all is."""
        if self.code != self.block.code:
            return f"ended with {self.code}, not {self.block.code}:\n{self.printed}"
        if self.block.output is not None and not fits(self.block.output.text, self.printed):
            return f"prints\n{self.printed}\nand not\n{self.block.output.text}"
        return ""


def run(page: str) -> Iterator[Ran]:
    """Run the blocks of a page in an empty folder, and yield what each did, until one goes wrong."""
    session: dict[str, Any] = {"__name__": "__page__"}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), _terminal():
        for block in blocks(page):
            if block.reason:
                continue
            if block.title:
                path = Path(block.title)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text, "utf-8")
            elif block.language in RUN:
                yield _python(block, session) if block.language == "python" else _shell(block)


@contextlib.contextmanager
def _terminal() -> Iterator[None]:
    """Set what decides how commands look and which are found."""
    wanted = {
        "COLUMNS": "80",
        "NO_COLOR": "1",
        "OMP_NUM_THREADS": "1",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _python(block: Block, session: dict[str, Any]) -> Ran:
    printed = io.StringIO()
    code = compile("\n" * block.line + block.text, "page", "exec")
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        exec(code, session)
    return Ran(block, printed.getvalue(), 0)


def _shell(block: Block) -> Ran:
    printed, code = "", 0
    for command in re.sub(r"\\\n\s*", "", block.text).splitlines():
        if code:
            return Ran(block, f"{printed}(a command before the last ended with {code})", code)
        if command.strip() and not command.startswith("#"):
            said, code = _command(command)
            printed += said
    return Ran(block, printed, code)


def _command(command: str) -> tuple[str, int]:
    """Run one command: a plain ``ipclass`` in this process, which saves its imports, all else in a shell.

    Of a pipe that ``ipclass`` begins only the rest is run in a shell, and what it says on standard error comes first.
    """
    first, _, rest = command.partition(" | ")
    if first.startswith("ipclass ") and first.count('"') % 2 == first.count("'") % 2 == 0 and not SHELL & set(_unquoted(first)):
        from typer.testing import CliRunner

        from ipclass import cli

        found = CliRunner().invoke(cli.app, shlex.split(first, comments=True)[1:])
        if found.exception is not None and not isinstance(found.exception, SystemExit):
            raise found.exception
        if not rest:
            return found.output, found.exit_code
        said, code = _in_shell(rest, found.stdout)
        return found.stderr + said, code
    return _in_shell(command)


def _unquoted(command: str) -> str:
    return re.sub(r"\"[^\"]*\"|'[^']*'|#.*", "", command)


def _in_shell(command: str, given: str = "") -> tuple[str, int]:
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(["bash", "-c", command], input=given, **streams, text=True, check=False)
    return done.stdout, done.returncode


def fits(shown: str, printed: str) -> bool:
    """Return whether ``printed`` is what a page shows, where ``...`` stands for anything.

    >>> fits("a ... c\\n...\\nz\\n", "a b c\\n1\\n2\\nz\\n"), fits("a\\n", "a\\nb\\n")
    (True, False)
    """
    lines = [r"(?:.*\n)*" if line.strip() == "..." else _loose(line) + r"\n" for line in _bare(shown)]
    return re.fullmatch("".join(lines), "".join(f"{line}\n" for line in _bare(printed))) is not None


def _bare(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip("\n").splitlines()]


def _loose(line: str) -> str:
    return ".*".join(map(re.escape, line.split("...")))


def mended(shown: str, printed: str) -> str:
    """Return what a page should show of ``printed``: lines that fit stay as they are, what was left out is left out again."""
    old, new = _bare(shown), _bare(printed)
    if "..." in old:
        before, after = old.index("..."), len(old) - old.index("...") - 1
        new = [*new[:before], "...", *(new[-after:] if after else [])]
    kept = (was if "..." in was and fits(was, line) else line for was, line in zip(old, new, strict=False))
    return "".join(f"{line}\n" for line in [*kept, *new[len(old) :]])


def mend(page: str) -> tuple[str, list[str]]:
    """Return the page with the outputs that its blocks have, and a line for each that was wrong."""
    told, changes = [], []
    for ran in run(page):
        if ran.wrong:
            told.append(f"line {ran.block.line}: {ran.wrong}")
        if ran.code == ran.block.code and ran.block.output is not None and ran.wrong:
            output = ran.block.output
            changes.append((output.start, output.end, mended(output.text, ran.printed)))
    for start, end, text in reversed(changes):
        page = page[:start] + text + page[end:]
    return page, told


def main(arguments: Sequence[str]) -> int:
    """Run pages; return 1 if one was wrong and is not mended."""
    write = "--write" in arguments
    wrong = 0
    for path in map(Path, (each for each in arguments if each != "--write")):
        page, told = mend(path.read_text("utf-8"))
        for each in told:
            print(f"{path}, {each}")
        wrong += len(told)
        if write and told:
            path.write_text(page, "utf-8")
    return int(bool(wrong) and not write)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
