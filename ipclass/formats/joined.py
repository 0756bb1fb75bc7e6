"""Sources that spread a document over several tables: PatentsView and PATSTAT.

The tables are loaded into a database of SQLite that lies in memory as long as it is small and on disk beyond that, and is gone
afterwards: so the files may be of any size and in any order. Documents come in the order of the table of patents.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

from ipclass.errors import InputError
from ipclass.formats import values
from ipclass.formats.batches import NO_DOCUMENT, READ_ERRORS, Fields, Input, begun, parties, shown
from ipclass.formats.profiles import folded
from ipclass.formats.rows import BadRow, Dialect, decoded, encoding_of, problem_of, text_rows
from ipclass.formats.tabular import SEPARATORS, no_abstracts
from ipclass.records import Reject

Row = Mapping[str, str]
_FILE, _ROW = "@file", "@row"  # where a row stands, among its cells
_CHUNK = 2_000
_TABLES: Mapping[str, str] = {
    "document": "key, id, office, kind, family, filing_date, priority_date, publication_date, grant_date",
    "title": "key, text",
    "abstract": "key, text, file, row",
    "filing": "key, day",
    "publication": "key, day, id, kind, granted",
    "cpc": "key, place, code",
    "ipc": "key, place, code",
    "family_cpc": "key, place, code",
    "party": "key, place, name, country, type, who",
    "who": "key, name, country, type",
}


@dataclass(frozen=True)
class Role:
    """A part that a table can play: its place in the database, the columns that show it, what of a row goes there."""

    table: str
    needs: frozenset[str]
    take: Callable[[Row], tuple[str, ...]]


def read(source: str, inputs: Sequence[Input], title_only: bool) -> Iterator[Fields | Reject]:
    """Yield the documents of the tables of ``source``, and what could not be read or joined.

    Tables that say nothing of a document that we ask for, such as those of citations, are passed over.

    Raises:
        InputError: There is no table of documents, or none of abstracts and ``title_only`` is not set.
    """
    with closing(sqlite3.connect("")) as database:
        database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536")
        for table, columns in _TABLES.items():
            database.execute(f"CREATE TABLE {table} ({columns})")
        seen: set[str] = set()
        for input in inputs:
            yield from _load(input, ROLES[source], database, seen)
        _check(source, inputs, seen, title_only)
        for table in _TABLES:
            database.execute(f"CREATE INDEX by_key_{table} ON {table} (key)")
        yield from _documents(database)
        yield from _left_over(database)
        if not database.execute("SELECT 1 FROM document LIMIT 1").fetchone():
            yield Reject(inputs[0].name, "row 1", NO_DOCUMENT)


def roles_of(header: Iterable[str], source: str) -> tuple[Role, ...]:
    """Return the parts that a table with such a header plays."""
    names = frozenset(map(folded, header))
    return tuple(role for role in ROLES[source] if names >= role.needs)


def _load(input: Input, roles: Sequence[Role], database: sqlite3.Connection, seen: set[str]) -> Iterator[Reject]:
    """Put a table into the database, note which parts it plays, and yield its rows that cannot be read."""
    number = 0
    try:
        with input.open() as stream:
            head, stream = begun(stream)
            rows = text_rows(decoded(stream, encoding_of(head)), _dialect(head, roles))
            header = next(rows, [])
            names = [] if isinstance(header, BadRow) else list(map(folded, header))
            played = [role for role in roles if role.needs <= set(names)]
            seen.update(role.table for role in played)
            while played and (chunk := list(islice(rows, _CHUNK))):
                whole: list[Row] = []
                for row in chunk:
                    number += 1
                    if isinstance(row, BadRow) or problem_of(row, names):
                        yield Reject(input.name, f"row {number}", problem_of(row, names))
                    else:
                        whole.append({**dict(zip(names, row, strict=False)), _FILE: input.name, _ROW: str(number)})
                yield from _store(whole, played, database)
    except READ_ERRORS as error:
        yield Reject(input.name, f"row {number + 1}", f"nothing can be read from here on: {shown(error)}")


def _store(rows: Sequence[Row], played: Sequence[Role], database: sqlite3.Connection) -> Iterator[Reject]:
    """Put rows into the database, and yield those of documents that nothing can be joined to."""
    counted = next((role for role in played if role.table in ("document", "abstract")), None)
    for role in played:
        marks = ", ".join("?" for _ in _TABLES[role.table].split(","))
        taken = list(map(role.take, rows))
        database.executemany(f"INSERT INTO {role.table} VALUES ({marks})", (each for each in taken if each[0]))
        if role is counted:
            nameless = (row for row, each in zip(rows, taken, strict=True) if not each[0])
            yield from (Reject(row[_FILE], f"row {row[_ROW]}", "has no number") for row in nameless)


def _dialect(head: bytes, roles: Sequence[Role]) -> Dialect:
    """Return how a table is written: with the separator that shows a part we know."""
    encoding = encoding_of(head)
    line = head.decode(encoding, "replace").partition("\n")[0]
    for separator in SEPARATORS:
        names = {folded(name.strip().strip('"')) for name in line.split(separator)}
        if any(role.needs <= names for role in roles):
            return Dialect(separator, encoding=encoding)
    return Dialect("\t", encoding=encoding)


def _check(source: str, inputs: Sequence[Input], seen: set[str], title_only: bool) -> None:
    first = inputs[0].name if inputs else "no file"
    shown_as, texts = _SHOWN[source]
    if not seen & {"document", "title", "abstract"}:
        raise InputError(f"{first}: no table of {shown_as} with documents; give {texts} too")
    if "abstract" not in seen and not title_only:
        raise InputError(no_abstracts(first, shown_as, f"give {texts} too"))


def _documents(database: sqlite3.Connection) -> Iterator[Fields]:
    """Yield the documents in the order of their table; where there is none, in that of the abstracts or titles."""
    if not database.execute("SELECT 1 FROM document LIMIT 1").fetchone():
        only_key = "key" + ", ''" * _TABLES["document"].count(",")
        texts = "SELECT key FROM abstract UNION ALL SELECT key FROM title"
        database.execute(f"INSERT INTO document SELECT DISTINCT {only_key} FROM ({texts})")
    names = _TABLES["document"].split(", ")
    for key, *known in database.execute("SELECT * FROM document ORDER BY rowid"):
        yield _document(database, key, dict(zip(names[1:], known, strict=True)))


def _document(database: sqlite3.Connection, key: str, known: dict[str, str]) -> Fields:
    def all_of(query: str, *arguments: str) -> list[tuple[str, ...]]:
        return database.execute(query, arguments or (key,)).fetchall()

    def first(query: str) -> str:
        return next((value for (value,) in all_of(query)), "")

    published = all_of("SELECT id, kind, day FROM publication WHERE key = ? ORDER BY day = '', day, kind LIMIT 1")
    for number, kind, day in published:
        known = {**known, "id": number, "kind": kind, "publication_date": known["publication_date"] or day}
    granted = first("SELECT min(day) FROM publication WHERE key = ? AND granted AND day != ''")
    applicants = all_of(  # of a party's two names, countries and types one is empty
        "SELECT max(party.name, ifnull(who.name, '')), max(party.country, ifnull(who.country, '')), "
        "max(party.type, ifnull(who.type, '')) FROM party LEFT JOIN who ON party.who != '' AND who.key = party.who "
        "WHERE party.key = ? ORDER BY CAST(place AS INTEGER), party.rowid"
    )
    codes = all_of("SELECT code FROM cpc WHERE key = ? ORDER BY CAST(place AS INTEGER), rowid")
    if not codes and known["family"]:
        codes = all_of("SELECT code FROM family_cpc WHERE key = ? ORDER BY CAST(place AS INTEGER), rowid", known["family"])
    ipc = all_of("SELECT code FROM ipc WHERE key = ? ORDER BY CAST(place AS INTEGER), rowid")
    return {
        **known,
        "id": known["id"] or key,
        "title": first("SELECT text FROM title WHERE key = ? LIMIT 1"),
        "abstract": first("SELECT text FROM abstract WHERE key = ? ORDER BY rowid LIMIT 1"),
        "filing_date": known["filing_date"] or first("SELECT day FROM filing WHERE key = ? LIMIT 1"),
        "grant_date": known["grant_date"] or granted or "",
        **parties((name, country, kind) for name, country, kind in applicants),
        "cpc": values.codes(code for (code,) in codes),
        "ipc": values.codes(code for (code,) in ipc),
    }


def _left_over(database: sqlite3.Connection) -> Iterator[Reject]:
    """Yield the abstracts that stand in no document: those of no patent, and those after a patent's first."""
    orphans = "SELECT file, row, key FROM abstract WHERE NOT EXISTS (SELECT 1 FROM document WHERE document.key = abstract.key)"
    for file, row, key in database.execute(orphans):
        yield Reject(file, f"row {row}", f"is the abstract of {key!r}, of which there is no patent")
    second = (
        "SELECT file, row, key FROM abstract "
        "WHERE rowid > (SELECT min(rowid) FROM abstract AS one WHERE one.key = abstract.key) "
        "AND EXISTS (SELECT 1 FROM document WHERE document.key = abstract.key)"
    )
    for file, row, key in database.execute(second):
        yield Reject(file, f"row {row}", f"is one more abstract of {key!r}; the first one stands")


def _role(table: str, needs: str, take: Callable[[Row], tuple[str, ...]]) -> Role:
    return Role(table, frozenset(needs.split()), take)


def _any(row: Row, *names: str) -> str:
    return next(filter(None, (row.get(name, "").strip() for name in names)), "")


def _text(row: Row, key: str, name: str) -> tuple[str, ...]:
    return row[key], values.text(row[name])


def _place(row: Row) -> tuple[str, ...]:
    return row[_FILE], row[_ROW]


def _code(row: Row, key: str, place: str, name: str) -> tuple[str, ...]:
    return row[key], row.get(place, ""), row[name]


def _us_patent(row: Row) -> tuple[str, ...]:
    key, kind = _any(row, "patent_id", "id"), _any(row, "wipo_kind", "kind")
    number, day = values.publication(key, "US", kind), values.date(_any(row, "patent_date", "date"))
    return key, number.id, "US", number.kind, "", "", "", day, day


def _us_ipc(row: Row) -> tuple[str, ...]:
    symbol = f"{row['section']}{row['ipc_class'].strip():0>2}{row['subclass']}{row['main_group']}/{row['subgroup']}"
    return row["patent_id"], _any(row, "ipc_sequence", "sequence"), symbol.replace(" ", "")


def _us_assignee(row: Row, raw: str = "") -> tuple[str, ...]:
    first, last = (_any(row, f"{raw}_individual_name_{part}", f"name_{part}") for part in ("first", "last"))
    name = _any(row, f"{raw}_organization", "organization") or ", ".join(filter(None, (last, first)))
    kind = values.role(_any(row, "assignee_type", "type"))
    place = _any(row, "assignee_sequence", "sequence")
    return row["patent_id"], place, name, "", kind, _any(row, "location_id", "rawlocation_id")


def _application(row: Row) -> tuple[str, ...]:
    office = values.two_letters(row["appln_auth"])
    number = f"{office}{_any(row, 'appln_nr')}{_any(row, 'appln_kind')}"
    family = _any(row, "docdb_family_id").lstrip("0")
    dates = (values.date(_any(row, f"{name}_date")) for name in ("appln_filing", "earliest_filing", "earliest_publn"))
    return row["appln_id"], number, office, "", family, *dates, ""


def _publication(row: Row) -> tuple[str, ...]:
    number = values.publication(row["publn_nr"], row["publn_auth"], _any(row, "publn_kind"))
    granted = "1" if _any(row, "publn_first_grant").upper() in ("Y", "1") else ""
    return row["appln_id"], values.date(_any(row, "publn_date")), number.id, number.kind, granted


def _applicant(row: Row) -> tuple[str, ...]:
    place = row["applt_seq_nr"].strip()
    key = row["appln_id"] if place not in ("", "0") else ""  # 0: an inventor only
    return key, place, "", "", "", row["person_id"]


def _person(row: Row) -> tuple[str, ...]:
    name = _any(row, "psn_name", "person_name", "han_name")
    return row["person_id"], name, _any(row, "person_ctry_code"), values.applicant_type(_any(row, "psn_sector"))


_G_PATENT = "patent_id patent_title patent_type"
_LEGACY_PATENT = "id type number title abstract num_claims withdrawn"

ROLES: Mapping[str, tuple[Role, ...]] = {
    "patentsview": (
        _role("document", _G_PATENT, _us_patent),
        _role("title", _G_PATENT, lambda row: _text(row, "patent_id", "patent_title")),
        _role("abstract", "patent_id patent_abstract", lambda row: (*_text(row, "patent_id", "patent_abstract"), *_place(row))),
        _role("document", _LEGACY_PATENT, _us_patent),
        _role("title", _LEGACY_PATENT, lambda row: _text(row, "id", "title")),
        _role("abstract", _LEGACY_PATENT, lambda row: (*_text(row, "id", "abstract"), *_place(row))),
        _role(
            "filing", "patent_id application_id filing_date", lambda row: (row["patent_id"], values.date(row["filing_date"]))
        ),
        _role("filing", "patent_id series_code number date", lambda row: (row["patent_id"], values.date(row["date"]))),
        _role("cpc", "patent_id cpc_sequence cpc_group", lambda row: (row["patent_id"], row["cpc_sequence"], row["cpc_group"])),
        _role("cpc", "patent_id subgroup_id sequence", lambda row: (row["patent_id"], row["sequence"], row["subgroup_id"])),
        _role("ipc", "patent_id section ipc_class subclass main_group subgroup", _us_ipc),
        _role("party", "patent_id disambig_assignee_organization", lambda row: _us_assignee(row, "disambig_assignee")),
        _role("party", "patent_id rawlocation_id organization", _us_assignee),
        _role("who", "location_id disambig_country", lambda row: (row["location_id"], "", row["disambig_country"], "")),
        _role("who", "id location_id city country", lambda row: (row["id"], "", row["country"], "")),
    ),
    "patstat": (
        _role("document", "appln_id appln_auth", _application),
        _role("title", "appln_id appln_title", lambda row: _text(row, "appln_id", "appln_title")),
        _role("abstract", "appln_id appln_abstract", lambda row: (*_text(row, "appln_id", "appln_abstract"), *_place(row))),
        _role("publication", "appln_id publn_auth publn_nr", _publication),
        _role("cpc", "appln_id cpc_class_symbol", lambda row: _code(row, "appln_id", "", "cpc_class_symbol")),
        _role(
            "family_cpc", "docdb_family_id cpc_class_symbol", lambda row: _code(row, "docdb_family_id", "", "cpc_class_symbol")
        ),
        _role("ipc", "appln_id ipc_class_symbol", lambda row: _code(row, "appln_id", "", "ipc_class_symbol")),
        _role("party", "appln_id person_id applt_seq_nr", _applicant),
        _role("who", "person_id person_ctry_code", _person),
    ),
}
_SHOWN = {
    "patentsview": ("PatentsView", "g_patent.tsv and g_patent_abstract.tsv"),
    "patstat": ("PATSTAT", "tls201_appln, tls202_appln_title and tls203_appln_abstr"),
}
