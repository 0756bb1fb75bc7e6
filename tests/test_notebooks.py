"""The notebooks run from a fresh install, end with charts, and are kept without outputs."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
SECONDS = 120


def names(path: Path) -> str:
    return path.stem


def images(cells: list[Any]) -> int:
    return sum("image/png" in output.get("data", {}) for cell in cells for output in cell.get("outputs", []))


def test_there_are_the_notebooks_that_the_documentation_lists() -> None:
    page = (Path(__file__).parents[1] / "docs" / "howto" / "notebooks.md").read_text("utf-8")
    assert len(NOTEBOOKS) >= 4
    assert all(f"`{path.name}`" in page for path in NOTEBOOKS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    notebook = json.loads(path.read_text("utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert code
    assert not [cell for cell in code if cell["outputs"] or cell["execution_count"]]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # those of the kernel's own libraries
@pytest.mark.parametrize("path", NOTEBOOKS, ids=names)
def test_a_notebook_runs_in_time_and_shows_charts(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    notebook = nbformat.read(path, as_version=4)
    began = time.perf_counter()
    client = NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    assert time.perf_counter() - began < SECONDS
    assert images(notebook.cells) >= 2
    said = [output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not [text for text in said if "Traceback" in text or text.startswith("ipclass: ") or "command not found" in text]
