"""Tells the source of an export from its header or root element; the name of a file decides nothing."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping

from ipclass.errors import InputError
from ipclass.formats.joined import roles_of
from ipclass.formats.profiles import MOST_ABOVE, PROFILES, folded
from ipclass.formats.rows import encoding_of, is_workbook
from ipclass.formats.tabular import SEPARATORS, profile_in

_UTF_16 = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")
_BEFORE_ROOT = re.compile(r"\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*|<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>\s*)*", re.DOTALL)
_ELEMENT = re.compile(r"<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)")
_ROOTS: Mapping[str, str] = {
    "us-patent-grant": "uspto",
    "us-patent-application": "uspto",
    "PATDOC": "uspto",
    "patent-application-publication": "uspto",
    "exchange-documents": "docdb",
    "exchange-document": "docdb",
    "world-patent-data": "ops",
}
_KEYS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"ops:world-patent-data"}), "ops"),
    (frozenset({"publication_number", "title_localized"}), "bigquery"),
    (frozenset({"publication_number", "abstract_localized"}), "bigquery"),
    (frozenset({"lens_id", "biblio"}), "lens"),
    (frozenset({"main_cpc_label", "abstract"}), "hupd"),
    (frozenset({"main_ipcr_label", "abstract"}), "hupd"),
)
_TAGGED = "tagged_by"
"""A table that has this was tagged already, whatever it was before."""

_TEXTS: Mapping[str, frozenset[str]] = {
    "patent_abstract": frozenset({"patent_id"}),
    "appln_title": frozenset({"appln_id", "appln_title_lg"}),
    "appln_abstract": frozenset({"appln_id", "appln_abstract_lg"}),
}
"""What stands beside a text in a table of its source's, and nothing else."""

_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)(?:"|\\?\Z)|[{}\[\]:,]', re.DOTALL)  # the last text may be cut off
_DEEPEST_KEYS = 3


def recognise(name: str, head: bytes) -> str:
    """Return the format of the export that begins with ``head``, or "" if it is none that is known: a plain table, say.

    ``head`` are the first ``HEAD`` bytes, unpacked; of a workbook all of it, as nothing less shows its header.
    """
    if is_workbook(head):
        return _workbook(name, head)
    text = _as_text(head)
    start = text.lstrip()[:1]
    if start == "<":
        return _markup(text)
    if start in ("{", "["):
        return _json(text)
    return _table(text)


def _as_text(head: bytes) -> str:
    """Return ``head`` as text; a character that it cuts off is left out."""
    if head[:2] in _UTF_16:
        return head.decode("utf-16" if head[:2] in _UTF_16[:2] else "utf-16-le" if head[:1] == b"<" else "utf-16-be", "ignore")
    return head.decode(encoding_of(head), "ignore").removeprefix("\ufeff")


def _workbook(name: str, content: bytes) -> str:
    from ipclass import excel

    try:
        for sheet in excel.sheets(content, name):
            for row in sheet.head(MOST_ABOVE + 1).iter_rows():
                if found := _owner(frozenset(map(folded, row))):
                    return found
    except InputError:
        pass
    return ""


def _owner(header: frozenset[str]) -> str:
    return next((profile.format for profile in PROFILES if profile.owns(header)), "")


def _markup(text: str) -> str:
    before = _BEFORE_ROOT.match(text)
    root = _ELEMENT.match(text, before.end() if before else 0)
    return _ROOTS.get(root[1], "") if root else ""


def _json(text: str) -> str:
    levels: dict[int, set[str]] = {}
    for level, key in _keys(text):
        levels.setdefault(level, set()).add(key)
    if _TAGGED in levels.get(1, ()):
        return ""
    return next((format for wanted, format in _KEYS if any(wanted <= found for found in levels.values())), "")


def _keys(text: str) -> Iterator[tuple[int, str]]:
    """Yield the names in the objects that a text of JSON begins with, each with how deep it stands."""
    level, last = 0, None
    for found in _TOKEN.finditer(text):
        sign = found[0]
        if sign in "{[":
            level += 1
        elif sign in "}]":
            level -= 1
        elif sign == ":" and last is not None and level <= _DEEPEST_KEYS:
            yield level, last
        last = found[1] if sign.startswith('"') else None


def _table(text: str) -> str:
    line = next(filter(str.strip, text.splitlines()), "")
    if _TAGGED in line:
        return ""
    for separator in SEPARATORS:
        if profile := profile_in(text, separator):
            return profile.format
    for separator in SEPARATORS:
        try:
            names = next(csv.reader([line], delimiter=separator), [])
        except csv.Error:
            continue
        if source := _joined(names):
            return source
    return ""


def _joined(names: list[str]) -> str:
    """Return the source of one of several tables that are joined, be it one that says nothing that we ask for.

    Who has put other columns beside a text has made a table of their own, and these columns count too.
    """
    header = frozenset(map(folded, names))
    if any(text in header and not header - {text} <= others for text, others in _TEXTS.items()):
        return ""
    if source := next((source for source in ("patentsview", "patstat") if roles_of(header, source)), ""):
        return source
    if header & {"title", "abstract"}:
        return ""
    if "patent_id" in header and any(name.endswith("_sequence") for name in header):
        return "patentsview"
    return "patstat" if header & {"appln_id", "pat_publn_id"} else ""
