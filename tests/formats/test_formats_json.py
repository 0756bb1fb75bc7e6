"""Lens, BigQuery and HUPD in JSON: integers for dates, languages, codes without slash, and the shapes of JSON files."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from reading import inputs_of, read, reasons, row, rows
from sources import INVENTED, bigquery_jsonl, bigquery_object, hupd_object, lens_object

from ipclass import formats

KITE, LOOM = INVENTED


def said(found: Any) -> str:
    return json.dumps(found, ensure_ascii=False)


# BigQuery


def test_a_date_of_0_is_none_and_integers_may_be_texts() -> None:
    found = row("bigquery", said({**bigquery_object(KITE), "grant_date": 0, "priority_date": "0", "filing_date": "20170314"}))
    assert (found["grant_date"], found["priority_date"], found["filing_date"]) == ("", "", "2017-03-14")


def test_the_english_text_is_taken_or_else_the_first_that_is_not_empty() -> None:
    texts = [{"text": "", "language": "en"}, {"text": "Drachen", "language": "de"}, {"text": "Kite", "language": "en"}]
    assert row("bigquery", said({**bigquery_object(KITE), "title_localized": texts}))["title"] == "Kite"
    assert row("bigquery", said({**bigquery_object(KITE), "title_localized": texts[:2]}))["title"] == "Drachen"
    assert row("bigquery", said({**bigquery_object(KITE), "title_localized": []}))["title"] == ""


def test_no_family_is_written_as_minus_one() -> None:
    assert row("bigquery", said(bigquery_object(replace(KITE, family=""))))["family"] == ""


def test_harmonised_assignees_are_taken_or_else_the_others() -> None:
    found = row("bigquery", said({**bigquery_object(LOOM), "assignee_harmonized": []}))
    assert (found["applicants"], found["applicant_countries"]) == ("Doe Weaving GmbH;DOE, JANE", "")


def test_fields_that_were_not_selected_are_empty() -> None:
    found = row(
        "bigquery", said({"publication_number": "US-9-B2", "abstract_localized": {"text": "A kite.", "language": "en"}})
    )
    assert (found["id"], found["abstract"], found["cpc"]) == ("US9B2", "A kite.", "")


# Lens


def test_lens_answers_hold_their_documents_in_a_list() -> None:
    answer = {"total": 2, "data": [lens_object(each) for each in INVENTED], "results": 2}
    assert [each["id"] for each in rows("lens", {"x.json": said(answer).encode()})] == [each.id for each in INVENTED]


def test_lens_grants_are_known_by_their_type_or_their_legal_status() -> None:
    assert row("lens", said(lens_object(LOOM)))["grant_date"] == LOOM.publication
    assert row("lens", said({**lens_object(KITE), "legal_status": {"grant_date": "2020-05-03"}}))["grant_date"] == "2020-05-03"


# HUPD


def test_codes_get_their_slash_back_and_those_in_doubt_stay_coarse() -> None:
    found = row(
        "hupd", said({**hupd_object(KITE), "main_cpc_label": "G06N3063", "cpc_labels": ["G06N3063", "A61M51723", "H04L2012"]})
    )
    assert found["cpc"] == "G06N3/063;A61M5/1723;H04L"


def test_a_publication_number_loses_the_date_behind_it() -> None:
    assert row("hupd", said({**hupd_object(KITE), "publication_number": "US20160999001A1-20160630"}))["id"] == "US20160999001A1"


def test_one_file_an_application_costs_one_document_if_it_is_broken() -> None:
    files = {f"{n}.json": said(hupd_object(KITE)).encode() for n in range(4)} | {"broken.json": b'{"title": "A ki'}
    found, rejects = read("hupd", files)
    assert len(found) == 4
    assert [(each.file, each.place) for each in rejects] == [("broken.json", "document 1")]


# Shapes


def shapes(objects: list[dict[str, Any]]) -> dict[str, bytes]:
    lines = "\n".join(map(said, objects))
    return {
        "lines": lines.encode(),
        "lines that end in CR LF": lines.replace("\n", "\r\n").encode(),
        "lines with blank ones": f"\n\n{lines}\n \n\n".encode(),
        "lines with a mark": lines.encode("utf-8-sig"),
        "UTF-16": f"{lines}\n".encode("utf-16"),
        "an array": said(objects).encode(),
        "an indented array": json.dumps(objects, indent=2).encode(),
    }


@pytest.mark.parametrize("name", shapes([]))
def test_json_is_read_in_each_of_its_shapes(name: str) -> None:
    content = shapes([bigquery_object(each) for each in INVENTED])[name]
    assert [each["id"] for each in rows("bigquery", {"x": content})] == [each.id for each in INVENTED]


def test_utf_16_is_read_where_it_takes_less_room_than_utf_8() -> None:
    chinese = replace(KITE, abstract="风筝在风中飞。" * 40_000)
    text = "".join(f"{said(bigquery_object(each))}\n" for each in (chinese, KITE, chinese))
    assert [len(each["abstract"]) for each in rows("bigquery", {"x": text.encode("utf-16")})] == [
        280_000,
        len(KITE.abstract),
        280_000,
    ]


def test_a_broken_line_costs_only_itself_even_if_it_is_the_first() -> None:
    good = said(bigquery_object(KITE))
    content = "\n".join([good[:-9], good, '"text"', "[1, 2]", good, "null", good + "}", good])
    found, rejects = read("bigquery", {"x": content.encode()})
    assert len(found) == 3
    assert [each.place for each in rejects] == [f"document {n}" for n in (1, 3, 4, 6, 7)]


def test_what_is_no_object_in_an_array_is_rejected() -> None:
    array = [bigquery_object(KITE), 1, None, [], bigquery_object(LOOM)]
    found, rejects = read("bigquery", {"x": json.dumps(array).encode()})
    assert (len(found), [each.place for each in rejects]) == (2, ["document 2", "document 3", "document 4"])


@pytest.mark.parametrize("depth", [900, 200_000])
def test_json_nested_too_deeply_is_rejected(depth: int) -> None:
    content = '{"publication_number": ' + "[" * depth + "]" * depth + "}"
    found, rejects = read("bigquery", {"x": content.encode()})
    assert len(found) + len(rejects) == 1


def test_halves_of_surrogate_pairs_are_replaced() -> None:
    line = said({**bigquery_object(KITE), "abstract_localized": {"text": "KITE"}})
    found = row("bigquery", line.replace('"KITE"', r'"a \ud83d kite \ud83e\ude81"'))
    assert found["abstract"] == "a \ufffd kite \U0001fa81"


def test_values_of_other_types_than_expected_are_no_crash() -> None:
    for value in (None, 1, 1.5, float("nan"), True, "x", [], {}, [[]], [None], [{}], {"a": {"b": []}}, ["x", 1, None]):
        for make, format in ((bigquery_object, "bigquery"), (lens_object, "lens"), (hupd_object, "hupd")):
            strange = dict.fromkeys(make(KITE), value)
            found, rejects = read(format, {"x": json.dumps(strange).encode()})
            assert len(found) + len(rejects) >= 1
            for name in make(KITE):
                read(format, {"x": json.dumps({**make(KITE), name: value}).encode()})


def test_a_line_that_is_too_long_costs_only_itself() -> None:
    from ipclass.formats.batches import LARGEST

    good = said(bigquery_object(KITE))
    long = said({**bigquery_object(KITE), "description_localized": [{"text": "x" * LARGEST}]})
    found, rejects = read("bigquery", {"x": f"{good}\n{long}\n{good}\n".encode()})
    assert (len(found), [each.place for each in rejects]) == (2, ["document 2"])


def test_an_array_too_large_to_be_read_whole_says_what_to_do() -> None:
    from ipclass.formats.batches import LARGEST_WHOLE

    [reason] = reasons("bigquery", "[\n" + " " * LARGEST_WHOLE + "]")
    assert reason == "document 1: is a JSON array too large to be read; write an object a line"


def test_documents_come_in_batches_as_the_file_is_read() -> None:
    content = bigquery_jsonl([KITE] * 4_100)
    assert [batch.frame.height for batch in formats.read("bigquery", inputs_of(content))] == [2_000, 2_000, 100]


def test_a_line_of_too_many_values_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    from ipclass.formats import objects

    monkeypatch.setattr(objects, "_MOST_VALUES", 500)
    good = said(bigquery_object(KITE))
    many = said({**bigquery_object(KITE), "citation": [{}] * 500})
    found, rejects = read("bigquery", {"x": f"{good}\n{many}\n".encode()})
    assert (len(found), [each.reason for each in rejects]) == (1, ["holds more than 500 values"])
