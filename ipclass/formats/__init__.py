"""Patents as offices and vendors export them: each source's files read into the same columns.

``recognise`` tells the source from the header or the root element, ``read`` yields the documents in the columns of
``records.STANDARD``, ``documents`` turns these into ``Document``s. What is in which export stands in ``docs/formats.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import polars as pl

from ipclass.errors import InputError, choices
from ipclass.formats import values
from ipclass.formats.batches import HEAD, READ_ERRORS, Batch, Fields, Input, batched, begun, shown
from ipclass.records import STANDARD, Applicant, Document, Reject

if TYPE_CHECKING:
    from ipclass.formats.profiles import Profile

__all__ = ["HEAD", "NAMES", "Batch", "Input", "documents", "head_of", "read", "recognise"]

NAMES: tuple[str, ...] = (
    *("lens", "google", "bigquery", "espacenet", "docdb", "ops", "uspto", "patentsview", "hupd", "patentscope", "patstat"),
    *("derwent", "incopat", "patsnap", "cnipa"),
)
"""The formats that ``read`` knows."""


def recognise(name: str, head: bytes) -> str:
    """Return the format of the export that begins with ``head``, or "" if it is none that is known: a plain table, say.

    ``head`` are the first 64 KB of the file ``name``, unpacked; of a workbook all of it, as nothing less shows its header
    (``head_of`` returns just that).

    >>> recognise("export.csv", b"#,Jurisdiction,Kind,Display Key,Lens ID,Title,Abstract\\n")
    'lens'
    >>> recognise("lens.csv", b"id,title,abstract\\n")
    ''
    """
    from ipclass.formats import recognition

    return recognition.recognise(name, head)


def head_of(input: Input) -> bytes:
    """Return as much of a file as ``recognise`` needs.

    Raises:
        InputError: It cannot be read.
    """
    from ipclass.excel import LARGEST_FILE
    from ipclass.formats.rows import is_workbook

    try:
        with input.open() as stream:
            head, stream = begun(stream)
            return stream.read(LARGEST_FILE) if is_workbook(head) else head
    except READ_ERRORS as error:
        raise InputError(f"{input.name}: cannot be read: {shown(error)}") from error


def read(format: str, inputs: Sequence[Input], title_only: bool = False) -> Iterator[Batch]:
    """Yield the documents in ``inputs``, all of one format, a few thousand at a time and in their order.

    Every document of a file is either in a batch or among its rejects.

    Args:
        format: One of ``NAMES``.
        inputs: The files; PatentsView and PATSTAT need several, the others read one after the other.
        title_only: Read an export that holds no abstracts. Without it such an export is refused, with what to export instead.

    Raises:
        InputError: There is no such format, a file is of another one, or it has no abstracts.
    """
    if format not in NAMES:
        raise InputError(f"no format {format!r}; {choices(format, NAMES)}")
    return batched(_found(format, inputs, title_only))


def _found(format: str, inputs: Sequence[Input], title_only: bool) -> Iterator[Fields | Reject]:
    """Return what the reader of ``format`` yields."""
    if format == "uspto":
        from ipclass.formats import uspto

        return uspto.read(inputs)
    if format in ("docdb", "ops"):
        from ipclass.formats import exchange

        return exchange.read(inputs)
    if format in ("bigquery", "hupd"):
        from ipclass.formats import vendor_json

        return vendor_json.read(format, inputs)
    if format in ("patentsview", "patstat"):
        from ipclass.formats import joined

        return joined.read(format, inputs, title_only)
    from ipclass.formats import tabular
    from ipclass.formats.profiles import PROFILES

    profile = next(profile for profile in PROFILES if profile.format == format)
    return _lens(profile, inputs, title_only) if format == "lens" else tabular.read(profile, inputs, title_only)


def _lens(profile: Profile, inputs: Sequence[Input], title_only: bool) -> Iterator[Fields | Reject]:
    """Yield what is in the exports of Lens, which are tables or JSON."""
    from ipclass.formats import tabular, vendor_json

    for input in inputs:
        head, again = _peeked(input)
        is_json = head.lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")[:1] in (b"{", b"[")
        yield from vendor_json.read("lens", [again]) if is_json else tabular.read(profile, [again], title_only)


def _peeked(input: Input) -> tuple[bytes, Input]:
    """Return the first bytes of a file, and the file as if nothing had been read of it."""
    try:
        stream = input.open()
        head, whole = begun(stream)
    except READ_ERRORS:
        return b"", input
    return head, Input(input.name, lambda: whole)


def documents(frame: pl.DataFrame) -> Iterator[Document]:
    """Yield the documents in a frame with the columns of ``records.STANDARD``, which need not all be there.

    >>> [one] = documents(pl.DataFrame({"title": ["Pump"], "applicants": ["ACME;DOE"], "applicant_countries": [";FR"]}))
    >>> one.applicants
    (Applicant(name='ACME', country='', type=''), Applicant(name='DOE', country='FR', type=''))
    """
    present = [name for name in STANDARD if name in frame.columns]
    for row in frame.select(pl.col(present).cast(pl.String).fill_null("")).iter_rows():
        yield _document({**dict.fromkeys(STANDARD, ""), **dict(zip(present, row, strict=True))})


def _document(fields: dict[str, str]) -> Document:
    dates = {name.removesuffix("_date"): value for name, value in fields.items() if name.endswith("_date") and value}
    return Document(
        fields["title"],
        fields["abstract"],
        fields["id"],
        fields["family"],
        dates,
        fields["office"],
        fields["kind"],
        _applicants(*(_parts(fields[name]) for name in ("applicants", "applicant_countries", "applicant_types"))),
        tuple(filter(None, _parts(fields["cpc"]))),
        tuple(filter(None, _parts(fields["ipc"]))),
    )


def _applicants(names: list[str], countries: list[str], types: list[str]) -> tuple[Applicant, ...]:
    """Return the applicants; what does not say something of each of them says nothing."""
    columns = [column if len(column) == len(names) else [""] * len(names) for column in (countries, types)]
    return tuple(Applicant(name, country, kind) for name, country, kind in zip(names, *columns, strict=True) if name)


def _parts(value: str) -> list[str]:
    return [part.strip() for part in value.split(values.SEPARATOR)] if value else []
