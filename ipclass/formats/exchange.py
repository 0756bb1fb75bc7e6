"""The EPO's exchange documents: DOCDB files in XML, and what OPS answers in XML or JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, BinaryIO

from lxml import etree

from ipclass.formats import values
from ipclass.formats.batches import Fields, Input, UnreadableError, begun, document_by_document, parties, shown
from ipclass.formats.markup import Element, children, documents, encoding_declared, inner, parsed, text
from ipclass.formats.objects import Object, items, objects, string
from ipclass.records import Reject

_OPENING = re.compile(rb"<([\w.-]{1,40}:)?exchange-document(?=[\s/>])")
_CLOSING = re.compile(rb"</(?:[\w.-]{1,40}:)?exchange-document\s*>")
_SPACE = re.compile(rb"""\sxmlns\s*=\s*(?:"[^"<]{0,200}"|'[^'<]{0,200}')""")
_EMPTY = re.compile(rb"<[^<>]*/>")
_PREFIX = re.compile(rb"""\sxmlns:([\w.-]{1,40})\s*=\s*("[^"<]{0,200}"|'[^'<]{0,200}')""")
_NAME = re.compile(r"(?:[A-Za-z_][\w.-]{0,40}:)?([A-Za-z_][\w.-]{0,80})")
_DEEPEST = 40
_MOST_ELEMENTS = 200_000
_SYMBOL = 15  # characters of a symbol of the IPC; version, level and value follow at their places
_SYMBOL_PARTS = ("section", "class", "subclass", "main-group", "subgroup")
_PARTY_FORMS = ("docdb", "epodoc", "docdba", "original", "")
"""The forms that a party's name is given in; the first of them that is there counts, so that nobody counts twice."""


def read(inputs: Sequence[Input]) -> Iterator[Fields | Reject]:
    """Yield the documents of the files, and those that could not be read."""
    return document_by_document(inputs, _elements, _fields)


def _elements(stream: BinaryIO) -> Iterator[Element | UnreadableError]:
    head, stream = begun(stream)
    return _from_json(stream) if head.lstrip()[:1] in (b"{", b"[") else _from_xml(stream)


def _from_xml(stream: BinaryIO) -> Iterator[Element | UnreadableError]:
    """Yield the exchange documents, each parsed under the prefixes that are declared before the first."""
    pieces = documents(stream, _OPENING)
    before = next(pieces)
    encoding = encoding_declared(before)
    prefixes = dict(_PREFIX.findall(before[-(1 << 16) :]))
    opening = b"".join([b"<x", *(b" xmlns:%s=%s" % prefix for prefix in prefixes.items()), b">"])
    for piece in pieces:
        end = _EMPTY.match(piece) or _CLOSING.search(piece)
        if not end:
            yield UnreadableError("has no end: the file is cut off, or </exchange-document> is missing")
            continue
        try:
            yield parsed(opening + _plain(piece[: end.end()]) + b"</x>", encoding)[0]
        except UnreadableError as error:
            yield error


def _plain(document: bytes) -> bytes:
    """Return a document whose elements are in no namespace: files differ in where they declare it, and under which prefix."""
    found = _OPENING.match(document)
    if found and found[1]:
        document = document.replace(b"<" + found[1], b"<").replace(b"</" + found[1], b"</")
    tag, sign, rest = document.partition(b">")
    return _SPACE.sub(b"", tag) + sign + rest


def _from_json(stream: BinaryIO) -> Iterator[Element | UnreadableError]:
    for each in objects(stream):
        if isinstance(each, UnreadableError):
            yield each
        else:
            yield from (_element("exchange-document", found) for found in _exchange_documents(each, _DEEPEST))


def _exchange_documents(found: Any, left: int) -> Iterator[Object]:
    """Yield the exchange documents in an answer, wherever they stand: one is an object, several are a list."""
    for each in items(found) if left else ():
        for name, value in each.items() if isinstance(each, Mapping) else ():
            if name.rpartition(":")[2] == "exchange-document":
                yield from (document for document in items(value) if isinstance(document, Mapping))
            elif isinstance(value, Mapping | list):
                yield from _exchange_documents(value, left - 1)


def _element(name: str, found: Any) -> Element | UnreadableError:
    """Return what OPS says in JSON as the XML that it stands for: ``@`` before attributes, ``$`` for the text."""
    root = etree.Element(name)
    try:
        _fill(root, found, _DEEPEST, count())
    except ValueError as error:
        return UnreadableError(f"holds what no XML can: {shown(error)}")
    return root


def _fill(element: Element, found: Any, left: int, made: Iterator[int]) -> None:
    if next(made) > _MOST_ELEMENTS:
        raise ValueError(f"more than {_MOST_ELEMENTS:,} elements")
    if not isinstance(found, Mapping):
        element.text = values.text(string(found))
        return
    for name, value in found.items():
        plain = _NAME.fullmatch(name.lstrip("@"))
        if name == "$":
            element.text = values.text(string(value))
        elif plain and name.startswith("@"):
            element.set(plain[1], values.text(string(value)))
        elif plain and left:
            for each in items(value):
                _fill(etree.SubElement(element, plain[1]), each, left - 1, made)


def _fields(document: Element) -> Fields:
    if (status := document.get("status", "")) in ("D", "not found"):
        raise UnreadableError(f"holds nothing: its status is {status!r}")
    biblio = document.find("bibliographic-data")
    if biblio is None:
        biblio = etree.Element("bibliographic-data")
    number = values.publication(document.get("doc-number", ""), document.get("country", ""), document.get("kind", ""))
    published = document.get("date-publ") or next(_dates(biblio, "publication-reference"), "")
    if not (number.id or len(biblio)):
        raise UnreadableError("has neither number nor bibliographic data")
    return {
        "id": number.id,
        "title": _in_english(biblio.iterfind("invention-title")),
        "abstract": _in_english([*document.iterfind("abstract"), *biblio.iterfind("abstract")]),
        "family": values.name(document.get("family-id", "")),
        "filing_date": next(_dates(biblio, "application-reference"), ""),
        "priority_date": values.earliest(_dates(biblio, "priority-claims")),
        "publication_date": values.date(published),
        "grant_date": next(_dates(biblio, "dates-of-public-availability/printed-with-grant"), ""),
        "office": number.office,
        "kind": number.kind,
        **parties(_applicants(biblio)),
        "cpc": values.codes(_cpc(biblio)),
        "ipc": values.codes(_ipc(biblio)),
    }


def _dates(biblio: Element, path: str) -> Iterator[str]:
    """Yield the dates that can be understood at ``path``; the same date is given in several forms."""
    for found in biblio.iterfind(path):
        yield from filter(None, (values.date(each.text or "") for each in found.iter("date")))


def _in_english(elements: Iterable[Element]) -> str:
    """Return the English one of several texts, or else the first that says anything."""
    found = [(each.get("lang", "").lower(), said) for each in elements if (said := text(each))]
    return next((said for language, said in found if language == "en"), found[0][1] if found else "")


def _applicants(biblio: Element) -> list[tuple[str, str, str]]:
    """Return the applicants in one of the forms that they are given in."""
    found = list(biblio.iterfind("parties/applicants/applicant"))
    form = next((form for form in _PARTY_FORMS if any(each.get("data-format", "") == form for each in found)), None)
    applicants = []
    for each in found:
        if form is None or each.get("data-format", "") == form:
            name, country = values.name_and_country(inner(each, "applicant-name/name"))
            applicants.append((name, country or inner(each, "residence/country"), ""))
    return applicants


def _cpc(biblio: Element) -> Iterator[str]:
    """Yield the symbols of the CPC, from each office that gave them; Japan's FI and F-terms stand among them."""
    for each in biblio.iterfind("patent-classifications/patent-classification"):
        scheme = each.find("classification-scheme")
        if scheme is not None and not scheme.get("scheme", "").startswith("CPC"):
            continue
        known = children(each)
        section, kind, subclass, group, subgroup = (known.get(name, "").strip() for name in _SYMBOL_PARTS)
        yield f"{section}{kind}{subclass}{group}/{subgroup}" if section else known.get("classification-symbol", "")


def _ipc(biblio: Element) -> Iterator[str]:
    for container in ("classifications-ipcr/classification-ipcr", "classification-ipc"):
        found = [each.text or "" for each in biblio.iterfind(f"{container}/text")]
        if found:
            return (each.strip()[:_SYMBOL] for each in found)
    return iter(())
