"""What a model learns from: label files, texts written for the project, and term counts of real patents, all judged."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ipclass.counts import Counted, Counts, bare, join, keep_terms, learn, only
from ipclass.errors import CorpusError, choices
from ipclass.labels import LabelSet, read_labels
from ipclass.records import Document
from ipclass.text import Settings

TITLE_WEIGHT = 2
NOT_JUDGED = -1
REPRESENTATIVE, RESTATED, PICKED, AUTHORED = "representative", "restated", "picked", "authored"
"""How a document came in: drawn whatever a model thinks of it; a real patent told anew; because a model was unsure of it;
made up for the project."""
ORIGINS = (REPRESENTATIVE, RESTATED, PICKED, AUTHORED)
CALIBRATING = (REPRESENTATIVE, RESTATED)
"""The origins on which thresholds rest; probabilities and shares rest on the first, where there are enough of it."""

_WORD = re.compile(r"[a-z0-9]+")
_KIND = re.compile(r"[A-Z][0-9]?$")  # US8239035B2 and US8239035 are one patent


@dataclass(frozen=True)
class Entry:
    """A judged document without its text. ``grades`` holds only the labels that it was judged for.

    Entries of one ``group`` are near-duplicates, or a patent and its restatement: they never straddle a split.
    """

    id: str
    year: str
    office: str
    origin: str
    group: str
    grades: Mapping[str, int]


@dataclass(frozen=True)
class Corpus:
    """Judged documents and the counts of their terms, row by row. ``terms`` names the columns of ``counts``."""

    labels: LabelSet
    entries: tuple[Entry, ...]
    terms: tuple[str, ...]
    counts: Counts

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def digest(self) -> str:
        """The sha256 of all that a model learns from, as 64 hexadecimal digits."""
        whole = hashlib.sha256()
        for label in self.labels:
            whole.update(f"{label.id}\n{label.source}\n".encode())
        for entry in self.entries:
            whole.update(f"{entry.id} {entry.origin} {entry.group} {sorted(entry.grades.items())}\n".encode())
        whole.update("\n".join(self.terms).encode())
        for array in (self.counts.starts, self.counts.terms, self.counts.values):
            whole.update(array.astype("<f8").tobytes())
        return whole.hexdigest()

    def grades(self, label: str) -> npt.NDArray[np.int8]:
        """Return the grades for ``label``, ``NOT_JUDGED`` where there is none."""
        return np.array([entry.grades.get(label, NOT_JUDGED) for entry in self.entries], np.int8)

    def origins(self) -> npt.NDArray[np.str_]:
        """Return how each document came in."""
        return np.array([entry.origin for entry in self.entries])

    def groups(self) -> tuple[str, ...]:
        """Return the group of each document."""
        return tuple(entry.group for entry in self.entries)


@dataclass(frozen=True)
class Judged:
    """A document with its text and its judgements."""

    document: Document
    entry: Entry


def read_corpus(folder: Path, need_documents: bool = True) -> Corpus:
    """Return the corpus in ``folder``: ``labels/``, and ``authored.jsonl`` or ``patents.csv`` with ``patents.npz``.

    Without ``need_documents`` a folder of nothing but labels is a corpus too: judgements can be joined to it.

    Raises:
        LabelError: A label file does not make sense, or there is none.
        CorpusError: A part is missing or damaged, or holds a judgement that does not make sense.
    """
    labels = read_labels(folder / "labels")
    authored = read_judged(folder / "authored.jsonl", labels) if (folder / "authored.jsonl").is_file() else ()
    written = _count((judged.document for judged in authored), labels.settings)
    if not (folder / "patents.csv").is_file():
        if not authored and need_documents:
            raise CorpusError(f"{folder}: holds neither authored.jsonl nor patents.csv")
        return Corpus(labels, tuple(judged.entry for judged in authored), *written)
    entries = read_entries(folder / "patents.csv", labels)
    counted = _read_counts(folder / "patents.npz", len(entries))
    terms, counts = join(counted, written)
    return Corpus(labels, (*entries, *_adopted([judged.entry for judged in authored], entries)), terms, counts)


def _adopted(authored: Sequence[Entry], patents: Sequence[Entry]) -> list[Entry]:
    """Return the authored entries with each restatement in the group of the patent that it restates."""
    groups = {plain_number(patent.id): patent.group for patent in patents}
    return [replace(entry, group=groups.get(plain_number(entry.group), entry.group)) for entry in authored]


def plain_number(number: str) -> str:
    """Return a publication number without its kind code and signs: of the forms of one patent in different sources.

    >>> plain_number("US-8239035-B2"), plain_number("US 8,239,035")
    ('US8239035', 'US8239035')
    """
    return _KIND.sub("", re.sub(r"[^A-Za-z0-9]", "", number))


def read_judged(path: Path, labels: LabelSet) -> tuple[Judged, ...]:
    """Return the judged texts of a JSONL file, which may be gzipped.

    Each line has ``id``, ``title``, ``abstract`` and ``grades``; it may have ``year``, ``office``, ``origin``, ``group``
    and ``restates``, the number of the patent whose content it tells anew.

    Raises:
        CorpusError: A line is not such an object, or an id comes twice.
    """
    found = tuple(_judged(line, f"{path}, line {number}", labels) for number, line in _lines(path))
    twice = [id for id, times in Counter(judged.entry.id for judged in found).items() if times > 1]
    if twice:
        raise CorpusError(f"{path}: the id {twice[0]!r} comes more than once")
    return found


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line
    except (OSError, UnicodeDecodeError, EOFError) as error:
        raise CorpusError(f"{path}: cannot be read: {error}") from error


def _judged(line: str, where: str, labels: LabelSet) -> Judged:
    try:
        record = json.loads(line)
        document = Document(str(record["title"]), str(record["abstract"]), str(record["id"]))
        judged = dict(record["grades"])
    except (ValueError, KeyError, TypeError) as error:
        raise CorpusError(f"{where}: must be an object with id, title, abstract and grades: {error!r}") from error
    entry = Entry(
        id=document.id,
        year=str(record.get("year") or ""),
        office=str(record.get("office") or ""),
        origin=str(record.get("origin", REPRESENTATIVE)),
        group=str(record.get("group") or record.get("restates") or ""),
        grades=_grades(judged, where, labels),
    )
    return Judged(document, replace(entry, group=entry.group or near_key(document)))


def _grades(judged: Mapping[str, Any], where: str, labels: LabelSet) -> dict[str, int]:
    for label, grade in judged.items():
        if label not in labels.ids:
            raise CorpusError(f"{where}: judged for {label!r}, which is no label; {choices(label, labels.ids)}")
        if grade not in (0, 1, 2):
            raise CorpusError(f"{where}: the grade of {label} is {grade!r}; it must be 0, 1 or 2")
    return {label: int(grade) for label, grade in judged.items()}


def near_key(document: Document) -> str:
    """Return what near-duplicates have in common: a title of three words or more, else the opening of the abstract."""
    title = _WORD.findall(document.title.lower())
    return " ".join(title if len(title) >= 3 else _WORD.findall(document.abstract.lower())[:12])


_FIXED = ("number", "year", "office", "origin", "group")


def read_entries(path: Path, labels: LabelSet) -> tuple[Entry, ...]:
    """Return the judged patents of a ``patents.csv``.

    Raises:
        CorpusError: The header or a row is not as expected.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        header = tuple(rows.fieldnames or ())
        if header[: len(_FIXED)] != _FIXED or not set(header[len(_FIXED) :]) <= set(labels.ids):
            raise CorpusError(f"{path}: the header must be {', '.join(_FIXED)} and labels, got {', '.join(header)}")
        entries = []
        for row in rows:
            where = f"{path}, row {rows.line_num}"
            if None in row or None in row.values():
                raise CorpusError(f"{where}: not as many fields as the header has")
            try:
                judged = {label: int(row[label]) for label in header[len(_FIXED) :] if row[label]}
            except ValueError as error:
                raise CorpusError(f"{where}: a grade must be 0, 1 or 2: {error}") from error
            number, year, office, origin, group = (row[name] for name in _FIXED)
            entries.append(Entry(number, year, office, origin, group, _grades(judged, where, labels)))
    return tuple(entries)


def _read_counts(path: Path, n: int) -> Counted:
    if not path.is_file():
        raise CorpusError(f"{path}: missing; it holds the term counts of patents.csv")
    try:
        with np.load(path, allow_pickle=False) as stored:
            terms = tuple(stored["vocabulary"].tobytes().decode().split("\n"))
            starts, columns, values = (stored[name].astype(np.int64) for name in ("starts", "terms", "values"))
    except (OSError, ValueError, KeyError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path}: not the term counts of a corpus: {error}") from error
    if len(starts) != n + 1 or starts[-1] != len(columns) or len(columns) != len(values):
        raise CorpusError(f"{path}: counts of {len(starts) - 1} texts, but patents.csv has {n} rows; build it anew")
    if len(columns) and not 0 <= columns.min() <= columns.max() < len(terms):
        raise CorpusError(f"{path}: names terms beyond its vocabulary of {len(terms)}")
    return terms, bare(starts, columns, values.astype(np.float64))


def _count(documents: Iterable[Document], settings: Settings) -> Counted:
    return learn((document.text for document in documents), settings, TITLE_WEIGHT)


def rebuild(folder: Path, judged: Sequence[Path], texts: Sequence[Path]) -> Corpus:
    """Make ``patents.csv`` and ``patents.npz`` of ``folder`` anew from files of judged patents.

    The patents that ``patents.csv`` has from elsewhere stay in, with their grades, and are counted from ``texts``.

    Raises:
        CorpusError: A file cannot be read, or the text of such a patent is in none of ``texts``.
    """
    labels = read_labels(folder / "labels")
    fresh = [each for path in judged for each in read_judged(path, labels)]
    listed = read_entries(folder / "patents.csv", labels) if (folder / "patents.csv").is_file() else ()
    ours = {each.entry.id for each in fresh}
    wanted = {entry.id: entry for entry in listed if entry.id not in ours and entry.origin == PICKED}
    found = _texts_of(wanted, texts)
    missing = [id for id in wanted if id not in found]
    if missing:
        raise CorpusError(f"{folder / 'patents.csv'}: the text of {missing[0]} ({len(missing)} in all) is in no --texts file")
    return build(folder, fresh, [(entry, found[id]) for id, entry in wanted.items()])


def _texts_of(wanted: Mapping[str, Entry], texts: Sequence[Path]) -> dict[str, Document]:
    found: dict[str, Document] = {}
    for path in texts:
        for number, line in _lines(path):
            try:
                record = json.loads(line)
                document = Document(str(record["title"]), str(record["abstract"]), str(record["id"]))
            except (ValueError, KeyError, TypeError) as error:
                raise CorpusError(f"{path}, line {number}: no object with id, title, abstract: {error!r}") from error
            if document.id in wanted:
                found.setdefault(document.id, document)
    return found


def build(folder: Path, judged: Sequence[Judged], known: Iterable[tuple[Entry, Document]] = ()) -> Corpus:
    """Write ``patents.csv`` and ``patents.npz`` of real patents to ``folder``, and return the corpus it then holds.

    ``known`` are patents that ``patents.csv`` lists already, with their texts. A term is kept where it occurs in two
    documents of the corpus or more: rarer ones teach nothing, and without them no text can be put together again.
    """
    labels = read_labels(folder / "labels")
    together = [*((each.entry, each.document) for each in judged), *known]
    entries = _grouped(together)
    authored = read_judged(folder / "authored.jsonl", labels) if (folder / "authored.jsonl").is_file() else ()
    real = _count((document for _, document in together), labels.settings)
    written = _count((judged.document for judged in authored), labels.settings)
    common = set(keep_terms(join(real, written), 2)[0])
    terms, counts = only(real, np.array([term in common for term in real[0]], bool))
    _write_entries(folder / "patents.csv", entries, labels)
    _write_counts(folder / "patents.npz", terms, counts)
    return read_corpus(folder)


def _grouped(together: Sequence[tuple[Entry, Document]]) -> list[Entry]:
    """Return the entries with groups that name no words: the number of the first patent with the same key."""
    first: dict[str, str] = {}
    for entry, document in together:
        first.setdefault(near_key(document), entry.id)
    return [replace(entry, group=first[near_key(document)]) for entry, document in together]


def _write_entries(path: Path, entries: Iterable[Entry], labels: LabelSet) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([*_FIXED, *labels.ids])
    for entry in entries:
        grades = [entry.grades.get(label, "") for label in labels.ids]
        writer.writerow([entry.id, entry.year, entry.office, entry.origin, entry.group, *grades])
    path.write_text(buffer.getvalue(), "utf-8")


def _write_counts(path: Path, terms: Sequence[str], counts: Counts) -> None:
    np.savez_compressed(
        path,
        allow_pickle=False,
        vocabulary=np.frombuffer("\n".join(terms).encode(), np.uint8),
        starts=counts.starts.astype(np.int32),
        terms=counts.terms.astype(np.int32),
        values=counts.values.astype(np.uint16),
    )


def shipped() -> Path:
    """Return the folder of the corpus that comes with the package: in the wheel, or in a checkout of the project."""
    here = Path(__file__).parent
    for folder in (here / "corpora" / "frontier", here.parent / "corpora" / "frontier"):
        if (folder / "labels").is_dir():
            return folder
    raise CorpusError("this installation has no corpus of its own; name a corpus folder")
