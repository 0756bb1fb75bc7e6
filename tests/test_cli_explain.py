from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import document, ipclass, judged, write_csv, write_jsonl
from test_trends import ROWS

TITLE, ABSTRACT = document("kites", 71)


@pytest.fixture(scope="module")
def corpus(tiny_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus as if its documents were real patents."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "labels").symlink_to(tiny_corpus / "labels")
    write_jsonl(folder / "authored.jsonl", [{**row, "origin": "representative", "year": 2001} for row in judged()])
    return folder


def test_json_holds_all_terms_and_they_sum_to_the_score(tiny_model: str) -> None:
    found = json.loads(ipclass("explain", TITLE, ABSTRACT, "-m", tiny_model, "--json").out)
    assert found["primary"] == "kites"
    assert found["labels"] == ["kites"]
    assert set(found["explained"]) == {"kites", "looms"}
    own = found["explained"]["kites"]
    assert own["probability"] >= own["threshold"]
    assert own["score"] == pytest.approx(own["intercept"] + sum(value for _, value in own["terms"]))
    assert "nearest" not in found


def test_one_label_alone_is_explained_if_it_is_named(tiny_model: str) -> None:
    lines = ipclass("explain", TITLE, ABSTRACT, "-m", tiny_model, "-l", "looms").out.decode().splitlines()
    assert [line.split()[0] for line in lines] == ["primary:", "looms"]
    found = json.loads(ipclass("explain", TITLE, ABSTRACT, "-m", tiny_model, "-l", "looms", "--json").out)
    assert list(found["explained"]) == ["looms"]


def test_the_nearest_judged_patents_are_shown_with_their_grades(tiny_model: str, corpus: Path) -> None:
    arguments = ["explain", TITLE, ABSTRACT, "-m", tiny_model, "--nearest", "3", "--corpus", corpus]
    lines = ipclass(*arguments).out.decode().splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith("nearest judged patents"))
    assert len(lines[place + 1 :]) == 3
    assert all("kites" in line and "2001" in line for line in lines[place + 1 :])
    found = json.loads(ipclass(*arguments, "--json").out)
    assert [each["id"] for each in found["nearest"]] == [line.split()[0] for line in lines[place + 1 :]]


def test_a_page_is_written_and_not_over_another_unless_forced(tiny_model: str, corpus: Path, tmp_path: Path) -> None:
    page = tmp_path / "why.html"
    arguments = ["explain", TITLE, ABSTRACT, "-m", tiny_model, "--nearest", "2", "--corpus", corpus, "--html", page]
    done = ipclass(*arguments)
    assert (done.code, done.out) == (0, b"")
    assert done.lines == [f"{page}: 2 labels explained"]
    html = page.read_text("utf-8")
    assert html.index("Kites (strict): probability") < html.index("Looms (strict): probability")
    assert "nearest judged patents" in html
    again = ipclass(*arguments)
    assert (again.code, again.lines) == (1, [f"ipclass: {page}: exists; --force replaces it"])
    assert ipclass(*arguments, "--force").code == 0


def test_what_cannot_be_tagged_is_told_in_each_form(tiny_model: str, tmp_path: Path) -> None:
    assert ipclass("explain", "Kite", "-m", tiny_model).out == b"primary: unscored (too short)\n"
    found = json.loads(ipclass("explain", "Kite", "-m", tiny_model, "--json").out)
    assert (found["unscored"], found["explained"]["kites"]["probability"]) == ("too short", None)
    assert ipclass("explain", "Kite", "-m", tiny_model, "--html", tmp_path / "why.html").code == 0
    assert "not tagged: too short" in (tmp_path / "why.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--label", "kits"], "the model has no label 'kits'; did you mean 'kites'?"),
        (["--nearest", "2", "--corpus", "nowhere"], "nowhere"),
        (["--html", "nowhere/why.html"], "its folder does not exist"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], said: str, tiny_model: str) -> None:
    done = ipclass("explain", TITLE, "-m", tiny_model, *arguments)
    assert done.code == 1
    assert len(done.lines) == 1
    assert said in done.lines[0]


def test_drivers_are_told_in_points_of_the_share(tiny_model: str, tmp_path: Path) -> None:
    table = write_csv(tmp_path / "patents.csv", ROWS)
    done = ipclass("drivers", table, "--label", "kites", "-m", tiny_model, "-n", "3")
    lines = done.out.decode().splitlines()
    assert lines[0].startswith("kites, strict: counted share ")
    assert lines[0].endswith(" in 2003-2005")
    assert "points a year" in lines[1]
    assert lines[-1].startswith("240 documents of 6 years; 0 without a year and 0 unscored are left out.")
    found = json.loads(ipclass("drivers", table, "-l", "kites", "-m", tiny_model, "-n", "3", "--json").out)
    assert len(found["rising"]) == 3
    for each in found["rising"]:
        (line,) = [line for line in lines if line[2:30] == f"{each['term']:<28}"]
        assert f"{each['trend'] * 100:+.3f}" in line
        assert line.startswith("*") == each["sure"]


def test_drivers_name_a_column_that_is_not_there(tiny_model: str, tmp_path: Path) -> None:
    table = write_csv(tmp_path / "patents.csv", ROWS)
    done = ipclass("drivers", table, "-l", "kites", "-m", tiny_model, "--year", "yaer")
    assert (done.code, done.lines) == (1, ["ipclass: no column 'yaer'; did you mean 'year'? There are: title, abstract, year"])
    assert ipclass("drivers", table, "-m", tiny_model).code == 2
