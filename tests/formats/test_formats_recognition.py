from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from reading import inputs_of, written
from sources import (
    CNIPA_HEADER,
    DOCDB_HEAD,
    INVENTED,
    WRITERS,
    bigquery_object,
    hupd_object,
    incopat_csv,
    lens_object,
    old_workbook,
    ops_answer,
    ops_object,
    patentsview_legacy,
    uspto_document,
    workbook,
)

from ipclass import files, formats
from ipclass.errors import InputError
from ipclass.formats import HEAD, recognise


@pytest.mark.parametrize("variant", WRITERS)
def test_each_export_is_told_from_its_beginning(variant: str) -> None:
    format, files = written(variant, INVENTED)
    assert {recognise("anything.bin", formats.head_of(input)) for input in inputs_of(files)} == {format}


@pytest.mark.parametrize("variant", [name for name in WRITERS if "XLS" not in name])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks_and_utf_16_hide_no_export(variant: str, encoding: str) -> None:
    format, files = written(variant, INVENTED)
    for content in files.values():
        text = content.decode("gb18030" if variant == "cnipa CSV" else "utf-8-sig")
        assert recognise("x", text.encode(encoding)[:HEAD]) == format


def test_the_tables_of_patentsview_before_2023_are_told() -> None:
    assert {recognise(name, content) for name, content in patentsview_legacy(INVENTED).items()} == {"patentsview"}


@pytest.mark.parametrize(
    ("header", "source"),
    [
        ("appln_id,prior_appln_id,prior_appln_seq_nr", "patstat"),
        ("pat_publn_id,citn_replenished,citn_id", "patstat"),
        ("patent_id\tinventor_sequence\tinventor_id\tdisambig_inventor_name_first", "patentsview"),
        ("patent_id\tcitation_sequence\tcitation_patent_id", "patentsview"),
    ],
)
def test_the_other_tables_in_the_folder_are_told_to_be_of_the_same_source(header: str, source: str) -> None:
    assert recognise("x", f"{header}\n1\n".encode()) == source


def test_a_chinese_export_is_told_in_gb18030_and_with_wide_brackets() -> None:
    [content] = incopat_csv(INVENTED).values()
    assert recognise("x.csv", content) == "incopat"
    header = ",".join(CNIPA_HEADER)
    for form in (header, header.replace("（", "(").replace("）", ")"), header.replace("公开（公告）号", " 公开 （公告） 号")):
        assert recognise("x.csv", form.encode("gb18030") + b"\n") == "cnipa"


PLAIN = {
    "title and abstract": "id,title,abstract\n1,A kite,It flies\n",
    "in capitals": "Title;Abstract;Applicants;CPC\nA;B;C;D\n",
    "a file called like an export": "publication_number,title,abstract,year\nX,A,B,2020\n",
    "one column of Lens": "Lens ID,Title,Abstract\n1,A,B\n",
    "family number only": "Title,Abstract,Family number\nA,B,1\n",
    "IPC in one word": "Application Id,Publication Number,IPC,Title,Abstract\n1,2,G06N,A,B\n",
    "the columns of the Web of Science": "PT\tAU\tTI\tSO\tAB\tPY\nJ\tDoe\tA kite\tKites\tIt flies\t2020\n",
    "what a user joined from PatentsView": "patent_id\tpatent_title\tpatent_abstract\tyear\n1\tA\tB\t2020\n",
    "what a user joined from PATSTAT": "appln_id,appln_title,appln_abstract,docdb_family_id,mine\n1,A,B,2,3\n",
    "abstracts of PatentsView with a column of the user's": "patent_id\tpatent_abstract\tmine\n1\tA\tB\n",
    "another table of patent_id": "patent_id,title,abstract\n1,A,B\n",
    "applications with tags": "appln_id,appln_auth,docdb_family_id,kites,primary,tagged_by\n1,EP,2,1,kites,x\n",
    "patents with tags of another prefix": "patent_id,cpc_sequence,cpc_group,new_primary,new_tagged_by\n1,0,G06N3/08,kites,x\n",
    "an export of Lens with tags": "Lens ID,Display Key,Title,Abstract,primary,tagged_by\n1,2,A,B,kites,x\n",
    "BigQuery with tags": '{"publication_number": "X", "title_localized": [], "primary": "k", "tagged_by": "x"}\n',
    "applications with texts of the user's": "appln_id,title,abstract\n1,A,B\n",
    "Chinese, but of books": "书名,摘要,作者\n风筝,飞,某甲\n",
    "a text about Lens": 'id,title,abstract\n1,"Lens ID, Display Key","Lens ID,Display Key"\n',
    "JSON lines": '{"id": 1, "title": "A", "abstract": "B"}\n',
    "JSON lines that speak of an export": json.dumps({"title": "a", "abstract": '{"lens_id": 1, "biblio": 2}'}) + "\n",
    "JSON with one name of BigQuery": '{"publication_number": "X", "title": "A", "abstract": "B"}\n',
    "other XML": "<?xml version='1.0'?><rss><channel/></rss>",
    "XML that speaks of a patent": "<?xml version='1.0'?><!-- <us-patent-grant> --><note><us-patent-grant/></note>",
    "nothing": "",
    "blank": " \n\n ",
    "a text": "A kite flies.\nIt has a tail.\n",
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_table_is_not_taken_for_an_export(name: str) -> None:
    assert recognise("lens-espacenet-incopat.csv", PLAIN[name].encode()) == ""


def test_a_plain_workbook_is_not_taken_for_an_export() -> None:
    assert recognise("x.xlsx", workbook([["title", "abstract"], ["A", "B"]])) == ""
    assert recognise("x.xlsx", b"PK\x03\x04 no workbook") == ""
    assert recognise("x.xls", b"\xd0\xcf\x11\xe0 no workbook") == ""


def test_parquet_and_packed_files_are_none_of_ours() -> None:
    assert recognise("x.parquet", b"PAR1\x15\x04") == ""
    assert recognise("x.gz", b"\x1f\x8b\x08\x00") == ""


def test_a_header_that_the_first_64_kb_cut_off_is_still_told() -> None:
    line = json.dumps({**bigquery_object(INVENTED[0]), "description_localized": [{"text": "long " * 50_000, "language": "en"}]})
    assert recognise("x", line.encode()[:HEAD]) == "bigquery"
    assert recognise("x", json.dumps(lens_object(INVENTED[0])).encode()[:600]) == "lens"
    assert recognise("x", uspto_document(INVENTED[0]).encode()[:300]) == "uspto"
    assert recognise("x", json.dumps({**hupd_object(INVENTED[0]), "claims": "1. " * 50_000}).encode()[:HEAD]) == "hupd"


def test_a_text_that_never_ends_is_looked_through_at_once() -> None:
    assert recognise("x", b'{"' + b'\\"' * (HEAD // 2)) == ""
    assert recognise("x", b"<?xml" * (HEAD // 5)) == ""
    assert recognise("x", b"<!DOCTYPE x [" + b"] ] " * (HEAD // 4)) == ""


def test_json_is_told_in_each_of_its_shapes() -> None:
    found = lens_object(INVENTED[0])
    for shape in ([found], {"total": 1, "data": [found]}, found):
        assert recognise("x", json.dumps(shape, indent=1).encode()) == "lens"
    assert recognise("x", json.dumps(ops_answer([{"exchange-document": ops_object(INVENTED[0])}])).encode()) == "ops"


def test_exchange_documents_are_told_with_and_without_a_prefix() -> None:
    assert recognise("x", DOCDB_HEAD.encode()) == "docdb"
    assert recognise("x", b"<exchange-documents xmlns='http://www.epo.org/exchange'>") == "docdb"
    assert recognise("x", b"<!DOCTYPE x SYSTEM 'x.dtd' [\n<!ENTITY a 'b'>\n]>\n<us-patent-application lang='EN'>") == "uspto"


def test_the_head_of_a_file_is_64_kb_and_of_a_workbook_all() -> None:
    content = workbook([["title", "abstract"], *([str(n), f"A kite {n}"] for n in range(9000))])
    assert len(content) > HEAD
    assert formats.head_of(formats.Input("x.xlsx", lambda: io.BytesIO(content))) == content
    assert formats.head_of(formats.Input("x.csv", lambda: io.BytesIO(b"a" * (HEAD + 9)))) == b"a" * HEAD


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            old_workbook([["title", "abstract"], ["Kite", "A kite."]]),
            "a workbook, but no export that is known; save it as .xlsx",
        ),
        (b"\xef\xbb\xbf<html><table><tr><td>Title</td></tr></table></html>", "a web page, in spite of its name"),
        (b"Title\tAbstract\nKite\tA kite.\n", "name its format with --format tsv"),
    ],
    ids=["workbook", "web page", "text"],
)
def test_a_file_called_xls_that_is_no_export_says_what_it_is_and_what_to_do(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "in.xls"
    path.write_bytes(content)
    with pytest.raises(InputError, match=re.escape(told)):
        files.Source(str(path))


def test_text_called_xls_is_read_as_the_format_that_is_named(tmp_path: Path) -> None:
    path = tmp_path / "in.xls"
    path.write_bytes(b"Title\tAbstract\nKite\tA kite.\n")
    assert [block.texts for block in files.Source(str(path), "tsv").read()] == [["Kite\nA kite."]]
