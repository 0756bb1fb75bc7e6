"""Every cell of the table in docs/formats.md: what is read of which export."""

from __future__ import annotations

from pathlib import Path

import pytest
from reading import read, written
from sources import INVENTED, WRITERS, Patent

from ipclass import formats
from ipclass.records import STANDARD

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"
_TEXTS = "id title abstract"
_ALL = " ".join(STANDARD)

CARRIES = {
    "lens CSV": f"{_TEXTS} family filing_date priority_date publication_date grant_date office kind applicants cpc ipc",
    "lens JSON": _ALL.replace(" applicant_types", ""),
    "bigquery JSON": _ALL.replace(" applicant_types", ""),
    "google CSV": "id title filing_date priority_date publication_date grant_date office kind applicants",
    "uspto XML": _ALL.replace(" family", ""),
    "patentsview TSV": _ALL.replace(" family", "").replace(" priority_date", ""),
    "hupd JSON": f"{_TEXTS} filing_date publication_date grant_date office kind cpc ipc",
    "docdb XML": _ALL.replace(" applicant_types", ""),
    "ops XML": _ALL.replace(" applicant_types", "").replace(" grant_date", ""),
    "ops JSON": _ALL.replace(" applicant_types", "").replace(" grant_date", ""),
    "espacenet CSV": "id title family priority_date publication_date office kind applicants applicant_countries cpc ipc",
    "espacenet XLSX": "id title family priority_date publication_date office kind applicants applicant_countries cpc ipc",
    "patentscope XLS": f"{_TEXTS} filing_date priority_date publication_date office applicants ipc",
    "patentscope CSV": f"{_TEXTS} filing_date priority_date publication_date office applicants ipc",
    "patstat CSV": _ALL,
    "derwent TXT": f"{_TEXTS} family filing_date priority_date publication_date office kind applicants applicant_types ipc",
    "incopat XLSX": _ALL,
    "patsnap XLSX": f"{_TEXTS} family filing_date priority_date publication_date grant_date office kind applicants cpc ipc",
    "cnipa XLSX": f"{_TEXTS} filing_date publication_date office kind applicants ipc",
    "cnipa CSV": f"{_TEXTS} filing_date publication_date office kind applicants ipc",
}


def whole(patent: Patent) -> dict[str, str]:
    """Return what a format that says everything must give."""
    names, countries, types = zip(*patent.applicants, strict=True)
    return {
        "id": patent.id,
        "title": patent.title,
        "abstract": patent.abstract,
        "family": patent.family,
        "filing_date": patent.filing,
        "priority_date": patent.priority,
        "publication_date": patent.publication,
        "grant_date": patent.grant,
        "office": patent.office,
        "kind": patent.kind,
        "applicants": ";".join(names),
        "applicant_countries": ";".join(countries),
        "applicant_types": ";".join(types),
        "cpc": ";".join(patent.cpc),
        "ipc": ";".join(patent.ipc),
    }


# Where a source says something in its own way, and how.
OTHERWISE = {
    ("lens CSV", "family"): lambda patent: min(patent.id, f"WO1999{patent.family[-6:]}A1"),
    ("lens JSON", "family"): lambda patent: min(patent.id, f"WO1999{patent.family[-6:]}A1"),
    ("google CSV", "applicants"): lambda patent: patent.applicants[0][0],
    ("patentscope XLS", "id"): lambda patent: patent.office + patent.number,
    ("patentscope CSV", "id"): lambda patent: patent.office + patent.number,
    ("patentsview TSV", "grant_date"): lambda patent: patent.publication,
    ("patentsview TSV", "applicant_types"): lambda patent: whole(patent)["applicant_types"].replace("university", "enterprise"),
    ("uspto XML", "applicant_types"): lambda patent: whole(patent)["applicant_types"].replace("university", "enterprise"),
    ("derwent TXT", "applicant_types"): lambda patent: ";individual" if "individual" in str(patent.applicants) else "",
    ("derwent TXT", "abstract"): lambda patent: (
        f"{patent.abstract} For invented uses. It is quiet. An INDEPENDENT CLAIM is included for a shop."
    ),
}


def expected(variant: str, field: str, patent: Patent) -> str:
    if field not in CARRIES[variant].split():
        return ""
    return OTHERWISE.get((variant, field), lambda patent: whole(patent)[field])(patent)


@pytest.fixture(scope="module", params=WRITERS)
def variant(request: pytest.FixtureRequest) -> tuple[str, list[dict[str, str]]]:
    """A kind of export, and what was read of it."""
    format, files = written(request.param, INVENTED)
    found, rejects = read(format, files, title_only=True)
    assert not rejects
    return request.param, found


def test_each_export_gives_every_document_in_order(variant: tuple[str, list[dict[str, str]]]) -> None:
    name, found = variant
    assert [row["id"] for row in found] == [expected(name, "id", patent) for patent in INVENTED]


@pytest.mark.parametrize("field", STANDARD)
def test_each_field_is_read_as_the_page_says(variant: tuple[str, list[dict[str, str]]], field: str) -> None:
    name, found = variant
    assert [row[field] for row in found] == [expected(name, field, patent) for patent in INVENTED]


def test_what_an_export_carries_is_tested_with_a_value_of_its_own(variant: tuple[str, list[dict[str, str]]]) -> None:
    name, found = variant
    never = [field for field in CARRIES[name].split() if not any(row[field] for row in found)]
    assert not never


def test_every_format_is_in_the_table_and_no_other() -> None:
    assert {variant.split()[0] for variant in CARRIES} == set(formats.NAMES)
    assert list(CARRIES) == list(WRITERS)


def matrix() -> str:
    """Return the table of docs/formats.md."""
    shown = {name: name.replace("applicant_", "").replace("_date", "").replace("_", " ") for name in STANDARD}
    lines = [["", *shown.values()], ["---", *[":-:"] * len(STANDARD)]]
    for variant, fields in CARRIES.items():
        lines.append(
            [f"`{variant.split()[0]}` {variant.split()[1]}", *("x" if name in fields.split() else "" for name in STANDARD)]
        )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def test_the_page_shows_the_table_that_is_tested() -> None:
    assert matrix() in PAGE.read_text("utf-8")


if __name__ == "__main__":
    print(matrix())
