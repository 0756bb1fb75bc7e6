"""What must hold of any text in any cell: it comes back, and no row is lost."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import read, rows
from sources import INVENTED, Files, Patent, bigquery_object, docdb, lens_csv, ops_xml, patentsview, table, uspto

from ipclass.formats import values

LOOM = INVENTED[1]
TEXTS = st.text(max_size=40) | st.text('",;\t\r\n a|\0', max_size=20)
LEGAL = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"])
XML_TEXTS = st.text(LEGAL, max_size=40) | st.text("<>&;'\" lt#x", max_size=20)


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS, TEXTS), max_size=8))
def test_every_row_of_a_table_is_read_or_rejected(cells: list[tuple[str, str, str, str]]) -> None:
    header = ("Display Key", "Lens ID", "Title", "Abstract")
    given_rows = [row for row in cells if any(cell.strip() for cell in row)]
    content = table([header, *cells]).encode()
    found, rejects = read("lens", {"x": content})
    kept = [row for row in given_rows if any(cell.strip() for cell in row) and row != header]
    assert len(found) + len(rejects) == max(1, len(given_rows))
    assert [each["abstract"] for each in found] == [values.text(row[3]) for row in kept]


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=30) | st.sampled_from([b'1,2,"A\n', b"EP1A,1,A,B\n", b'"', b"\r\n", b","]), max_size=12))
def test_no_line_of_a_table_vanishes_whatever_its_bytes(parts: list[bytes]) -> None:
    rest = b"".join(parts)
    found, rejects = read("lens", {"x": b"Display Key,Lens ID,Title,Abstract\nEP9A,9,Kite,It flies\n" + rest})
    assert found[0]["id"] == "EP9A"
    assert len(found) + len(rejects) > 1 or not re.search(rb"[A-Za-z0-9]", rest)


@given(st.binary(max_size=40) | st.sampled_from([b'"', b'1,"A', b'a,b,"c" d', b"\xff,,,", b'""", ']), st.integers(0, 3))
def test_a_line_of_any_bytes_costs_no_other_line(content: bytes, place: int) -> None:
    strange = content.translate(None, b"\r\n")
    lines = [f"EP{number}A,{number},Kite {number},It flies".encode() for number in range(3)]
    lines.insert(place, strange)
    found, rejects = read("lens", {"x": b"\n".join([b"Display Key,Lens ID,Title,Abstract", *lines])})
    assert [each["id"] for each in found if each["abstract"] == "It flies"] == ["EP0A", "EP1A", "EP2A"]
    assert len(found) + len(rejects) == 4 or not re.search(rb"[A-Za-z0-9]", strange)


@pytest.mark.parametrize(("format", "write"), [("uspto", uspto), ("docdb", docdb), ("ops", ops_xml)])
@given(text=XML_TEXTS)
def test_any_text_comes_back_from_xml(format: str, write: Callable[[Sequence[Patent]], Files], text: str) -> None:
    [found] = rows(format, write([replace(LOOM, title=text, abstract=f"A loom: {text}")]))
    assert found["title"] == values.text(text)
    assert found["abstract"] == values.text(f"A loom: {text}")


@given(TEXTS)
def test_any_text_comes_back_from_json(text: str) -> None:
    found = rows("bigquery", {"x": json.dumps(bigquery_object(replace(LOOM, abstract=text))).encode()})
    assert [each["abstract"] for each in found] == [values.text(text)]


@settings(max_examples=30)
@given(TEXTS)
def test_any_text_comes_back_from_tables(text: str) -> None:
    text = text.replace("\r", "")  # which these writers would not quote
    patent = replace(LOOM, abstract=text)
    assert rows("lens", lens_csv([patent]))[0]["abstract"] == values.text(text)
    assert rows("patentsview", patentsview([patent]))[0]["abstract"] == values.text(text)
