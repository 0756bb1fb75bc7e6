"""The command line of audits."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Ended, environment, patents, write_csv
from typer.testing import CliRunner

from ipclass import batch, files
from ipclass.cli_audit import audit_app


def run(*arguments: str | Path) -> Ended:
    found = CliRunner().invoke(audit_app, [str(argument) for argument in arguments])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return Ended(found.exit_code, found.stdout_bytes, found.stderr)


@pytest.fixture
def tagged(tmp_path: Path, tiny_model: str) -> Path:
    source = files.Source(str(write_csv(tmp_path / "patents.csv", patents(300))))
    target = tmp_path / "tagged.csv"
    batch.run(source, str(target), batch.Job(source.layout, tiny_model, "strict", 0, "csv"))
    return target


@pytest.fixture
def sheet(tagged: Path, tmp_path: Path, tiny_model: str) -> Path:
    path = tmp_path / "sheet.csv"
    assert run("draw", tagged, "--label", "kites", "-n", "40", "-o", path, "-m", tiny_model).code == 0
    return path


def judge(sheet: Path) -> Path:
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["grade"] = "Yes" if "Kite" in row["title"] else "no"
    return write_csv(sheet, rows)


def test_draw_says_what_it_wrote_on_standard_error(tagged: Path, tmp_path: Path, tiny_model: str) -> None:
    found = run("draw", tagged, "-l", "kites", "-n", "40", "-o", tmp_path / "s.csv", "-m", tiny_model)
    assert (found.code, found.out) == (0, b"")
    assert found.lines[0] == f"{tmp_path / 's.csv'}: 40 of 300 documents to judge for kites (strict)"
    assert "unscored documents, which cannot be drawn: 0" in found.err
    quiet = run("draw", tagged, "-l", "kites", "-n", "40", "-o", tmp_path / "q.csv", "-m", tiny_model, "-q")
    assert (quiet.code, quiet.out, quiet.err) == (0, b"", "")
    assert (tmp_path / "q.csv").read_bytes() == (tmp_path / "s.csv").read_bytes()


def test_three_hundred_are_drawn_if_nothing_else_is_said(tagged: Path, tmp_path: Path, tiny_model: str) -> None:
    run("draw", tagged, "-l", "kites", "-o", tmp_path / "s.csv", "-m", tiny_model)
    assert len((tmp_path / "s.csv").read_text("utf-8").splitlines()) == 301


def test_the_width_alone_only_says_how_many(tagged: Path, tmp_path: Path, tiny_model: str) -> None:
    before = sorted(tmp_path.iterdir())
    found = run("draw", tagged, "-l", "kites", "--target-width", "0.3", "-m", tiny_model)
    assert found.code == 0
    n = int(found.out.split()[0])
    assert 20 <= n <= 300
    assert sorted(tmp_path.iterdir()) == before
    drawn = run("draw", tagged, "-l", "kites", "--target-width", "0.3", "-o", tmp_path / "s.csv", "-m", tiny_model)
    assert f"{n} of 300 documents" in drawn.err


def test_estimate_prints_words_or_json_and_writes_json(sheet: Path, tmp_path: Path, tiny_model: str) -> None:
    words = run("estimate", judge(sheet), "-m", tiny_model)
    assert (words.code, words.err) == (0, "")
    said = words.out.decode()
    assert "Share: " in said
    assert "Counted: " in said
    assert "checked in the bulk were positive" in said
    printed = run("estimate", sheet, "-m", tiny_model, "--json", "-o", tmp_path / "r.json")
    facts = json.loads(printed.out)
    assert facts == json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert facts["provenance"] == "stratified_audit"
    assert facts["low"] <= 1 / 3 <= facts["high"]
    assert facts["judged"] == 40
    assert facts["shift"] is None
    again = run("estimate", sheet, "-m", tiny_model, "-o", tmp_path / "r.json")
    assert (again.code, again.out) == (1, b"")
    assert again.lines == [f"ipclass: {tmp_path / 'r.json'}: exists; --force replaces it"]
    assert run("estimate", sheet, "-m", tiny_model, "-o", tmp_path / "r.json", "--force").code == 0


def test_mistakes_are_one_line_and_exit_1(sheet: Path, tagged: Path, tmp_path: Path, tiny_model: str) -> None:
    other = ["-o", tmp_path / "o.csv", "-m", tiny_model]
    for arguments, said in (
        (["draw", tmp_path / "patents.csv", "-l", "kites", *other], "is not tagged"),
        (["draw", tagged, "-l", "kite", *other], "did you mean 'kites'"),
        (["draw", tagged, "-l", "kites", "-o", sheet, "-m", tiny_model], "exists; --force replaces it"),
        (["draw", tagged, "-l", "kites", "-n", "3", *other], "at least 20"),
        (["draw", tagged, "-l", "kites", "-n", "30", "--target-width", "0.2", *other], "not both"),
        (["draw", tagged, "-l", "kites", "--target-width", "0", "-m", tiny_model], "must be above 0"),
        (["draw", tagged, "-l", "kites", "-d", "broad", *other], "not broad"),
        (["draw", tagged, "-l", "kites", "--id", "key", *other], "no column 'key'"),
        (["estimate", tmp_path / "none.csv", "-m", tiny_model], "no such file"),
        (["estimate", sheet, "-m", tiny_model], "no row has a grade yet"),
        (["estimate", sheet, "--table", tmp_path / "patents.csv", "-m", tiny_model], "sha256 differs"),
        (["estimate", sheet, "-m", tmp_path / "none"], "no model here"),
    ):
        found = run(*arguments)
        assert (found.code, found.out, len(found.lines)) == (1, b"", 1)
        assert found.err.startswith("ipclass: ")
        assert said in found.err


@pytest.mark.parametrize(
    "arguments", [["draw"], ["draw", "t.csv"], ["draw", "t.csv", "-l", "kites"], ["draw", "t.csv", "-l", "a", "--seed", "-1"]]
)
def test_a_wrong_call_ends_with_2(arguments: list[str]) -> None:
    found = run(*arguments)
    assert found.code == 2
    assert "Usage" in found.err


@pytest.mark.parametrize("command", ["draw", "estimate"])
def test_help_has_an_example_and_imports_nothing_heavy(command: str) -> None:
    code = (
        "import sys\nfrom ipclass.cli_audit import audit_app\n"
        f"try:\n    audit_app([{command!r}, '--help'])\nexcept SystemExit:\n    pass\n"
        "print('heavy:', *[n for n in ('numpy', 'polars', 'scipy', 'spacy', 'openpyxl') if n in sys.modules], file=sys.stderr)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment(), check=True)
    assert f"Example: ipclass audit {command}" in found.stdout.decode()
    assert found.stderr.decode().splitlines()[-1].split() == ["heavy:"]


def test_a_plain_random_sample_is_drawn_and_estimated(tagged: Path, tmp_path: Path, tiny_model: str) -> None:
    path, options = tmp_path / "random.csv", ["-l", "kites", "-n", "60", "-m", tiny_model]
    assert run("draw", tagged, *options, "--design", "random", "-o", path).code == 0
    found = run("estimate", judge(path), "-m", tiny_model)
    assert found.code == 0
    assert "random_from_target" in found.out.decode()
    wrong = run("draw", tagged, *options, "--design", "rand", "-o", tmp_path / "x.csv")
    assert (wrong.code, len(wrong.lines)) == (2, 1)
    assert "--design 'rand': did you mean 'random'? There are: stratified, random" in wrong.err
