from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from conftest import (
    LABELS,
    MAIN,
    document,
    environment,
    ipclass,
    ipclass_process,
    judged,
    patents,
    read_csv,
    write_csv,
    write_jsonl,
)

from ipclass import Document, Model, cli, training
from ipclass import corpus as corpora
from ipclass.commands import CLOSED_PIPE

HEAVY = ("spacy", "sklearn", "numpy", "polars", "scipy", "joblib")


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


COMMANDS = list(commands(typer.main.get_command(cli.app)))


def refuse(constant: str) -> None:
    pytest.fail(f"{constant} is not JSON")


def strict_json(content: str | bytes) -> Any:
    return json.loads(content, parse_constant=refuse)


# Help and start-up


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["classify", "--help"], ["labels", "--help"], ["classify"]])
def test_help_and_usage_errors_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom ipclass.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('heavy:', *[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    found = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, env=environment(), check=True)
    assert found.stderr.decode().splitlines()[-1].split() == ["heavy:"]


def test_the_check_of_imports_would_see_a_heavy_one() -> None:
    code = f"import sys, ipclass.batch\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment(), check=True)
    assert {"numpy", "polars"} <= set(found.stdout.decode().split())


def test_there_are_the_commands_that_are_promised() -> None:
    assert {("classify",), ("train",), ("evaluate",), ("explain",)} <= set(COMMANDS)
    assert {("labels", "list"), ("labels", "show"), ("model", "show")} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_help_of_every_command_has_an_example_of_that_command(command: tuple[str, ...]) -> None:
    found = ipclass(*command, "--help")
    assert found.code == 0
    assert f"Example: ipclass {' '.join(command)}" in re.sub(r"\s+", " ", found.out.decode())


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["classify", "-h"]])
def test_help_is_standard_output_and_no_error(arguments: list[str]) -> None:
    found = ipclass(*arguments)
    assert (found.code, found.err) == (0, "")
    assert b"Usage" in found.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["classify"],
        ["classify", "a.csv", "--jobs", "0"],
        ["classify", "a.csv", "--jobs", "two"],
        ["classify", "a.csv", "--explain", "-1"],
        ["classify", "a.csv", "--no-such-option"],
        ["classify", "a.csv", "-d", "strickt"],
        ["classify", "a.csv", "--backend", "dask"],
        ["explain", "Kite", "-d", "strickt"],
        ["shares", "a.csv", "--method", "emk"],
        ["high-value", "a.csv", "-o", "b.csv", "--start", "now"],
        ["clasify", "a.csv"],
        ["labels", "show"],
        ["evaluate"],
        ["evaluate", "a.jsonl", "--draws", "1"],
    ],
    ids=" ".join,
)
def test_a_wrong_call_ends_with_2_and_says_how_to_call(arguments: list[str]) -> None:
    found = ipclass(*arguments)
    assert (found.code, found.out) == (2, b"")
    assert len(found.lines) == 1
    assert re.fullmatch(
        r"ipclass: .*[.?] Usage(: ipclass|, for example: ipclass .* \(more: ipclass .*) --help\)?", found.lines[0]
    )


# Mistakes


@pytest.fixture
def mistakes(tmp_path: Path, tiny_model: str) -> dict[str, list[str | Path]]:
    good = write_csv(tmp_path / "good.csv", patents(3))
    (tmp_path / "bad.csv").write_text("title,abstract\nA,B\nC\n", "utf-8")
    (tmp_path / "numbers.csv").write_text("a,b\n1,2\n", "utf-8")
    (tmp_path / "latin.csv").write_bytes("title,abstract\nA,ä\n".encode("latin-1"))
    (tmp_path / "bad.jsonl").write_text('{"title": "A"\n', "utf-8")
    (tmp_path / "other.jsonl").write_text('{"id": "1", "title": "A", "abstract": "B", "grades": {"boats": 1}}\n', "utf-8")
    (tmp_path / "graded.jsonl").write_text('{"id": "1", "title": "A", "abstract": "B", "grades": {"kites": 3}}\n', "utf-8")
    (tmp_path / "empty.jsonl").write_text("", "utf-8")
    (tmp_path / "there.csv").write_text("mine", "utf-8")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "file").write_text("", "utf-8")
    fine = write_jsonl(tmp_path / "fine.jsonl", judged(6))
    model = ["-m", tiny_model]
    return {
        "no file": ["classify", tmp_path / "none.csv", *model],
        "a folder": ["classify", tmp_path / "corpus", *model],
        "no table": ["classify", tmp_path / "file", *model],
        "bad row": ["classify", tmp_path / "bad.csv", *model],
        "no text": ["classify", tmp_path / "numbers.csv", *model],
        "encoding": ["classify", tmp_path / "latin.csv", *model],
        "json": ["classify", tmp_path / "bad.jsonl", *model],
        "json to csv": ["classify", tmp_path / "bad.jsonl", "-o", tmp_path / "out.csv", *model],
        "column": ["classify", good, "--abstract", "abstrct", *model],
        "format": ["classify", good, "-o", tmp_path / "out.docx", *model],
        "named format": ["classify", good, "--output-format", "xml", *model],
        "no encoding": ["classify", good, "--encoding", "utf-9", *model],
        "exists": ["classify", good, "-o", tmp_path / "there.csv", *model],
        "no folder": ["classify", good, "-o", tmp_path / "none" / "out.csv", *model],
        "parquet to stdout": ["classify", good, "--output-format", "parquet", *model],
        "parquet from stdin": ["classify", "-", "--format", "parquet", *model],
        "resume stdout": ["classify", good, "--resume", *model],
        "no model": ["classify", good, "-m", tmp_path / "none"],
        "not a model": ["model", "show", "-m", tmp_path],
        "no label": ["labels", "show", "kite", *model],
        "no corpus": ["train", tmp_path / "none", "-o", tmp_path / "m"],
        "bare corpus": ["train", tmp_path / "corpus", "-o", tmp_path / "m"],
        "no judged": ["evaluate", tmp_path / "none.jsonl", *model],
        "bad judged": ["evaluate", tmp_path / "bad.jsonl", *model],
        "foreign label": ["evaluate", tmp_path / "other.jsonl", *model],
        "no grade": ["evaluate", tmp_path / "graded.jsonl", *model],
        "nothing judged": ["evaluate", tmp_path / "empty.jsonl", *model],
        "metrics nowhere": ["evaluate", fine, "--draws", "10", "--metrics-file", tmp_path / "none" / "m.json", *model],
        "no judged to build": ["corpus", "build", tmp_path / "corpus", "--judged", tmp_path / "none.jsonl"],
    }


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ("no file", "none.csv: no such file"),
        ("a folder", "holds no table"),
        ("no table", "cannot tell the format"),
        ("bad row", r"bad\.csv, row 2: has 1 fields"),
        ("no text", "no column for title or abstract"),
        ("encoding", r"latin\.csv, row 1: byte 0xe4 is not utf-8.*--encoding"),
        ("json", r"bad\.jsonl, row 1: is not JSON"),
        ("json to csv", r"bad\.jsonl, row 1: is not JSON"),
        ("column", "no column 'abstrct'; did you mean 'abstract'"),
        ("format", "docx.*xlsx"),
        ("named format", "no format 'xml'"),
        ("no encoding", "no encoding 'utf-9'"),
        ("exists", r"there\.csv: exists; --force replaces it"),
        ("no folder", "its folder does not exist"),
        ("parquet to stdout", "name a file with -o"),
        ("parquet from stdin", "name the file"),
        ("resume stdout", "name it with -o"),
        ("no model", "no model here"),
        ("not a model", "no model here"),
        ("no label", "no label 'kite'; did you mean 'kites'"),
        ("no corpus", "no such file or folder"),
        ("bare corpus", "no such folder of label files"),
        ("no judged", r"none\.jsonl: no such file"),
        ("bad judged", r"bad\.jsonl: row 1 is not JSON"),
        ("foreign label", "'boats' is no label"),
        ("no grade", "the grade of kites is '3'"),
        ("nothing judged", "holds no row"),
        ("metrics nowhere", r"m\.json"),
        ("no judged to build", "label files"),
    ],
)
def test_a_mistake_is_one_line_on_standard_error_and_exit_1(
    mistakes: dict[str, list[str | Path]], mistake: str, said: str
) -> None:
    found = ipclass(*mistakes[mistake])
    assert found.code == 1
    assert len(found.lines) == 1
    assert found.err.startswith("ipclass: ")
    assert re.search(said, found.err)


def test_a_mistake_ends_a_real_process_the_same_way(mistakes: dict[str, list[str | Path]]) -> None:
    found = ipclass_process(*mistakes["bad row"])
    assert found.code == 1
    assert len(found.lines) == 1
    assert "Traceback" not in found.err


def test_a_reader_that_leaves_early_ends_the_run_without_a_word(tmp_path: Path, tiny_model: str) -> None:
    table = write_csv(tmp_path / "in.csv", patents(3000))
    process = subprocess.Popen(
        [*MAIN, "classify", str(table), "-m", tiny_model], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith(b"publication_number,title")
    process.stdout.close()
    said = process.stderr.read().decode()
    process.stderr.close()
    assert (process.wait(30), said) == (CLOSED_PIPE, "")


# Classify


def test_json_output_is_one_object_a_line_with_the_fields_of_the_input(tmp_path: Path, tiny_model: str) -> None:
    rows: list[dict[str, Any]] = [dict(row) for row in patents(6)]
    rows[0]["cpc"] = ["A63H27/08", {"main": True}]
    rows[1]["abstract"] = "Line one.\nLine two \u2028 with a separator, " + rows[1]["abstract"]
    rows.append({"title": "Kite", "abstract": None})
    table = write_jsonl(tmp_path / "in.jsonl", rows)
    found = ipclass("classify", table, "-m", tiny_model, "-q")
    assert (found.code, found.err) == (0, "")
    lines = found.out.split(b"\n")
    assert lines.pop() == b""
    tagged = [strict_json(line) for line in lines]
    assert [{name: row[name] for name in before} for row, before in zip(tagged, rows, strict=True)] == rows
    for row, before in zip(tagged, rows, strict=True):
        extra = {"labels", "primary", "probabilities", "known", "tagged_by"} | (
            {"unscored"} if row["primary"] == "unscored" else set()
        )
        assert set(row) - set(before) == extra
    assert [row["primary"] for row in tagged] == ["kites", "other", "looms"] * 2 + ["unscored"]
    assert [row["labels"] for row in tagged] == [["kites"], [], ["looms"]] * 2 + [[]]
    assert list(tagged[0]["probabilities"]) == list(LABELS)
    assert all(0 <= each <= 1 for row in tagged for each in row["probabilities"].values())


def test_the_command_line_and_the_library_say_the_same(tmp_path: Path, tiny_model: str) -> None:
    rows = patents(9)
    found = ipclass("classify", write_jsonl(tmp_path / "in.jsonl", rows), "-m", tiny_model, "-d", "broad")
    documents = [Document(row["title"], row["abstract"], row["publication_number"]) for row in rows]
    for line, said in zip(found.out.splitlines(), Model.load(tiny_model).classify(documents, "broad"), strict=True):
        row = json.loads(line)
        assert (row["publication_number"], row["primary"], tuple(row["labels"])) == (said.id, said.primary, said.labels)
        assert row["probabilities"] == pytest.approx(said.probabilities, abs=1e-6)


@pytest.mark.parametrize("format", ["csv", "tsv", "jsonl"])
def test_standard_input_and_output_hold_what_files_hold(tmp_path: Path, tiny_model: str, format: str) -> None:
    rows = patents(6)
    table = tmp_path / f"in.{format}"
    if format == "jsonl":
        write_jsonl(table, rows)
    else:
        write_csv(table, rows, "\t" if format == "tsv" else ",")
    assert ipclass("classify", table, "-o", tmp_path / f"out.{format}", "-m", tiny_model).code == 0
    piped = ipclass("classify", "-", "--format", format, "-m", tiny_model, stdin=table.read_bytes())
    assert piped.code == 0
    assert piped.out == (tmp_path / f"out.{format}").read_bytes()
    assert piped.lines == ["6 documents: kites 2, looms 2; unscored 0"]


def test_a_real_pipe_works_with_csv_by_default(tiny_model: str, tmp_path: Path) -> None:
    content = write_csv(tmp_path / "in.csv", patents(3)).read_bytes()
    found = ipclass_process("classify", "-", "-m", tiny_model, stdin=content)
    assert found.code == 0
    assert [row[:4] for row in read_csv(found.out)] == read_csv(content)


def test_options_name_the_columns_and_the_prefix(tmp_path: Path, tiny_model: str) -> None:
    title, abstract = document("kites", 1)
    table = write_csv(tmp_path / "in.csv", [{"a": "", "title": "", "head": title, "body": abstract, "primary": "x"}])
    found = ipclass("classify", table, "-m", tiny_model, "--title", "head", "--abstract", "body", "--prefix", "ip_")
    header, row = read_csv(found.out)
    assert header[:6] == ["a", "title", "head", "body", "primary", "ip_kites"]
    assert dict(zip(header, row, strict=True))["ip_primary"] == "kites"


def test_the_number_of_rows_out_is_that_of_rows_in_and_the_summary_agrees(tmp_path: Path, tiny_model: str) -> None:
    rows = [*patents(50), {"publication_number": "", "title": "", "abstract": "", "year": ""}]
    table = write_csv(tmp_path / "in.csv", rows)
    found = ipclass("classify", table, "-m", tiny_model)
    tagged = read_csv(found.out)
    assert len(tagged) == 52
    column = tagged[0].index("primary")
    kites, looms = (sum(row[column] == label for row in tagged) for label in LABELS)
    assert found.lines == [f"51 documents: kites {kites}, looms {looms}; unscored 1 (empty 1)"]


def test_what_to_bear_in_mind_is_counted_in_the_words_of_shares(tmp_path: Path, tiny_model: str) -> None:
    titles = [{**row, "abstract": ""} for row in patents(12)[:4]]
    table = write_csv(tmp_path / "in.csv", [*patents(50), *titles])
    found = ipclass("classify", table, "-o", tmp_path / "out.csv", "-m", tiny_model)
    assert found.lines[0].endswith("; unscored 0")
    assert found.lines[1:] == ["to be read with care: title only 4"]
    shares = ipclass("shares", tmp_path / "out.csv", "-m", tiny_model, "--method", "cc")
    assert "to be read with care: title only 4." in (shares.err + shares.out.decode())


def test_one_document_without_tags_is_told_in_words(tmp_path: Path, tiny_model: str) -> None:
    table = write_csv(tmp_path / "in.csv", [{"title": "", "abstract": "", "id": "1"}])
    assert ipclass("classify", table, "-o", tmp_path / "out.csv", "-m", tiny_model).lines == [
        "1 document: no tags; unscored 1 (empty 1)"
    ]


def test_quiet_says_nothing(tmp_path: Path, tiny_model: str) -> None:
    table = write_csv(tmp_path / "in.csv", patents(3))
    assert ipclass("classify", table, "-o", tmp_path / "out.csv", "-m", tiny_model, "-q").err == ""


# Explanations


def test_terms_and_intercept_sum_to_the_score(tiny_model: str) -> None:
    model = Model.load(tiny_model)
    for theme in ("kites", "looms", ""):
        text = "\n".join(document(theme, 4))
        for definition in ("strict", "broad"):
            tags = model.tag([text], definition)
            for place, label in enumerate(tags.labels):
                parts = model.explain(text, label, definition)
                assert parts[-1].term == "(intercept)"
                assert sum(part.value for part in parts) == pytest.approx(tags.scores[0, place], abs=1e-9)
                sizes = np.abs([part.value for part in parts[:-1]])
                assert (np.diff(sizes) <= 0).all()


def test_explain_gives_the_weightiest_terms_of_each_assigned_label_and_of_no_other(tmp_path: Path, tiny_model: str) -> None:
    table = write_jsonl(tmp_path / "in.jsonl", patents(3))
    found = [json.loads(line) for line in ipclass("classify", table, "-m", tiny_model, "--explain", "3").out.splitlines()]
    assert [list(row["terms"]) for row in found] == [["kites"], [], ["looms"]]
    model = Model.load(tiny_model)
    text = f"{found[0]['title']}\n{found[0]['abstract']}"
    expected = [[part.term, round(part.value, 6)] for part in model.explain(text, "kites")[:3]]
    assert found[0]["terms"]["kites"] == expected


def test_asking_for_more_terms_than_there_are_gives_all_that_sum_to_the_score(tmp_path: Path, tiny_model: str) -> None:
    table = write_jsonl(tmp_path / "in.jsonl", patents(1))
    (row,) = [json.loads(line) for line in ipclass("classify", table, "-m", tiny_model, "--explain", "999").out.splitlines()]
    terms = dict(row["terms"]["kites"])
    model = Model.load(tiny_model)
    tags = model.tag([f"{row['title']}\n{row['abstract']}"])
    intercept = model.intercepts[model.column("kites", "strict")]
    terms.setdefault("(intercept)", intercept)
    assert sum(terms.values()) == pytest.approx(tags.scores[0, 0], abs=1e-4)


def test_explain_fills_a_column_a_label_in_a_table(tmp_path: Path, tiny_model: str) -> None:
    found = read_csv(ipclass("classify", write_csv(tmp_path / "in.csv", patents(3)), "-m", tiny_model, "--explain", "2").out)
    rows = [dict(zip(found[0], row, strict=True)) for row in found[1:]]
    assert re.fullmatch(r"[a-z ]+ \(\+\d\.\d{3}\); [a-z ]+ \(\+\d\.\d{3}\)", rows[0]["kites_terms"])
    assert rows[0]["looms_terms"] == rows[1]["kites_terms"] == ""


def test_the_command_explain_marks_the_assigned_label(tiny_model: str) -> None:
    title, abstract = document("kites", 2)
    found = ipclass("explain", title, abstract, "-m", tiny_model, "-n", "2")
    assert found.code == 0
    lines = found.out.decode().splitlines()
    assert lines[0] == "primary: kites"
    assert re.fullmatch(r"\* kites +0\.\d{3} +\S.* [+-]\d\.\d\d, \S.* [+-]\d\.\d\d", lines[1])
    assert lines[2].startswith("  looms")
    assert ipclass("explain", "Kite", "-m", tiny_model).out.decode().splitlines() == ["primary: unscored (too short)"]


# Labels, model, training, evaluation


def test_labels_are_listed_and_shown(tiny_model: str) -> None:
    assert ipclass("labels", "list", "-m", tiny_model).out.decode().splitlines() == [
        "kites      Kites: All about kites",
        "looms      Looms: All about looms",
    ]
    shown = ipclass("labels", "show", "looms", "-m", tiny_model).out.decode()
    assert "Looms (looms, version 1)" in shown
    assert "strict: The contribution is about looms." in shown
    assert "outside:\n  - A soup" in shown
    assert "kites" not in shown


def test_the_shipped_labels_are_listed_by_default() -> None:
    names = sorted(path.stem for path in (Path(__file__).parents[1] / "corpora" / "frontier" / "labels").glob("*.toml"))
    assert [line.split()[0] for line in ipclass("labels", "list").out.decode().splitlines()] == names


def test_the_model_shows_its_card(tiny_model: str) -> None:
    shown = ipclass("model", "show", "-m", tiny_model).out.decode()
    assert shown.startswith("# Model card")
    assert Model.load(tiny_model).digest in shown


def test_train_writes_a_model_that_says_what_the_library_trains(tmp_path: Path, tiny_corpus: Path) -> None:
    found = ipclass("train", tiny_corpus, "-o", tmp_path / "m", "--metrics-file", tmp_path / "metrics.json")
    assert found.code == 0
    digest = Model.load(tmp_path / "m").digest
    assert digest == training.train(corpora.read_corpus(tiny_corpus)).digest
    assert found.lines[-1].endswith(f"trained on 60 documents, digest {digest[:12]}")
    metrics = strict_json((tmp_path / "metrics.json").read_text("utf-8"))
    assert {(row["definition"], row["label"]) for row in metrics["cross_validation"]} == {
        (definition, label) for definition in ("strict", "broad") for label in LABELS
    }


def test_train_keeps_a_model_that_is_there_unless_forced(tmp_path: Path, tiny_corpus: Path) -> None:
    target = tmp_path / "m"
    assert ipclass("train", tiny_corpus, "-o", target, "-q").code == 0
    (target / "terms.txt").write_text("changed", "utf-8")
    refused = ipclass("train", tiny_corpus, "-o", target)
    assert refused.code == 1
    assert refused.lines == [f"ipclass: {target}: holds a model already; --force replaces it"]
    assert (target / "terms.txt").read_text("utf-8") == "changed"
    assert ipclass("train", tiny_corpus, "-o", target, "--force", "-q").code == 0
    assert (target / "terms.txt").read_text("utf-8") != "changed"


@pytest.mark.parametrize("target", ["file", "folder"])
def test_train_does_not_write_into_what_is_no_model(tmp_path: Path, tiny_corpus: Path, target: str) -> None:
    (tmp_path / "file").write_text("mine", "utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine.txt").write_text("mine", "utf-8")
    found = ipclass("train", tiny_corpus, "-o", tmp_path / target, "--force")
    assert found.code == 1
    assert len(found.lines) == 1
    assert (tmp_path / "file").read_text("utf-8") == "mine"
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["mine.txt"]


def test_evaluate_writes_its_metrics_and_prints_a_table(tmp_path: Path, tiny_model: str) -> None:
    table = write_jsonl(tmp_path / "judged.jsonl", judged(30))
    found = ipclass("evaluate", table, "-m", tiny_model, "--draws", "50", "--metrics-file", tmp_path / "metrics.json")
    assert found.code == 0
    metrics = strict_json((tmp_path / "metrics.json").read_text("utf-8"))
    assert metrics["documents"] == 30
    assert metrics["model"] == Model.load(tiny_model).digest
    qualities = {(each["definition"], each["label"]): each for each in metrics["qualities"]}
    assert set(qualities) == {(definition, label) for definition in ("strict", "broad") for label in LABELS}
    for each in qualities.values():
        for figure in each["figures"].values():
            assert figure["low"] <= figure["value"] + 1e-9 <= figure["high"] + 2e-9
        assert sum(bar["documents"] for bar in each["reliability"]) == each["documents"]
    assert qualities["broad", "kites"]["positives"] == 10
    assert qualities["strict", "kites"]["positives"] == sum(row["grades"]["kites"] == 2 for row in judged(30))
    shown = found.out.decode()
    assert re.search(r"^strict +kites", shown, re.MULTILINE)
    assert "macro F1, broad: " in shown
    as_json = ipclass("evaluate", table, "-m", tiny_model, "--draws", "50", "--json")
    assert strict_json(as_json.out) == metrics


def test_metrics_are_json_even_for_a_label_without_positives(tmp_path: Path, tiny_model: str) -> None:
    rows = [{**row, "grades": {"kites": 0}} for row in judged(30)[2::3]]
    found = ipclass("evaluate", write_jsonl(tmp_path / "j.jsonl", rows), "-m", tiny_model, "--draws", "10", "--json")
    assert found.code == 0
    assert {each["label"] for each in strict_json(found.out)["qualities"]} == {"kites"}


def test_a_document_not_judged_for_a_label_does_not_count_for_it(tmp_path: Path, tiny_model: str) -> None:
    rows = judged(30)
    for row in rows[:12]:
        del row["grades"]["looms"]
    found = ipclass("evaluate", write_jsonl(tmp_path / "j.jsonl", rows), "-m", tiny_model, "--draws", "10", "--json")
    counts = {each["label"]: each["documents"] for each in json.loads(found.out)["qualities"]}
    assert counts == {"kites": 30, "looms": 18}


def test_the_environment_needs_no_network_and_no_home(tmp_path: Path, tiny_model: str) -> None:
    table = write_csv(tmp_path / "in.csv", patents(3))
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "none"), "http_proxy": "http://127.0.0.1:9", "LC_ALL": "C"}
    done = subprocess.run([*MAIN, "classify", str(table), "-m", tiny_model], capture_output=True, env=bare, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert len(read_csv(done.stdout)) == 4
