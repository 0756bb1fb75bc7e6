from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import ipclass
from ipclass import frames

MODULES = {path.stem for path in Path(ipclass.__file__).parent.glob("*.py")}


def test_all_that_the_package_names_can_be_had_from_it() -> None:
    for name in ipclass.__all__:
        assert getattr(ipclass, name).__name__ == name
        assert name in dir(ipclass)


def test_no_module_has_the_name_of_what_the_package_offers() -> None:
    """Importing such a module would put it in the place of the function."""
    assert not MODULES & set(ipclass.__all__)
    assert ipclass.shares is frames.shares


def test_the_version_is_that_of_the_command_line() -> None:
    assert ipclass.__version__ == version("ipclass")


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'clasify'"):
        _ = ipclass.clasify


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, ipclass; print(*sorted(set(sys.modules) & {'numpy', 'polars', 'spacy', 'sklearn', 'typer'}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout.split() == []
