from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipclass.codes import Code, canonical, code, codes_in
from ipclass.errors import LabelError

groups = st.integers(1, 30)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("H04B7/145", Code("H04B", "7", "145")),
        ("h04b 7/145", Code("H04B", "7", "145")),
        ("H04B   7/145 (2013.01)", Code("H04B", "7", "145")),
        (" H04B7/145 (EP,US)", Code("H04B", "7", "145")),
        ("H04B0007/145", Code("H04B", "7", "145")),
        ("H04B0007145000", Code("H04B", "7", "145")),
        ("G06N0003020000", Code("G06N", "3", "02")),
        ("G06N0003000000 20230101", Code("G06N", "3", "00")),
        ("G06N10", Code("G06N", "10")),
        ("G01R", Code("G01R")),
        ("Y10S706/934", Code("Y10S", "706", "934")),
        ("Y10S 706", Code("Y10S", "706")),
        ("H04L2012/5624", Code("H04L", "2012", "5624")),
        ("H04L2012", Code("H04L", "2012")),
        ("G06N-003/08", Code("G06N", "3", "08")),
        ("A61K   9/00", Code("A61K", "9", "00")),
    ],
)
def test_a_code_is_read_in_the_forms_that_databases_use(text: str, read: Code) -> None:
    assert code(text) == read


@pytest.mark.parametrize(
    "text",
    [
        "",
        "H",
        "H04",
        "H4B7/145",
        "Z04B7/145",
        "H04B7/",
        "H04B7/1",
        "H04B7/1234567",
        "H04B7/145X",
        "US10234567B2",
        "nan",
        "706/12",
    ],
)
def test_what_is_no_code_is_refused(text: str) -> None:
    with pytest.raises(LabelError, match="is no CPC or IPC code"):
        code(text)


@given(groups, st.text("123456789", min_size=2, max_size=6))
def test_the_fixed_width_form_is_the_same_code(g: int, s: str) -> None:
    assert code(f"H04B{g:04}{s:0<6}") == code(f"H04B{g}/{s}")


@given(st.text())
def test_any_text_is_a_code_or_refused_in_one_line(text: str) -> None:
    problem = ""
    try:
        read = code(text)
    except LabelError as error:
        problem = str(error)
    assert "\n" not in problem
    assert problem or re.fullmatch("[A-HY][0-9]{2}[A-Z]", read.subclass)


@pytest.mark.parametrize("text", ["G06N3063", "A61M51723", "H04L9085", "G06N306", "C12N1574"])
def test_a_code_that_has_lost_its_slash_is_refused_and_not_guessed(text: str) -> None:
    with pytest.raises(LabelError, match="slash" if len(text) < 9 else "is no CPC or IPC code"):
        code(text)
    assert canonical(text) == ""


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("G06N3/08", ["G06N3/08"]),
        ("G06N 3/08;G06N20/00", ["G06N3/08", "G06N20/00"]),
        ("G06N3/08;;G06N20/00", ["G06N3/08", "G06N20/00"]),
        ("G06N3/08 | H04W  72/04", ["G06N3/08", "H04W72/04"]),
        ("G06N3/08 (EP,US)\nH04W72/04 (EP)", ["G06N3/08", "H04W72/04"]),
        ('["G06N3/08", "H04W72/04"]', ["G06N3/08", "H04W72/04"]),
        ("g06n0003080000;G06N 3/08 (2006.01)", ["G06N3/08"]),
        ("G06N3/08, H04W72/04", ["G06N3/08", "H04W72/04"]),
        ("", []),
        ("nan;4F21S43/237;706/12;US10234567B2", []),
    ],
)
def test_the_codes_of_a_cell_are_found_whatever_stands_between_them(cell: str, found: list[str]) -> None:
    assert codes_in(cell) == found


@given(st.text())
def test_the_canonical_form_is_its_own(text: str) -> None:
    assert canonical(canonical(text)) == canonical(text)
