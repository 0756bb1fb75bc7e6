"""What all commands have in common: help, completion, colour, quiet, verbose, and how a mistake is told."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import reference
import typer
from conftest import LABELS, MAIN, document, environment, ipclass, patents, write_csv

from ipclass import Model, cli, commands, completion
from ipclass.estimators import METHODS
from ipclass.records import DEFINITIONS

ROOT = typer.main.get_command(cli.app)
LEAVES = dict(reference.leaves(ROOT))


def told(*arguments: str) -> str:
    found = ipclass(*arguments)
    assert (found.code, found.out, len(found.lines)) == (2, b"", 1)
    return found.lines[0]


# Help


@pytest.mark.parametrize("path", LEAVES)
@pytest.mark.parametrize("width", [80, 120])
def test_help_fits_its_terminal_and_cuts_no_sentence(path: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    shown = ipclass(*path.split()[1:], "--help").out.decode()
    assert "..." not in re.sub(r"[A-Z}\]]\.\.\.", "", shown)  # TABLE... may be given more than once
    assert all(len(line) <= width for line in shown.splitlines() if not line.lstrip().startswith("Example: "))


@pytest.mark.parametrize("path", LEAVES)
def test_the_example_of_a_command_stands_on_one_line_and_uses_options_that_there_are(path: str) -> None:
    shown = ipclass(*path.split()[1:], "--help").out.decode()
    (example,) = re.findall(r"^ +Example: (.*)$", shown, re.MULTILINE)
    words = shlex.split(example.split(" > ")[0].split(" | ")[-1])
    assert " ".join(words).startswith(path)
    command = LEAVES[path]
    with command.make_context(path, words[len(path.split()) :], resilient_parsing=False) as context:
        assert context.params


@pytest.mark.parametrize("path", LEAVES)
def test_every_option_has_help_and_every_command_can_be_quiet_and_verbose(path: str) -> None:
    params = [param for param in LEAVES[path].params if param.name != "help"]
    assert all(param.help for param in params)
    assert {"-q", "-v"} <= {name for param in params for name in param.opts}


def test_help_is_for_people_who_do_not_program() -> None:
    for path in LEAVES:
        shown = ipclass(*path.split()[1:], "--help").out.decode()
        assert not re.search(r"<(str|list|Path|int)\b|[{}]", shown), path
    assert ipclass("classify", "--help").out.decode().startswith("Usage: ipclass classify [OPTIONS] TABLE...\n")
    assert ipclass("model", "verify", "--help").out.decode().startswith("Usage: ipclass model verify [OPTIONS] [MODEL]\n")


def test_the_chapters_of_the_first_page_name_commands_that_there_are_and_each_once() -> None:
    named = [name for names in commands.CHAPTERS.values() for name in names.split()]
    assert len(set(named)) == len(named)
    assert set(named) <= set(ROOT.commands)
    shown = ipclass("--help").out.decode()
    assert [chapter for chapter in commands.CHAPTERS if f"\n{chapter}:\n" in shown] == list(commands.CHAPTERS)
    assert all(re.search(rf"^  {name}\s", shown, re.MULTILINE) for name in ROOT.commands)


def test_the_choices_of_the_command_line_are_those_of_the_library() -> None:
    assert commands.MethodOption.__origin__.__args__ == METHODS
    assert DEFINITIONS == ("strict", "broad")


# Mistakes


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("shars t.csv", "no such command 'shars'; did you mean 'shares'?"),
        ("audit draww t.csv", "no such command 'draww'; did you mean 'draw'?"),
        ("shares t.csv --defnition broad", "no option --defnition; did you mean --definition?"),
        ("classify t.csv --job 2", "no option --job; did you mean --jobs?"),
        ("classify t.csv --jobs two", "--jobs/-j 'two': input should be a valid integer"),
        ("classify t.csv --definition strickt", "--definition/-d 'strickt': did you mean 'strict'? There are: strict, broad."),
        ("shares t.csv --method emk", "--method 'emk': did you mean 'emq'?"),
        ("classify", "missing argument 'TABLE'."),
        ("audit draw t.csv", "missing option '--label' / '-l'."),
        ("shares t.csv --by", "option '--by' requires an argument."),
        ("classify t.csv --backend dask", "a cluster needs --scheduler ADDRESS"),
        ("--versoin", "no option --versoin; did you mean --version?"),
    ],
)
def test_a_wrong_call_is_one_line_with_the_value_and_what_may_have_been_meant(arguments: str, said: str) -> None:
    assert said in told(*arguments.split())


def test_the_line_about_a_wrong_call_gives_the_example_of_that_very_command() -> None:
    assert "for example: ipclass labels show quantum (more: ipclass labels show --help)" in told("labels", "show")
    assert told("nothing").endswith("Usage: ipclass --help")


def test_a_group_without_a_command_shows_its_help_and_ends_with_2() -> None:
    found = ipclass("audit")
    assert found.code == 2
    assert "Usage: ipclass audit" in found.err


def test_a_mistake_in_a_column_or_label_of_the_data_ends_with_1_and_a_suggestion(tmp_path: Path, tiny_model: str) -> None:
    table = write_csv(tmp_path / "in.csv", patents(9))
    found = ipclass("shares", table, "--by", "yaer", "-m", tiny_model, "--method", "cc")
    assert (found.code, len(found.lines)) == (1, 1)
    assert "no column 'yaer'; did you mean 'year'?" in found.err


# Quiet, verbose, colour


def test_verbose_says_what_is_read_and_how_long_it_takes_and_quiet_wins_for_all_but_errors(
    tmp_path: Path, tiny_model: str
) -> None:
    table = write_csv(tmp_path / "in.csv", patents(9))
    lines = ipclass("classify", table, "-o", tmp_path / "a.csv", "-m", tiny_model, "-v").lines
    assert lines[0] == f"{table}: csv, title from title, abstract from abstract"
    assert Model.load(tiny_model).digest[:12] in lines[1]
    assert re.fullmatch(r"took \d+\.\d s, at most [\d,]+ MB of memory", lines[-1])
    assert ipclass("classify", table, "-o", tmp_path / "b.csv", "-m", tiny_model).lines == lines[2:-1]
    assert ipclass("shares", table, "-o", tmp_path / "s.csv", "-m", tiny_model, "--method", "cc", "-q").err == ""
    refused = ipclass("classify", table, "-o", tmp_path / "a.csv", "-m", tiny_model, "-q")
    assert (refused.code, len(refused.lines)) == (1, 1)


def test_verbose_shows_where_a_mistake_was_found(tmp_path: Path) -> None:
    assert "Traceback" in ipclass("classify", tmp_path / "none.csv", "-v").err
    assert "Traceback" not in ipclass("classify", tmp_path / "none.csv").err


def on_a_terminal(*arguments: str, code: int = 2, **variables: str) -> str:
    """Run a command whose output goes to a terminal, and which ends with ``code``; return what it showed there."""
    outer, inner = pty.openpty()
    env = {name: value for name, value in environment().items() if name != "NO_COLOR"} | {"TERM": "xterm-256color"} | variables
    done = subprocess.run([*MAIN, *arguments], stdout=inner, stderr=inner, stdin=subprocess.DEVNULL, env=env, check=False)
    os.close(inner)
    try:
        shown = os.read(outer, 1 << 16).decode()
    except OSError:  # so Linux says that nothing was shown
        shown = ""
    os.close(outer)
    assert done.returncode == code, shown
    return shown


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_there_is_colour_on_a_terminal_only_and_not_where_it_is_unwanted() -> None:
    assert "\x1b[" in on_a_terminal("clasify")
    assert "\x1b[" not in on_a_terminal("clasify", NO_COLOR="1")
    assert "\x1b[" not in on_a_terminal("clasify", TERM="dumb")
    assert "\x1b[" not in ipclass("clasify").err


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("short", "short"),
        ("a sentence that is too long", "a sentence that is\ntoo long"),
        ("a  b  c  d  e  f  a row of a table", "a  b  c  d  e  f  a row of a table"),
        ("label    words that go on", "label    words that\n         go on"),
        ("anindivisiblewordthatistoolong", "anindivisiblewordthatistoolong"),
        ("", ""),
    ],
)
def test_lines_break_between_words_and_rows_of_tables_do_not(line: str, shown: str) -> None:
    assert commands.fitted(line, 20) == shown


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_what_is_said_is_broken_on_a_terminal_and_whole_in_a_pipe() -> None:
    assert len(ipclass("shares", "t.csv", "--method", "x").lines) == 1
    shown = on_a_terminal("shares", "t.csv", "--method", "x", NO_COLOR="1", COLUMNS="60")
    assert len(shown.splitlines()) > 1
    assert all(len(line) <= 60 for line in shown.splitlines())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_documents_are_counted_while_somebody_watches_and_then_summed_up(tmp_path: Path, tiny_model: str) -> None:
    table = str(write_csv(tmp_path / "in.csv", patents(60)))
    command = ("classify", table, "-o", str(tmp_path / "out.csv"), "-m", tiny_model)
    shown = on_a_terminal(*command, code=0, COLUMNS="80")
    counted, summed = shown.rsplit("60 documents: kites 20, looms 20", 1)
    assert "60 documents" in counted
    assert counted.endswith("\x1b[2K")  # the line that counted is gone
    assert "60 documents" not in summed
    assert on_a_terminal(*command, "-q", "--force", code=0) == ""


def test_a_cluster_needs_an_address(tmp_path: Path) -> None:
    found = ipclass("classify", write_csv(tmp_path / "in.csv", patents(3)), "--backend", "dask")
    assert found.code == 2
    assert "a cluster needs --scheduler ADDRESS" in found.err


# Output for machines


def test_commands_that_print_tables_or_facts_print_json_too(tiny_model: str) -> None:
    title, abstract = document("kites", 2)
    found = json.loads(ipclass("explain", title, abstract, "-m", tiny_model, "-n", "2", "--json").out)
    assert (found["primary"], found["labels"]) == ("kites", ["kites"])
    listed = json.loads(ipclass("labels", "list", "-m", tiny_model, "--json").out)
    assert [each["id"] for each in listed] == list(LABELS)
    assert json.loads(ipclass("labels", "show", "looms", "-m", tiny_model, "--json").out)["outside"] == ["A soup"]
    assert json.loads(ipclass("model", "show", "-m", tiny_model, "--json").out)["digest"] == Model.load(tiny_model).digest


# Completion


def offered(line: str) -> list[str]:
    """Return what a shell offers at the end of ``line``."""
    words = shlex.split(line) + ([""] if line.endswith(" ") else [])
    env = {**environment(), "_IPCLASS_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    run = "import sys; sys.argv = ['ipclass']; from ipclass.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", run], env=env, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_the_tab_key_offers_commands_options_choices_labels_and_columns(tmp_path: Path) -> None:
    table = write_csv(tmp_path / "in.csv", patents(3))
    assert offered("ipclass cl") == ["classify"]
    assert "--definition" in offered(f"ipclass shares {table} --def")
    assert offered(f"ipclass shares {table} --method p") == ["pacc", "pcc"]
    assert offered(f"ipclass shares {table} --by year,t") == ["year,title"]


@pytest.mark.parametrize(
    ("given", "incomplete", "found"),
    [
        ({}, "k", ["kites"]),
        ({}, "kites,", ["kites,looms"]),
        ({"model": "nowhere"}, "", []),
    ],
)
def test_labels_are_those_of_the_model_and_each_is_offered_once(
    given: dict[str, str], incomplete: str, found: list[str], tiny_model: str
) -> None:
    assert completion.labels({"model": tiny_model, **given}, incomplete) == found


def test_the_shipped_labels_are_offered_where_no_model_is_named() -> None:
    assert completion.labels({"model": ""}, "") == list(Model.load().labels.ids)


@pytest.mark.parametrize("name", ["in.parquet", "none.csv", "binary.csv", "folder.csv", "not.csv.gz"])
def test_a_table_that_cannot_be_read_offers_nothing_and_no_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "in.parquet").write_bytes(b"PAR1")
    (tmp_path / "binary.csv").write_bytes(b"")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "not.csv.gz").write_bytes(b"no gzip")
    assert completion.columns({"table": str(tmp_path / name)}, "") == []


def test_columns_are_found_in_tsv_and_gzip_and_among_arguments_not_yet_sorted_out(tmp_path: Path) -> None:
    import gzip

    table = write_csv(tmp_path / "in.tsv", patents(3), delimiter="\t")
    packed = tmp_path / "in.csv.gz"
    packed.write_bytes(gzip.compress(b"\xef\xbb\xbfone,two\n1,2\n"))
    assert completion.columns({"table": str(table)}, "y") == ["year"]
    assert completion.columns({"table": None, "rest": [str(packed)]}, "") == ["one", "two"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_installed_for_a_shell(shell: str, tmp_path: Path) -> None:
    env = {**environment(), "HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    run = "import sys; sys.argv = ['ipclass', *sys.argv[1:]]; from ipclass.cli import main; main()"
    shown = subprocess.run(
        [sys.executable, "-c", run, "--show-completion", shell], env=env, capture_output=True, text=True, check=True
    )
    assert "_IPCLASS_COMPLETE" in shown.stdout
    subprocess.run([sys.executable, "-c", run, "--install-completion", shell], env=env, capture_output=True, check=True)
    assert any(path.is_file() and "ipclass" in path.read_text("utf-8") for path in tmp_path.rglob("*"))


def test_label_files_are_completed_as_files_and_labels_to_judge_for_as_labels() -> None:
    offers = {
        (path, param.opts[0]): param._custom_shell_complete is not None
        for path, command in LEAVES.items()
        for param in command.params
    }
    assert offers["ipclass shares", "--label"]
    assert offers["ipclass next", "--for"]
    assert offers["ipclass train", "--for"]
    assert not offers["ipclass train", "--label"]
    assert not offers["ipclass labels doubts", "--label"]


# The same word means the same everywhere


def test_an_option_about_the_table_or_the_model_means_the_same_in_every_command() -> None:
    told: dict[str, set[tuple[str, ...]]] = {}
    for param in (param for command in LEAVES.values() for param in command.params if param.param_type_name == "option"):
        told.setdefault(param.opts[0], set()).add((*param.opts, param.help))
    for name in ("--title", "--abstract", "--id", "--encoding", "--format", "--output-format", "--prefix", "--model"):
        assert len(told[name]) == 1, told[name]
    assert "--input-format" not in told


def test_the_shipped_model_has_a_name_wherever_a_model_is_named(tmp_path: Path) -> None:
    digest = Model.load().digest
    for arguments in (["show"], ["show", "shipped"], ["show", "-m", "shipped"], ["verify", "shipped"], ["verify"]):
        found = ipclass("model", *arguments, "--json")
        assert json.loads(found.out)["digest"] == digest
    table = write_csv(tmp_path / "in.csv", patents(9))
    assert ipclass("classify", table, "-m", "shipped").out == ipclass("classify", table).out
    assert "one model is shown, not a and b" in told("model", "show", "a", "-m", "b")


# What would be lost


@pytest.mark.parametrize(
    "arguments",
    [
        "shares {0} -o {0} --force --method cc",
        "report {0} -o {0} --force --method cc",
        "compare {0} {1} {1} -o {0} --force",
        "next {0} -o {0} --force",
        "audit draw {0} -l kites -o {0} --force",
        "rules {0} --against-model -o {0} --force",
        "classify {0} -o {2}/x.csv --rejects {0} --force",
        "classify {0} -o {2}/x.csv --rejects {2}/link.csv --force",
        "labels agreement {0} {0} -o {0} --force",
    ],
)
def test_a_file_that_is_read_is_never_replaced_by_something_else(arguments: str, tmp_path: Path, tiny_model: str) -> None:
    table = write_csv(tmp_path / "in.csv", patents(9))
    before = table.read_bytes()
    (tmp_path / "link.csv").symlink_to(table)
    found = ipclass(*arguments.format(table, tiny_model, tmp_path).split())
    assert (found.code, len(found.lines)) == (1, 1)
    assert "is read here, and would be lost; write to another file" in found.err
    assert table.read_bytes() == before


def test_a_table_may_be_replaced_by_itself_with_more_columns(tmp_path: Path, tiny_model: str) -> None:
    table = write_csv(tmp_path / "in.csv", patents(9))
    assert ipclass("classify", table, "-o", table, "--force", "-m", tiny_model).code == 0
    assert table.read_text().startswith("publication_number,title,abstract,year,kites,looms,")


# The streams


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize("arguments", [["labels", "list"], ["classify", "{}", "--table"], ["classify", "{}"]])
def test_a_full_disk_behind_standard_output_is_one_line(arguments: list[str], tmp_path: Path, tiny_model: str) -> None:
    table = write_csv(tmp_path / "in.csv", patents(9))
    command = [*MAIN, *(each.format(table) for each in arguments), "-m", tiny_model]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, env=environment(), check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "o space left on device" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="another shell")
def test_closed_streams_are_no_error(tmp_path: Path, tiny_model: str) -> None:
    table = write_csv(tmp_path / "in.csv", patents(9))
    words = shlex.join([*MAIN, "classify", str(table), "-m", tiny_model, "-o", str(tmp_path / "out.csv"), "--force"])
    for closed in ("2>&-", ">&-", "2>&- >&-"):
        assert subprocess.run(["sh", "-c", f"{words} {closed}"], env=environment(), check=False).returncode == 0
        (tmp_path / "out.csv").unlink()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_a_reader_that_has_read_enough_ends_a_command_that_prints_without_a_word(tmp_path: Path, tiny_model: str) -> None:
    table = write_csv(tmp_path / "in.csv", patents(3000))
    command = [*MAIN, "classify", str(table), "--table", "-m", tiny_model]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert (process.stderr.read(), process.wait(30)) == (b"", commands.CLOSED_PIPE)


def test_an_option_that_would_have_no_effect_is_a_wrong_call() -> None:
    assert "a scheduler is that of a cluster: add --backend dask" in told("classify", "t.csv", "--scheduler", "tcp://a:1")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_a_file_that_may_not_be_read_is_a_fault_of_the_data_whatever_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may read everything, as root, is told by ``os.access`` alone that he may not: nothing of it is a wrong call."""
    table = write_csv(tmp_path / "in.csv", patents(9))
    monkeypatch.setattr(os, "access", lambda *_: False)
    for arguments in (["labels", "agreement", table, table], ["judge", table], ["evaluate", table]):
        found = ipclass(*arguments)
        assert (found.code, len(found.lines)) == (1, 1), found.err
