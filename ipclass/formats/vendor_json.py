"""The sources that write one JSON object a document: Lens, Google's publications in BigQuery, and HUPD."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from ipclass.formats import values
from ipclass.formats.batches import Fields, Input, UnreadableError, document_by_document, parties
from ipclass.formats.objects import Object, at, in_english, items, objects, string
from ipclass.formats.unslashed import slashed
from ipclass.records import Reject


def read(format: str, inputs: Sequence[Input]) -> Iterator[Fields | Reject]:
    """Yield the documents of the files, and those that could not be read."""
    return document_by_document(inputs, _documents, _MAKERS[format])


def _documents(stream: BinaryIO) -> Iterator[Object | UnreadableError]:
    """Yield the objects of a file; an answer of the Lens API holds them in a list."""
    for each in objects(stream):
        if isinstance(each, Mapping) and isinstance(each.get("data"), list) and "lens_id" not in each:
            yield from (found if isinstance(found, Mapping) else UnreadableError("is no JSON object") for found in each["data"])
        else:
            yield each


def _bigquery(found: Object) -> Fields:
    number = _number(found, "publication_number", office=string(found.get("country_code")), kind=string(found.get("kind_code")))
    family = string(found.get("family_id"))
    harmonised = items(found.get("assignee_harmonized"))
    applicants = [(string(at(each, "name")), string(at(each, "country_code")), "") for each in harmonised]
    return {
        "id": number.id or string(found.get("application_number")),
        "title": values.text(in_english(found.get("title_localized"))),
        "abstract": values.text(in_english(found.get("abstract_localized"))),
        "family": "" if family in ("-1", "0") else values.name(family),  # -1: in no family that is known
        **{f"{kind}_date": values.date(string(found.get(f"{kind}_date"))) for kind in _DATES},
        "office": number.office,
        "kind": number.kind,
        **parties(applicants or [(string(each), "", "") for each in items(found.get("assignee"))]),
        **{scheme: values.codes(string(at(each, "code")) for each in items(found.get(scheme))) for scheme in ("cpc", "ipc")},
    }


_DATES = ("filing", "priority", "publication", "grant")


def _lens(found: Object) -> Fields:
    biblio = found.get("biblio")
    published = at(biblio, "publication_reference") or found
    number = _lens_number(published)
    members = {
        _lens_number(at(each, "document_id")).id for each in items(at(found, "families", "simple_family", "members"))
    } - {""}
    day = values.date(string(at(published, "date")) or string(found.get("date_published")))
    granted = string(found.get("publication_type") or found.get("doc_type")).replace("_", " ").casefold() == "granted patent"
    return {
        "id": number.id or string(found.get("lens_id")),
        "title": values.text(in_english(at(biblio, "invention_title"), language="lang")),
        "abstract": values.text(in_english(found.get("abstract"), language="lang")),
        "family": min(members | {number.id}) if members else "",
        "filing_date": values.date(string(at(biblio, "application_reference", "date"))),
        "priority_date": values.date(string(at(biblio, "priority_claims", "earliest_claim", "date"))),
        "publication_date": day,
        "grant_date": values.date(string(at(found, "legal_status", "grant_date"))) or (day if granted else ""),
        "office": number.office,
        "kind": number.kind,
        **parties(
            (string(at(each, "extracted_name", "value")), string(at(each, "residence")), "")
            for each in items(at(biblio, "parties", "applicants"))
        ),
        "cpc": _lens_codes(biblio, "classifications_cpc"),
        "ipc": _lens_codes(biblio, "classifications_ipcr"),
    }


def _lens_number(found: Any) -> values.Publication:
    return _number(found, "doc_number", string(at(found, "jurisdiction")), string(at(found, "kind")))


def _lens_codes(biblio: Any, name: str) -> str:
    return values.codes(string(at(each, "symbol")) for each in items(at(biblio, name, "classifications")))


def _hupd(found: Object) -> Fields:
    number = _number(found, "publication_number", "US")
    return {
        "id": number.id or string(found.get("application_number")),
        "title": values.text(string(found.get("title"))),
        "abstract": values.text(string(found.get("abstract"))),
        "filing_date": values.date(string(found.get("filing_date"))),
        "publication_date": values.date(string(found.get("date_published"))),
        "grant_date": values.date(string(found.get("patent_issue_date"))),
        "office": "US",
        "kind": number.kind,
        "cpc": _hupd_codes(found, "cpc"),
        "ipc": _hupd_codes(found, "ipcr"),
    }


def _hupd_codes(found: Object, scheme: str) -> str:
    labels = [found.get(f"main_{scheme}_label"), *items(found.get(f"{scheme}_labels"))]
    return values.codes(slashed(string(label)) for label in labels)


def _number(found: Any, name: str, office: str, kind: str = "") -> values.Publication:
    """Return the publication number that stands under ``name``, if one does."""
    number = string(at(found, name))
    return values.publication(number, office, kind) if number else values.Publication("", values.two_letters(office), kind)


_MAKERS: Mapping[str, Callable[[Object], Fields]] = {"bigquery": _bigquery, "lens": _lens, "hupd": _hupd}
