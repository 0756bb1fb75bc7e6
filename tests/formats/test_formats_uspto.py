"""XML of the USPTO: its quirks, and what a broken document costs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reading import inputs_of, read, reasons, row, rows
from sources import INVENTED, uspto, uspto_document

from ipclass import formats

APPLICATION, GRANT = INVENTED


def weekly(*documents: str) -> bytes:
    return "".join(documents).encode()


def grants(n: int) -> list[str]:
    return [uspto_document(replace(GRANT, number=str(99_000_000 + each))) for each in range(n)]


def test_a_weekly_file_holds_many_documents_one_after_the_other() -> None:
    found = rows("uspto", {"ipg.xml": weekly(*grants(7))})
    assert [each["id"] for each in found] == [f"US{99_000_000 + n}B2" for n in range(7)]


def test_a_file_of_one_document_may_lack_its_declaration() -> None:
    document = uspto_document(GRANT)
    bare = document[document.index("<us-patent-grant") :]
    assert row("uspto", bare)["id"] == row("uspto", document)["id"] == GRANT.id
    assert len(rows("uspto", {"x.xml": weekly(bare, bare, document, bare)})) == 4


@pytest.mark.parametrize("cut", [1, 100, 4096])
def test_documents_are_found_wherever_the_chunks_of_a_file_end(cut: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from ipclass.formats import markup

    monkeypatch.setattr(markup, "_CHUNK", cut)
    assert len(rows("uspto", {"x.xml": weekly(*grants(3))})) == 3


def test_codes_of_the_field_of_search_and_of_citations_are_not_the_documents_own() -> None:
    found = row("uspto", uspto_document(GRANT))
    assert "H04B10/70" in uspto_document(GRANT).replace(" ", "")
    assert (found["cpc"], found["ipc"]) == ("D03D49/24", "D03D49/24")


def test_marked_up_words_stay_whole_and_paragraphs_apart() -> None:
    abstract = (
        '<p id="p-1">H<sub>2</sub>O and <b>E</b>. <i>coli</i> at 10<sup>3</sup> rpm;</p>\n'
        "<p>a list:<ul><li>one</li><li>two</li></ul></p><?page-break?><!-- no text -->"
    )
    found = row("uspto", uspto_document(GRANT, abstract))
    assert found["abstract"] == "H2O and E. coli at 103 rpm; a list: one two"


@pytest.mark.parametrize(
    ("entity", "sign"), [("&#x2014;", "—"), ("&#945;", "α"), ("&amp;", "&"), ("&lt;", "<"), ("&mdash;", "—"), ("&thinsp;", "")]
)
def test_signs_written_as_entities_are_read(entity: str, sign: str) -> None:
    assert row("uspto", uspto_document(GRANT, f"<p>a kite{entity}</p>"))["abstract"] == f"a kite{sign}"


def test_a_grant_has_its_date_of_grant_and_an_application_none() -> None:
    assert row("uspto", uspto_document(GRANT))["grant_date"] == GRANT.grant
    assert row("uspto", uspto_document(APPLICATION))["grant_date"] == ""


def test_priority_is_the_earliest_of_foreign_and_provisional_applications() -> None:
    provisional = (
        "<us-related-documents><us-provisional-application><document-id><country>US</country><doc-number>99</doc-number>"
        "<date>20130909</date></document-id></us-provisional-application><continuation><relation><parent-doc><document-id>"
        "<date>20010101</date></document-id></parent-doc></relation></continuation></us-related-documents>"
    )
    document = uspto_document(GRANT).replace("<us-parties>", f"{provisional}<us-parties>")
    assert row("uspto", document)["priority_date"] == "2013-09-09"


def test_an_assignee_may_have_no_address_book_and_a_design_no_abstract() -> None:
    design = uspto_document(replace(GRANT, number="D0999001", kind="S1", cpc=(), ipc=()))
    start, end = design.index("<assignees>"), design.index("</assignees>")
    design = f"{design[:start]}<assignees><assignee><orgname>Kites Ltd</orgname><role>03</role></assignee>{design[end:]}"
    design = design[: design.index("<abstract")] + design[design.index("</abstract>") + len("</abstract>") :]
    found = row("uspto", design)
    assert (found["id"], found["abstract"], found["cpc"]) == ("USD999001S1", "", "")
    assert (found["applicants"], found["applicant_types"]) == ("Kites Ltd", "enterprise")


def test_without_assignees_the_applicants_count_who_have_no_type() -> None:
    document = uspto_document(GRANT)
    start, end = document.index("<assignees>"), document.index("</assignees>") + len("</assignees>")
    applicant = (
        '<us-applicants><us-applicant sequence="001"><addressbook><last-name>Doe</last-name><first-name>Jane</first-name>'
        "<address><country>FR</country></address></addressbook></us-applicant></us-applicants>"
    )
    document = document[:start] + document[end:]
    found = row("uspto", document.replace("<us-parties>", f"<us-parties>{applicant}"))
    assert (found["applicants"], found["applicant_countries"], found["applicant_types"]) == ("Doe, Jane", "FR", "")


def test_codes_of_the_seventh_ipc_are_read_where_there_are_no_others() -> None:
    old = "<classification-ipc><edition>07</edition><main-classification>A01H005/00</main-classification></classification-ipc>"
    document = uspto_document(replace(GRANT, ipc=())).replace("<classifications-cpc>", f"{old}<classifications-cpc>")
    assert row("uspto", document)["ipc"] == "A01H5/00"


BROKEN = {
    "cut off within": lambda text: text[: len(text) // 2],
    "not closed": lambda text: text.replace("</us-patent-grant>", ""),
    "tags crossed": lambda text: text.replace("</invention-title>", "</invention></title>"),
    "a bare sign": lambda text: text.replace("Invented loom", "Invented & loom < kite"),
    "a NUL": lambda text: text.replace("Invented loom", "Invented \0 loom"),
    "nested too deeply": lambda text: text.replace("Invented loom", "<b>" * 5000 + "loom" + "</b>" * 5000),
    "no bibliographic data": lambda text: text.replace("us-bibliographic-data-grant", "us-other-data"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_document_costs_only_itself(name: str) -> None:
    documents = grants(5)
    documents[2] = BROKEN[name](documents[2])
    found, rejects = read("uspto", {"ipg.xml": weekly(*documents)})
    assert [each["id"] for each in found] == [f"US{99_000_000 + n}B2" for n in (0, 1, 3, 4)]
    assert [(each.file, each.place) for each in rejects] == [("ipg.xml", "document 3")]


def test_a_byte_that_is_no_utf_8_costs_only_its_document() -> None:
    first, second = (each.encode() for each in grants(2))
    found, rejects = read("uspto", {"x.xml": first.replace(b"Invented loom", b"Invented \xe9\xff loom") + second})
    assert len(found) == 1
    assert "not well-formed" in rejects[0].reason


def test_a_document_damaged_behind_its_abstract_can_still_be_tagged() -> None:
    damaged = uspto_document(GRANT).replace("<claims id=", "<claims & id=")
    assert row("uspto", damaged)["abstract"] == GRANT.abstract


def test_an_abstract_behind_the_description_is_found_too() -> None:
    document = uspto_document(GRANT)
    start, end = document.index("<abstract"), document.index("</abstract>") + len("</abstract>")
    moved = document[:start] + document[end:].replace("</us-patent-grant>", f"{document[start:end]}</us-patent-grant>")
    assert row("uspto", moved)["abstract"] == GRANT.abstract


def test_a_file_that_ends_early_says_so() -> None:
    [reason] = reasons("uspto", weekly(*grants(2))[:-300])
    assert reason == "document 2: has no end: the file is cut off, or </us-patent-grant> is missing"


def test_sequence_listings_between_the_patents_are_said_not_to_be_any() -> None:
    listing = '<?xml version="1.0"?>\n<!DOCTYPE sequence-cwu SYSTEM "x.dtd">\n<sequence-cwu id="S"><p>acgt</p></sequence-cwu>\n'
    found, rejects = read("uspto", {"x.xml": weekly(*grants(1), listing, *grants(1))})
    assert len(found) == 2
    assert [(each.place, each.reason) for each in rejects] == [
        ("document 2", "is <sequence-cwu>, not a grant or an application")
    ]


def test_documents_of_before_2005_are_named_as_such() -> None:
    [reason] = reasons("uspto", '<?xml version="1.0"?>\n<PATDOC DTD="2.4"><SDOBI/></PATDOC>')
    assert "the format before 2005" in reason


@pytest.mark.parametrize("encoding", ["iso-8859-1", "windows-1252", "utf-16"])
def test_a_document_may_declare_another_encoding(encoding: str) -> None:
    text = uspto_document(replace(GRANT, title="Drachen für Böen")).replace('encoding="UTF-8"', f'encoding="{encoding}"')
    assert row("uspto", text.replace("\N{THIN SPACE}", " ").encode(encoding))["title"] == "Drachen für Böen"


def test_an_encoding_that_is_none_is_rejected() -> None:
    [reason] = reasons("uspto", uspto_document(GRANT).replace("UTF-8", "KITE-8"))
    assert "not in the encoding that it declares" in reason


def test_entities_that_a_document_declares_are_not_expanded() -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 30))
    text = uspto_document(GRANT, "<p>a kite &l29; flies</p>").replace("[ ]", f'[<!ENTITY l0 "ha">{laughs}]')
    assert row("uspto", text)["abstract"] == "a kite &l29; flies"


def test_no_file_is_opened_and_nothing_is_fetched(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket
    from pathlib import Path

    secret = Path(str(tmp_path)) / "secret.txt"
    secret.write_text("a secret")
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("a socket was opened"))
    for address in (secret.as_uri(), "http://127.0.0.1:1/x", "ftp://127.0.0.1/x"):
        for declared in (f'<!ENTITY x SYSTEM "{address}">', f'<!ENTITY % x SYSTEM "{address}"> %x;'):
            text = uspto_document(GRANT, "<p>a kite &x; flies</p>").replace(
                'v45-2014-04-03.dtd" [ ]', f'{address}" [{declared}]'
            )
            assert "secret" not in row("uspto", text)["abstract"]


def test_a_very_long_description_is_passed_over_in_little_memory() -> None:
    import tracemalloc

    from ipclass.formats.batches import LARGEST

    content = weekly(uspto_document(GRANT, description=3 * LARGEST), uspto_document(APPLICATION))
    tracemalloc.start()
    assert [each["id"] for each in rows("uspto", {"x.xml": content})] == [GRANT.id, APPLICATION.id]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * LARGEST


def test_what_is_too_long_before_the_description_is_rejected() -> None:
    from ipclass.formats.batches import LARGEST

    documents = weekly(uspto_document(replace(GRANT, abstract="a kite " * (LARGEST // 6))), uspto_document(GRANT))
    found, rejects = read("uspto", {"x.xml": documents})
    assert len(found) == 1
    assert [(each.place, each.reason) for each in rejects] == [("document 1", "is larger than 8 MB")]


def test_documents_come_in_batches_as_the_file_is_read() -> None:
    batches = list(formats.read("uspto", inputs_of({"x.xml": weekly(*grants(1)) * 4_100})))
    assert [batch.frame.height for batch in batches] == [2_000, 2_000, 100]


def test_both_kinds_of_weekly_files_are_read_together() -> None:
    assert [each["kind"] for each in rows("uspto", uspto(INVENTED))] == ["A1", "B2"]


def test_declarations_without_a_document_are_rejected_each() -> None:
    declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'
    found, rejects = read("uspto", {"x.xml": weekly(declaration, *grants(1), declaration)})
    assert (len(found), [each.place for each in rejects]) == (1, ["document 1", "document 3"])
    assert "has no root element" in rejects[0].reason


def test_a_patent_of_nobody_has_no_applicants() -> None:
    document = uspto_document(GRANT)
    start, end = document.index("<us-parties>"), document.index("</assignees>") + len("</assignees>")
    assert row("uspto", document[:start] + document[end:])["applicants"] == ""
