"""XML of patents, one document at a time: a file is cut into its documents before any of it is parsed.

So a broken document costs only itself, and memory does not grow with the file. A document type declaration is cut off with
whatever it declares: no entity is expanded, no file or address is opened.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from lxml import etree

from ipclass.formats import values
from ipclass.formats.batches import LARGEST_MARKUP, UnreadableError, shown

Element = Any  # lxml ships no types
_CHUNK = 1 << 20
_LONGEST_TAG = 256
_CUT = b"\0 cut \0"  # no XML holds this
_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([\w.:-]{1,40})["']""")
_NO_TYPE = b'<!DOCTYPE x SYSTEM "">'  # with it an entity that nothing declares is kept as it is written, and is no mistake
_PARSER = etree.XMLParser(
    encoding="utf-8",
    resolve_entities=False,
    load_dtd=False,
    no_network=True,
    huge_tree=False,
    remove_comments=True,
    remove_pis=True,
)
_ENTITY = re.compile(r"&\w+;")
_BLOCKS = frozenset("p li br heading row entry tr td".split())


def documents(stream: BinaryIO, opening: re.Pattern[bytes]) -> Iterator[bytes]:
    """Yield what stands before the first match of ``opening``, and then what each match begins.

    Of what is larger than ``LARGEST_MARKUP`` the middle is left out; where that is needed, ``parsed`` refuses the document.
    """
    kept, searched, opened = b"", 0, 0
    while chunk := stream.read(_CHUNK):
        data = kept + chunk
        begin = 0
        for found in opening.finditer(data, searched):
            yield data[begin : found.start()]
            begin, opened = found.start(), 1
        kept = data[begin:]
        if len(kept) > LARGEST_MARKUP + _CHUNK:
            kept = kept[:LARGEST_MARKUP] + _CUT + kept[-_LONGEST_TAG:]
        searched = max(opened, len(kept) - _LONGEST_TAG)  # a match that begins what is kept must not be found again
    yield kept


def encoding_declared(head: bytes) -> str:
    """Return the encoding that an XML declaration names, or "" if it is UTF-8, or was made UTF-8 already."""
    found = _DECLARED.match(head.lstrip())
    name = found[1].decode("ascii").lower() if found else ""
    return "" if name in ("utf-8", "utf8", "us-ascii", "utf-16") else name


def parsed(document: bytes, encoding: str = "") -> Element:
    """Return the root element of a document without a declaration.

    Raises:
        UnreadableError: It is not well-formed, nested too deeply, too large, or not in its encoding.
    """
    if _CUT in document:
        raise UnreadableError(f"is larger than {LARGEST_MARKUP >> 20} MB")
    if encoding:
        try:
            document = document.decode(encoding).encode()
        except (LookupError, UnicodeError) as error:
            raise UnreadableError(f"is not in the encoding that it declares: {shown(error)}") from error
    try:
        return etree.fromstring(_NO_TYPE + document, _PARSER)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnreadableError(f"is not well-formed XML: {shown(error)}") from error


def text(element: Element | None) -> str:
    """Return the text in an element as one line; paragraphs stand apart, marked-up words stay whole.

    >>> text(parsed(b"<p>H<sub>2</sub>O &mdash; and<br/>air<!-- all --></p>"))
    'H2O — and air'
    """
    if element is None:
        return ""
    if not len(element):
        return values.text(element.text or "")
    has_entities = False
    for each in element.iter():
        if each.tag is etree.Entity:
            has_entities = True
        elif each.tag.rpartition("}")[2] in _BLOCKS:
            each.text, each.tail = f" {each.text or ''}", f" {each.tail or ''}"
    parts = element.itertext()
    return values.text("".join(map(_unescaped, parts) if has_entities else parts))


def _unescaped(part: str) -> str:
    """Return the sign that an entity stands for, which is a part of its own; all other parts are text already."""
    return html.unescape(part) if _ENTITY.fullmatch(part) else part


def children(element: Element | None) -> dict[str, str]:
    """Return the texts of an element's children by their names, which have no namespace."""
    return {each.tag: each.text or "" for each in element} if element is not None else {}


def inner(element: Element | None, path: str) -> str:
    """Return the text of the first element at ``path``, or ""."""
    found = element.findtext(path) if element is not None else None
    return values.text(found or "")
