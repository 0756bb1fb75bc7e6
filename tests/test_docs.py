"""The documentation is true: what it shows runs and prints what it says, and it leaves nothing out."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pages
import pytest
import reference
import typer
import yaml

from ipclass import cli

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
GENERATED = DOCS / "reference" / "cli.md"
PAGES = [ROOT / "README.md", *sorted(path for path in DOCS.rglob("*.md") if path != GENERATED)]
NOT_RUN = 14
"""How many blocks of all pages are only shown. Each says why; raise this only for what cannot run anywhere."""


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text_of(path: Path) -> str:
    return path.read_text("utf-8")


# What is shown is true


@pytest.mark.parametrize("path", [path for path in PAGES if pages.blocks(text_of(path))], ids=named)
def test_the_blocks_of_a_page_run_in_order_and_print_what_it_says(path: Path) -> None:
    for ran in pages.run(text_of(path)):
        assert not ran.wrong, (
            f"{named(path)}, line {ran.block.line}: {ran.wrong}\n(python tools/pages.py --write {named(path)})"
        )


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_fence_is_seen_and_every_block_that_is_not_run_says_why(path: Path) -> None:
    page = text_of(path)
    found = pages.blocks(page)
    seen = 2 * sum(2 if block.output else 1 for block in found)
    assert len(re.findall(r"^\s*```", page, re.MULTILINE)) == seen, "a fence is indented or not closed"
    assert all(block.mark == "" or block.reason or block.mark.startswith("exit ") for block in found)


def test_few_blocks_are_only_shown() -> None:
    shown = [(named(path), block.line) for path in PAGES for block in pages.blocks(text_of(path)) if block.reason]
    assert len(shown) == NOT_RUN, shown


def test_most_blocks_that_run_are_compared_with_what_they_print() -> None:
    run = [block for path in PAGES for block in pages.blocks(text_of(path)) if block.language in pages.RUN and not block.reason]
    assert len(run) > 60
    assert sum(block.output is not None for block in run) > 0.6 * len(run)


# The check itself


PAGE = """
```sh
echo one
echo two
```

```text
one
{second}
```

<!-- exit 3 -->
```sh
exit {code}
```

<!-- not run: {reason} -->
```sh
false
```

```text title="deep/note.txt"
hello
```

```python
from pathlib import Path
print(Path("deep/note.txt").read_text(), end="")
x = 1
```

```
hello
```

```python
print(x + 1)
```

```
2
```
"""


def wrongs(page: str) -> list[str]:
    return [ran.wrong for ran in pages.run(page) if ran.wrong]


def test_a_page_that_is_true_passes_and_each_kind_of_lie_is_found() -> None:
    true = {"second": "two", "code": "3", "reason": "it fails"}
    assert wrongs(PAGE.format(**true)) == []
    assert [block.reason for block in pages.blocks(PAGE.format(**true)) if block.reason] == ["it fails"]
    assert "prints\none\ntwo" in wrongs(PAGE.format(**{**true, "second": "three"}))[0]
    assert wrongs(PAGE.format(**{**true, "second": "t...o"})) == []
    assert "ended with 0, not 3" in wrongs(PAGE.format(**{**true, "code": "0"}))[0]
    assert "ended with 1, not 0" in wrongs("```sh\nfalse\n```\n")[0]
    assert "before the last" in wrongs("```sh\nfalse\ntrue\n```\n")[0]
    with pytest.raises(ZeroDivisionError):
        wrongs("```python\n1 / 0\n```\n")


def test_a_pipe_is_run_as_in_a_shell() -> None:
    page = "```sh\nipclass labels list | head -1 | cut -c1-2\nipclass labels show quantom | cat\n```\n\n```\n{}\n...\n```\n"
    assert wrongs(page.format("6g\nipclass: ... did you mean 'quantum'?...")) == []
    assert wrongs(page.format("ai\nipclass: ..."))


@pytest.mark.parametrize(
    ("shown", "printed", "fit"),
    [
        ("a\n", "a  \n", True),
        ("a\n", "a\nb\n", False),
        ("a\n...\n", "a\n", True),
        ("a\n...\nc\n", "a\nb\nb\nc\n", True),
        ("a\n...\nc\n", "a\nb\nb\n", False),
        ("took ... s\n", "took 1.2 s\n", True),
        ("1.5\n", "195\n", False),
        ("", "", True),
    ],
)
def test_dots_stand_for_anything_and_nothing_else_does(shown: str, printed: str, fit: bool) -> None:
    assert pages.fits(shown, printed) is fit


@pytest.mark.parametrize(
    ("shown", "printed", "mended"),
    [
        ("1\n", "2\n", "2\n"),
        ("1\n...\n", "2\n3\n4\n", "2\n...\n"),
        ("1\n...\n9\n", "2\n3\n4\n", "2\n...\n4\n"),
        ("took ... s\n1\n", "took 3 s\n2\n", "took ... s\n2\n"),
        ("1\n", "2\n3\n", "2\n3\n"),
    ],
)
def test_a_mended_page_shows_what_was_printed_and_leaves_out_what_was_left_out(shown: str, printed: str, mended: str) -> None:
    assert pages.mended(shown, printed) == mended
    assert pages.fits(mended, printed)


# Nothing is left out


COMMANDS = dict(reference.leaves(typer.main.get_command(cli.app)))


def test_the_page_of_the_command_line_is_what_the_program_says_of_itself() -> None:
    assert text_of(GENERATED) == reference.page(), "run: make reference"


@pytest.mark.parametrize("path", COMMANDS)
def test_a_command_and_its_options_stand_in_the_reference_and_the_command_in_a_page_that_people_wrote(path: str) -> None:
    (section,) = re.findall(rf"^## {path}\n(.*?)(?=^## |\Z)", text_of(GENERATED), re.MULTILINE | re.DOTALL)
    missing = [
        name for param in COMMANDS[path].params for name in param.opts if name.startswith("--") and f"`{name}`" not in section
    ]
    assert set(missing) <= {"--quiet", "--verbose", "--help"}
    assert any(path in text_of(page) for page in PAGES), f"no page but the reference mentions {path}"


def test_pages_name_no_option_that_no_command_has() -> None:
    known = {name for command in COMMANDS.values() for param in command.params for name in param.opts}
    known |= {name for param in typer.main.get_command(cli.app).params for name in param.opts}
    foreign = {"--block-size"}  # of ls
    for path in (*PAGES, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"):
        named_there = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text_of(path)))
        assert named_there <= known | foreign, f"{named(path)}: {named_there - known - foreign}"


def test_every_module_that_the_reference_names_exists_and_the_public_names_are_in_it() -> None:
    named_there = set(re.findall(r"^::: ipclass\.(\w+)", text_of(DOCS / "reference" / "python.md"), re.MULTILINE))
    modules = {path.stem for path in (ROOT / "ipclass").glob("*.py")}
    assert named_there <= modules
    assert {"model", "records", "estimators", "audit", "indicators", "errors"} <= named_there


def test_every_page_is_in_the_navigation_and_says_something() -> None:
    # mkdocs has tags of its own in its file, which plain YAML does not know; ours uses none
    listed = set(re.findall(r"[\w/-]+\.md", str(yaml.safe_load(text_of(ROOT / "mkdocs.yml"))["nav"])))
    assert listed == {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}


# The site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation as a site, built as strictly as mkdocs can: a link or an anchor that leads nowhere ends it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-W", "ignore", "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_site_builds_strictly_and_loads_nothing_from_elsewhere(site: Path) -> None:
    built = list(site.rglob("*.html"))
    assert len(built) >= len(list(DOCS.rglob("*.md")))
    for page in built:
        content = page.read_text("utf-8")
        loaded = re.findall(r'<(?:script|img|iframe|source)\b[^>]*\bsrc="?(\S+?)["\s>]', content)
        loaded += re.findall(r'<link\b[^>]*rel="?(?:stylesheet|preconnect|preload)"?[^>]*href="?(\S+?)["\s>]', content)
        assert not [address for address in loaded if re.match(r"(https?:)?//", address)], page


def test_formulas_are_there_without_a_script(site: Path) -> None:
    method = (site / "method.html").read_text("utf-8")
    assert method.count('display="block"') >= 20
    assert "arithmatex" not in method
    assert not [made for made in re.findall(r"<math.*?</math>", method, re.DOTALL) if "\\" in made]


def test_the_reference_of_python_is_made_of_docstrings(site: Path) -> None:
    page = (site / "reference" / "python.html").read_text("utf-8")
    assert "Raises:" in page
    assert 'id="ipclass.estimators.estimate"' in page
    assert 'id="ipclass.audit.plan"' in page


def test_links_of_the_readme_lead_to_files() -> None:
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "benchmarks" / "README.md"):
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text_of(path)):
            assert re.match(r"https?://", target) or (path.parent / target).exists(), f"{named(path)}: {target}"


# Citation


def test_the_citation_is_of_this_version_and_has_what_the_format_asks_for() -> None:
    cited = yaml.safe_load(text_of(ROOT / "CITATION.cff"))
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    assert cited["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(cited)
    assert all("name" in author or "family-names" in author for author in cited["authors"])
    assert (cited["version"], cited["license"]) == (project["version"], project["license"])
    assert cited["type"] in ("software", "dataset")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", str(cited["date-released"]))


def test_the_changes_of_this_version_stand_first() -> None:
    version = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]["version"]
    headings = re.findall(r"^## (\S+)", text_of(ROOT / "CHANGELOG.md"), re.MULTILINE)
    assert headings[0] == version


def test_the_licence_lies_where_the_wheel_takes_it_from() -> None:
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    assert (project["license"], project["license-files"]) == ("MIT", ["LICENSE"])
    licence = text_of(ROOT / "LICENSE")
    assert licence.startswith("MIT License\n")
    assert "the ipclass authors" in licence
