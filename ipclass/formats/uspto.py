"""Grants and applications of the USPTO in XML (its "red book", version 4): weekly files of many documents, or single ones.

Of a document only what stands before its description is parsed, without the citations: a document whose claims are damaged
can still be tagged. One that the file ends in cannot.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from ipclass.formats import values
from ipclass.formats.batches import Fields, Input, UnreadableError, document_by_document, parties
from ipclass.formats.markup import Element, children, documents, encoding_declared, inner, parsed, text
from ipclass.records import Reject

ROOTS = ("us-patent-grant", "us-patent-application")
_OPENING = re.compile(rb"<\?xml\s|<us-patent-(?:grant|application)[\s>]")
_ELEMENT = re.compile(rb"<([A-Za-z_][\w.:-]*)")
_OLD_ROOTS = ("PATDOC", "patent-application-publication")
_CITED = (b"<us-references-cited", b"</us-references-cited>")
_UNREAD = b"<description"
_CODE_PARTS = ("section", "class", "subclass", "main-group", "subgroup")


def read(inputs: Sequence[Input]) -> Iterator[Fields | Reject]:
    """Yield the documents of the files, and those that could not be read."""
    return document_by_document(inputs, _declared, lambda each: _fields(_root(*each)))


def _declared(stream: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Yield the documents, each with what stands before its root: a declaration, as most have."""
    declaration = b""
    for piece in documents(stream, _OPENING):
        if _ELEMENT.search(piece):
            yield declaration, piece
            declaration = b""
        elif declaration.strip():
            yield b"", declaration
            declaration = piece
        else:
            declaration = piece
    if declaration.strip():
        yield b"", declaration


def _root(declaration: bytes, document: bytes) -> Element:
    """Return the root of a document, as far as it is of use.

    Raises:
        UnreadableError: It is another document, or damaged.
    """
    found = _ELEMENT.match(document.lstrip())
    root = found[1] if found else b""
    if root.decode("latin-1") not in ROOTS:
        raise UnreadableError(_not_ours(document))
    closing = b"</" + root + b">"
    end = document.rfind(closing)
    if end < 0:
        raise UnreadableError(f"has no end: the file is cut off, or {closing.decode()} is missing")
    description = document.find(_UNREAD)
    if description >= 0 and document.find(b"<abstract", description) < 0:
        end = description
    document = document[:end] + closing
    first, last = document.find(_CITED[0]), document.find(_CITED[1])
    if 0 <= first < last:
        document = document[:first] + document[last + len(_CITED[1]) :]
    return parsed(document, encoding_declared(declaration))


def _not_ours(document: bytes) -> str:
    found = _ELEMENT.search(document)
    if not found:
        return "has no root element: the file is cut off"
    name = found[1].decode("latin-1")[:80]
    if name in _OLD_ROOTS:
        return f"is <{name}>, the format before 2005; get these years from PatentsView"
    return f"is <{name}>, not a grant or an application"


def _fields(root: Element) -> Fields:
    biblio = root.find("us-bibliographic-data-grant")
    granted = biblio is not None
    if not granted:
        biblio = root.find("us-bibliographic-data-application")
    if biblio is None:
        raise UnreadableError("has no bibliographic data")
    parts = {each.tag: each for each in biblio}
    published = _document_id(parts.get("publication-reference"))
    number = values.publication(*(published.get(part, "") for part in ("doc-number", "country", "kind")))
    day = values.date(published.get("date", ""))
    return {
        "id": number.id,
        "title": text(parts.get("invention-title")),
        "abstract": text(root.find("abstract")),
        "filing_date": values.date(_document_id(parts.get("application-reference")).get("date", "")),
        "priority_date": values.earliest(map(values.date, _priorities(parts))),
        "publication_date": day,
        "grant_date": day if granted else "",
        "office": number.office,
        "kind": number.kind,
        **parties(_holders(parts)),
        "cpc": values.codes(_codes(parts.get("classifications-cpc"), "classification-cpc")),
        "ipc": values.codes(_codes(parts.get("classifications-ipcr"), "classification-ipcr") or _old_codes(parts)),
    }


def _document_id(reference: Element | None) -> dict[str, str]:
    return children(reference.find("document-id") if reference is not None else None)


def _priorities(parts: Mapping[str, Element]) -> Iterator[str]:
    """Yield the dates of what the application claims priority from: applications abroad, and provisional ones at home."""
    for container, path in (
        ("priority-claims", "priority-claim/date"),
        ("us-related-documents", "us-provisional-application/document-id/date"),
    ):
        if container in parts:
            yield from (each.text or "" for each in parts[container].iterfind(path))


def _holders(parts: Mapping[str, Element]) -> list[tuple[str, str, str]]:
    """Return the assignees, who have a type, or else the applicants: before 2012 these were the inventors by law."""
    assignees = parts["assignees"].iterfind("assignee") if "assignees" in parts else ()
    found = [_holder(each) for each in assignees]
    if any(name for name, _, _ in found):
        return found
    for container, path in (("us-parties", "us-applicants/us-applicant"), ("parties", "applicants/applicant")):
        if container in parts:
            return [_holder(each) for each in parts[container].iterfind(path)]
    return []


def _holder(party: Element) -> tuple[str, str, str]:
    book = party.find("addressbook")
    if book is None:
        book = party  # some assignees have no address book
    known = children(book)
    person = ", ".join(filter(None, (known.get("last-name"), known.get("first-name"))))
    return known.get("orgname") or person, inner(book, "address/country"), values.role(known.get("role", ""))


def _codes(container: Element | None, tag: str) -> list[str]:
    """Return the symbols in a container, which holds the document's own: the examiner's field of search lies elsewhere."""
    found = []
    for each in container.iter(tag) if container is not None else ():
        known: dict[str, str] = {}
        for part in each:
            known[part.tag] = part.text or ""
            if part.tag == _CODE_PARTS[-1]:
                break  # what follows says who gave the symbol, and takes longer to read than the symbol
        section, kind, subclass, group, subgroup = (known.get(name, "") for name in _CODE_PARTS)
        found.append(f"{section}{kind}{subclass}{group}/{subgroup}")
    return found


def _old_codes(parts: Mapping[str, Element]) -> list[str]:
    """Return the symbols of the IPC's seventh edition, in use until 2005."""
    return [each.text or "" for each in parts["classification-ipc"]] if "classification-ipc" in parts else []
