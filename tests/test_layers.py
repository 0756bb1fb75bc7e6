from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "ipclass"
SHIPPED_LABELS = ROOT / "corpora" / "frontier" / "labels"

# Each line imports only from its own line, without a circle, and from those above.
LAYERS = (
    "errors writing completion language markup",
    "records text labels scores counts figures calibration scope codes shingles parts",
    "layout blocks parsing rendering containers excel formats",
    "sources sinks workers files inputs model vectorizer rules highlight",
    "estimators audit label_parts highvalue demo active judging population evidence",
    "corpus indicators",
    "training evaluation rowwise inspection neighbours",
    "gate search committees doubts agreement pool judgements",
    "card changes batch component tagger",
    "joining comparing rewriting duplicates comparison gradebook retraining",
    "tagged grouping cells tables table_files indicator_tables frames",
    "audit_table audit_sheet audit_plan audit_draw audit_estimate audit_words picking labelsheets",
    "printed explanations trends report report_charts report_page report_files",
    "commands",
    "cli_demo cli_classify cli_explain cli_rules cli_duplicates cli_shares cli_audit cli_report",
    "cli_next cli_judge cli_quality cli_train cli_labels cli_model",
    "cli",
)
LEVEL = {module: level for level, line in enumerate(LAYERS) for module in line.split()}

# Within ``formats`` too, by the same rule.
FORMATS_LAYERS = (
    "values",
    "batches",
    "profiles rows objects unslashed markup",
    "tabular joined uspto exchange vendor_json",
    "recognition",
    "__init__",
)
FORMATS_LEVEL = {module: level for level, line in enumerate(FORMATS_LAYERS) for module in line.split()}
FORMATS = sorted(path.stem for path in (PACKAGE / "formats").glob("*.py"))
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")
EVERY_MODULE = ["__init__", *MODULES, *(f"formats/{module}" for module in FORMATS)]


def parsed(module: str) -> ast.Module:
    return ast.parse((PACKAGE / f"{module}.py").read_text("utf-8"))


def imported(tree: ast.AST) -> set[str]:
    """Return the modules of the package that ``tree`` imports anywhere, in functions and for type checks too."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("ipclass.")}
        elif isinstance(node, ast.ImportFrom):
            whole = node.module or ""
            if node.level or whole == "ipclass":
                found |= {whole} if node.level and whole else {alias.name for alias in node.names}
            elif whole.startswith("ipclass."):
                found.add(whole.split(".")[1])
    return found


@pytest.mark.parametrize("module", MODULES)
def test_each_module_has_a_layer_and_imports_from_none_above_it(module: str) -> None:
    assert module in LEVEL, f"{module} stands in no layer: give it one in docs and here"
    above = {other for other in imported(parsed(module)) if LEVEL.get(other, len(LAYERS)) > LEVEL[module]}
    assert not above


@pytest.mark.parametrize("module", FORMATS)
def test_each_module_of_formats_has_a_layer_and_imports_from_none_above_it(module: str) -> None:
    tree = parsed(f"formats/{module}")
    assert {LEVEL[other] <= LEVEL["formats"] for other in imported(tree) - {"formats"}} <= {True}
    assert {FORMATS_LEVEL[other] <= FORMATS_LEVEL[module] for other in imported_of_formats(tree)} <= {True}


def imported_of_formats(tree: ast.AST) -> set[str]:
    """Return the modules of ``formats`` that ``tree`` imports anywhere."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "ipclass.formats":
            found |= {alias.name for alias in node.names if alias.name in FORMATS}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ipclass.formats."):
            found.add((node.module or "").split(".")[2])
    return found


def test_modules_of_one_layer_import_each_other_in_one_direction() -> None:
    graph = {module: imported(parsed(module)) for module in MODULES}
    graph["formats"] = set[str]().union(*(imported(parsed(f"formats/{module}")) for module in FORMATS)) - {"formats"}
    try:
        order = list(TopologicalSorter(graph).static_order())
        TopologicalSorter({module: imported_of_formats(parsed(f"formats/{module}")) for module in FORMATS}).prepare()
    except CycleError as error:
        pytest.fail(f"a circle of imports: {error.args[1]}")
    assert order.index("errors") < order.index("cli")


def test_the_package_itself_imports_no_module_before_it_is_asked_for() -> None:
    eager = [node for node in parsed("__init__").body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not imported(ast.Module(list[ast.stmt](eager), []))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from ipclass.cli import main", {"cli"}),
        ("from ipclass import batch, files", {"batch", "files"}),
        ("import ipclass.model", {"model"}),
        ("from .text import terms", {"text"}),
        ("from . import text", {"text"}),
        ("def f():\n    from ipclass.card import card", {"card"}),
        ("import ipclassify\nfrom ipclassify import cli\nimport typing", set()),
    ],
)
def test_the_check_of_imports_sees_every_form_of_import_and_no_other(source: str, found: set[str]) -> None:
    assert imported(ast.parse(source)) == found


def words(text: str) -> list[str]:
    """Return the words of a name or a text: ``has_aiLabel`` is has, ai, label."""
    return re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower())


def code_texts(tree: ast.AST) -> Iterator[str]:
    """Yield every name and text in the code; docstrings, which hold the doctests, are none."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            if isinstance(node.value, str | bytes):
                yield node.value if isinstance(node.value, str) else node.value.decode("latin-1")
        else:
            for field in ("id", "attr", "arg", "name", "asname", "module"):
                value = getattr(node, field, None)
                if isinstance(value, str):
                    yield value


def named(tree: ast.AST, technologies: set[str]) -> set[str]:
    found = set()
    for text in code_texts(tree):
        shown = f" {' '.join(words(text))} "
        found |= {each for each in technologies if f" {' '.join(words(each))} " in shown}
    return found


def technologies() -> set[str]:
    found = set()
    for path in SHIPPED_LABELS.glob("*.toml"):
        found |= {path.stem, tomllib.loads(path.read_text("utf-8"))["name"]}
    return found


@pytest.mark.parametrize("module", EVERY_MODULE)
def test_no_code_names_a_technology_of_the_shipped_corpus(module: str) -> None:
    assert len(technologies()) >= 4
    assert not named(parsed(module), technologies())


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("x = label == 'ai'", {"ai"}),
        ("def is_ai(): ...", {"ai"}),
        ("AI_LABEL = 1", {"ai"}),
        ("print(f'the {x} Brain-computer interface')", {"Brain-computer interface"}),
        ("PATTERN = rb'6G or'", {"6g"}),
        ("def f(x):\n    '''Doctest.\n\n    >>> f('ai')\n    '''", set()),
        ("said = 'aim at a brain and a computer, 16g'", set()),
    ],
)
def test_the_check_of_names_finds_whole_words_in_code_and_not_in_doctests(source: str, found: set[str]) -> None:
    assert named(ast.parse(source), {"ai", "6g", "Brain-computer interface"}) == found
