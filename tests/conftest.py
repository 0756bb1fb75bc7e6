from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import typer.testing
from hypothesis import settings
from typer.testing import CliRunner

from ipclass import blocks, cli, sources
from ipclass.model import Model

settings.register_profile("ipclass", deadline=None, database=None)
settings.load_profile("ipclass")

# To build the commands anew for each call takes longer than most of the calls.
typer.testing._get_command = lru_cache(typer.testing._get_command)  # type: ignore[assignment]

# Two invented technologies: their words are common enough to be learnt from sixty texts.
LABELS = {"kites": "Kites", "looms": "Looms"}
_LABEL = """
name = "{name}"
version = "1"
summary = "All about {id}"

[definition]
strict = "The contribution is about {id}."
broad = "Adds what merely mentions {id}."

[examples]
inside = ["One of the {id}"]
borderline = ["A shop for {id}"]
outside = ["A soup"]

[codes]
strong = []
supporting = []
against = []

[phrases]
strong = ["{id}"]
supporting = []
against = []
"""
_THEMES = {
    "kites": (
        ["bridle", "spar", "tail", "sail", "tether", "keel"],
        "The kite has a {0} and a {1} of light cloth, so that the kite flies steadily on its tether in gusts of wind.",
    ),
    "looms": (
        ["shuttle", "heddle", "warp beam", "reed", "treadle", "weft feeder"],
        "The loom moves a {0} past a {1} between the warp threads, so that the loom weaves an even fabric from the yarn.",
    ),
    "": (
        ["ladle", "kettle", "sieve", "lid", "strainer", "grater"],
        "The kitchen tool joins a {0} to a {1} with a steel handle, so that the soup in the pot is stirred without spilling.",
    ),
}


def document(theme: str, number: int) -> tuple[str, str]:
    """Return the title and the abstract of an invented patent; a number gives the same one always."""
    parts, sentence = _THEMES[theme]
    one, other = parts[number % len(parts)], parts[(number // len(parts) + number + 1) % len(parts)]
    noun = {"kites": "Kite", "looms": "Loom", "": "Kitchen tool"}[theme]
    return f"{noun} number {number} with a {one} and a {other}", sentence.format(one, other)


def patents(n: int) -> list[dict[str, str]]:
    """Return ``n`` rows of a table as an analyst would have it: three themes in turn."""
    rows = []
    for number in range(n):
        title, abstract = document(("kites", "", "looms")[number % 3], number)
        rows.append(
            {"publication_number": f"XX{number:05d}A1", "title": title, "abstract": abstract, "year": str(1990 + number)}
        )
    return rows


def write_csv(path: Path, rows: Sequence[dict[str, str]], delimiter: str = ",") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_jsonl(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def read_csv(content: bytes, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(content.decode().splitlines(keepends=True), delimiter=delimiter))


def judged(n: int = 60) -> list[dict[str, Any]]:
    """Return judged documents: a third on each theme; some of those on a label are only borderline."""
    rows = []
    for number in range(n):
        theme = ("kites", "looms", "")[number % 3]
        title, abstract = document(theme, number)
        grade = 1 if number % 10 == 4 else 2
        grades = {label: grade if label == theme else 0 for label in LABELS}
        rows.append({"id": f"J{number}", "title": title, "abstract": abstract, "origin": "authored", "grades": grades})
    return rows


@pytest.fixture(scope="session")
def tiny_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus folder of invented technologies."""
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "labels").mkdir()
    for id, name in LABELS.items():
        (folder / "labels" / f"{id}.toml").write_text(_LABEL.format(id=id, name=name), "utf-8")
    write_jsonl(folder / "authored.jsonl", judged())
    return folder


@pytest.fixture(scope="session")
def tiny_model(tiny_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a model of ``tiny_corpus``: small, fast, and not the one that is shipped."""
    from ipclass import card, corpus, training

    learnt = corpus.read_corpus(tiny_corpus)
    folder = tmp_path_factory.mktemp("model") / "tiny"
    card.with_card(training.train(learnt, training.Recipe(penalty=0.5)), learnt).save(folder)
    return str(folder)


@pytest.fixture
def patents_csv(tmp_path: Path) -> Path:
    """A small table that reads well."""
    return write_csv(tmp_path / "patents.csv", patents(60))


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Read tables in blocks of about so many bytes."""
    return lambda size: cut_at(monkeypatch, size)


def cut_at(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Read tables in blocks of about ``size`` bytes, from the header on: a small file is otherwise one block."""
    monkeypatch.setattr(blocks, "BLOCK_BYTES", size)
    monkeypatch.setattr(blocks, "SLICE_ROWS", max(1, size // 100))
    monkeypatch.setattr(sources, "HEAD_BYTES", size)


class Ended:
    """What a command said and how it ended."""

    def __init__(self, code: int, out: bytes, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def lines(self) -> list[str]:
        return self.err.splitlines()


def ipclass(*arguments: str | Path, stdin: bytes = b"") -> Ended:
    """Run a command in this process: fast, and all but the start and the end of a process is the same."""
    found = CliRunner().invoke(cli.app, [str(argument) for argument in arguments], input=stdin)
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return Ended(found.exit_code, found.stdout_bytes, found.stderr)


MAIN = [sys.executable, "-c", "from ipclass.cli import main; main()"]


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "POLARS_MAX_THREADS": "2", "COLUMNS": "120"}


def ipclass_process(*arguments: str | Path, stdin: bytes = b"") -> Ended:
    """Run a command as the console script does, in a process of its own."""
    found = subprocess.run(
        [*MAIN, *map(str, arguments)], input=stdin, capture_output=True, env=environment(), timeout=60, check=False
    )
    return Ended(found.returncode, found.stdout, found.stderr.decode())


@pytest.fixture(scope="session")
def model() -> Model:
    """The model that is shipped; a file of tests may have another of the same name."""
    from ipclass import batch

    return batch.load("")


@pytest.fixture(scope="session")
def small(model: Model) -> pl.DataFrame:
    """A tagged table of three cells of 400, 300 and 200 documents, a tenth of the second unscored."""
    from simulation import simulated, unscored

    return unscored(simulated(model, [(400, 0.1), (300, 0.2), (200, 0.3)]), range(400, 430))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a tagged table may be written."""
    return tmp_path / "tagged.csv"
