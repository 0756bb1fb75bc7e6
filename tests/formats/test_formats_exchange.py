"""DOCDB and OPS: namespaces, schemes of codes, repeated parties, languages, and lists of one."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from reading import read, reasons, row, rows
from sources import (
    DOCDB_HEAD,
    DOCDB_TAIL,
    INVENTED,
    docdb,
    docdb_document,
    ops_answer,
    ops_json,
    ops_object,
    ops_xml,
)

KITE, LOOM = INVENTED


def exchange(*documents: str) -> str:
    return DOCDB_HEAD + "".join(documents) + DOCDB_TAIL


def test_of_all_schemes_only_the_cpc_counts_and_each_symbol_once() -> None:
    content = exchange(docdb_document(KITE))
    assert 'scheme="FI"' in content
    assert 'scheme="FTERM"' in content
    assert row("docdb", content)["cpc"] == "G06N3/08;A63H27/08;G05B13/027"


@pytest.mark.parametrize("scheme", ["CPC", "CPCI", "CPCNO"])
def test_every_name_of_the_cpc_is_known(scheme: str) -> None:
    assert row("docdb", exchange(docdb_document(LOOM)).replace("CPCI", scheme))["cpc"] == "D03D49/24"


def test_the_english_text_is_taken_or_else_the_first() -> None:
    content = exchange(docdb_document(KITE))
    assert row("docdb", content)["title"] == KITE.title
    without = content.replace('lang="en"', 'lang="ko"')
    assert row("docdb", without)["title"] == KITE.titles["de"]
    assert row("docdb", without)["abstract"] == "Ceci est une invention imaginaire."


def test_a_party_that_is_given_in_several_forms_counts_once() -> None:
    found = row("docdb", exchange(docdb_document(LOOM)))
    assert (found["applicants"], found["applicant_countries"]) == ("Doe Weaving GmbH;DOE, JANE", "DE;FR")
    assert "ORIGINAL" not in found["applicants"]
    assert row("docdb", content_with_original_only())["applicants"] == "DOE WEAVING GMBH (ORIGINAL);DOE, JANE (ORIGINAL)"


def content_with_original_only() -> str:
    content = exchange(docdb_document(LOOM))
    start, end = content.index("<exch:applicant "), content.index('<exch:applicant sequence="1" data-format="original"')
    return content[:start] + content[end:]


def test_any_prefix_and_none_are_the_same() -> None:
    content = exchange(docdb_document(KITE))
    expected = row("docdb", content)
    assert row("docdb", content.replace("exch:", "x-y.z:").replace(":exch=", ":x-y.z=")) == expected
    assert row("docdb", content.replace("exch:", "").replace(":exch=", "=")) == expected
    alone = docdb_document(KITE).replace("exch:", "")
    space = 'xmlns="http://www.epo.org/exchange" '
    assert row("docdb", alone.replace("<exchange-document ", f"<exchange-document {space}")) == expected
    quoted = docdb_document(replace(KITE, title=f"A kite with {space}")).replace("exch:", "")
    assert row("docdb", quoted)["title"] == f"A kite with {space}".strip()


def test_a_broken_document_within_a_file_costs_only_itself() -> None:
    documents = [docdb_document(replace(KITE, number=f"2019099900{n}")) for n in range(4)]
    documents[1] = documents[1].replace("</exch:parties>", "")
    documents[2] = documents[2].replace("</exch:exchange-document>", "")
    found, rejects = read("docdb", {"x.xml": exchange(*documents).encode()})
    assert [each["id"] for each in found] == ["US20190999000A1", "US20190999003A1"]
    assert [each.place for each in rejects] == ["document 2", "document 3"]


def test_a_deleted_document_is_said_to_be_one() -> None:
    assert reasons("docdb", exchange(docdb_document(KITE).replace('status="A"', 'status="D"'))) == [
        "document 1: holds nothing: its status is 'D'"
    ]


def test_a_file_without_documents_says_so() -> None:
    assert reasons("docdb", exchange()) == ["document 1: the file holds no document"]


def test_old_ipc_symbols_are_read_where_there_are_no_others() -> None:
    start = "<exch:classification-ipc><edition>7</edition><text>A63H  27/08</text></exch:classification-ipc>"
    codes = "<exch:patent-classifications>"
    content = exchange(docdb_document(replace(KITE, ipc=())).replace(codes, start + codes))
    assert row("docdb", content)["ipc"] == "A63H27/08"


def test_an_encoding_declared_for_the_file_holds_for_each_document() -> None:
    text = exchange(docdb_document(replace(KITE, title="Drachen für Böen"))).replace("UTF-8", "ISO-8859-1")
    assert row("docdb", text.encode("iso-8859-1"))["title"] == "Drachen für Böen"


def test_ops_says_the_same_in_xml_and_json() -> None:
    assert rows("ops", ops_xml(INVENTED)) == rows("ops", ops_json(INVENTED))
    assert rows("docdb", docdb(INVENTED))[0] == rows("ops", ops_json(INVENTED))[0]


def test_one_document_is_an_object_several_are_a_list() -> None:
    one, two = (ops_object(each) for each in INVENTED)
    for shape, n in ((one, 1), ([one], 1), ([one, two], 2)):
        assert len(rows("ops", {"x.json": json.dumps(ops_answer(shape)).encode()})) == n


def test_answers_to_searches_hold_their_documents_deeper_and_in_other_lists() -> None:
    documents = [{"exchange-document": ops_object(each)} for each in INVENTED]
    answer = {"ops:world-patent-data": {"ops:biblio-search": {"ops:search-result": {"exchange-documents": documents}}}}
    assert len(rows("ops", {"x.json": json.dumps(answer).encode()})) == 2
    pages = b"\n".join(json.dumps(ops_answer(ops_object(each))).encode() for each in INVENTED)
    assert len(rows("ops", {"pages.jsonl": pages})) == 2


def test_countries_stand_behind_the_names_and_offices_repeat_the_codes() -> None:
    [found] = rows("ops", ops_json([KITE]))
    assert (found["applicants"], found["applicant_countries"]) == ("Kite & Bridle, Inc.;Invented University", "US;CH")
    assert found["cpc"] == "G06N3/08;A63H27/08;G05B13/027"


def test_a_document_that_was_not_found_is_said_to_be_none() -> None:
    answer = ops_answer({"@country": "EP", "@doc-number": "9", "@kind": "A1", "@status": "not found"})
    assert reasons("ops", json.dumps(answer)) == ["document 1: holds nothing: its status is 'not found'"]


def test_an_error_of_the_service_is_no_document() -> None:
    assert reasons("ops", "<error><code>404</code><message>SERVER.EntityNotFound</message></error>") == [
        "document 1: the file holds no document"
    ]
    assert reasons("ops", '{"error": {"code": 404}}') == ["document 1: the file holds no document"]


def test_json_that_no_xml_can_say_is_rejected_and_not_a_crash() -> None:
    strange = {**ops_object(KITE), "a b": {"$": "x"}, "": 1, "@": 2, "x": {"$": "\ud800\uffff\0"}}
    found, rejects = read("ops", {"x.json": json.dumps(ops_answer(strange)).encode()})
    assert len(found) + len(rejects) == 1


def test_a_broken_line_among_answers_costs_only_itself() -> None:
    good = json.dumps(ops_answer(ops_object(KITE)))
    found, rejects = read("ops", {"x.json": f"{good}\n{good[:-5]}\n{good}\n".encode()})
    assert (len(found), [each.place for each in rejects]) == (2, ["document 2"])


def test_an_answer_with_too_many_parts_is_rejected() -> None:
    wide = {**ops_object(KITE), "a": [{"$": "x"}] * 200_001}
    assert reasons("ops", json.dumps(ops_answer([wide, ops_object(KITE)]))) == [
        "document 1: holds what no XML can: more than 200,000 elements"
    ]


def test_a_document_that_says_nothing_is_rejected() -> None:
    for empty in ("<exch:exchange-document></exch:exchange-document>", "<exch:exchange-document/>"):
        assert reasons("docdb", exchange(empty)) == ["document 1: has neither number nor bibliographic data"]
    missing = '<exch:exchange-document country="EP" doc-number="9" kind="A1" status="not found"/>'
    assert reasons("ops", exchange(missing)) == ["document 1: holds nothing: its status is 'not found'"]


def test_a_document_without_an_end_says_so() -> None:
    assert reasons("docdb", exchange('<exch:exchange-document country="EP">')) == [
        "document 1: has no end: the file is cut off, or </exchange-document> is missing"
    ]


def test_an_abstract_alone_is_a_document() -> None:
    answer = ops_answer(
        {"@country": "EP", "@doc-number": "999", "@kind": "A1", "abstract": {"@lang": "en", "p": {"$": "A kite."}}}
    )
    found = row("ops", json.dumps(answer))
    assert (found["id"], found["title"], found["abstract"]) == ("EP999A1", "", "A kite.")
