"""What the codes of a document say beside its text: they agree with a tag, disagree with it, or are silent.

Codes never make a tag and never change one: tags come from texts alone. A strong code of a label says that it should be there.
A supporting code agrees with a tag, but says nothing where there is none; neither does the lack of any code, for no list is
complete. A code against a label agrees with its absence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from ipclass.codes import CodeList, code, code_range, codes_in
from ipclass.errors import InputError, choices
from ipclass.files import Block, column_named, values
from ipclass.labels import LabelSet

Verdict = Literal["agree", "disagree", "silent", "unscored"]
"""``unscored``: the text could not be tagged, but a strong code points to the label."""

USUAL = (
    (
        *("cpc", "cpc classifications", "cpc classification", "cpc codes", "cpc code", "cpc labels", "cpc current"),
        *("cpc class symbol", "cpc group", "cpcs"),
    ),
    (
        *("ipc", "ipcr classifications", "ipc classifications", "ipc classification", "ipc codes", "ipc code", "i p c"),
        *("ipcr labels", "ipc class symbol", "ipc分类号", "ipcr", "ipcs"),
    ),
)
"""Usual names of the columns of codes: of the CPC, and of the IPC."""


def code_columns(names: Sequence[str]) -> tuple[str, ...]:
    """Return which of the columns ``names`` hold codes, by their usual names.

    >>> code_columns(["id", "IPCR Classifications", "Title", "CPC Classifications"])
    ('CPC Classifications', 'IPCR Classifications')
    """
    return tuple(filter(None, (column_named(names, usual) for usual in USUAL)))


def cells(block: Block, columns: Sequence[str]) -> list[str]:
    """Return what stands in the code ``columns`` of each row, together."""
    return [";".join(row) for row in zip(*(values(block, column) for column in columns), strict=True)] or [""] * len(block)


@dataclass(frozen=True)
class Said:
    """What codes say of a label: those that point to it, and those that speak against it."""

    strong: tuple[str, ...] = ()
    supporting: tuple[str, ...] = ()
    against: tuple[str, ...] = ()

    def verdict(self, tagged: bool | None) -> tuple[Verdict, tuple[str, ...]]:
        """Return what this makes of a tag, of its absence, or of an unscored text (``None``), and the codes that do it.

        >>> Said(supporting=("G06N3/08",)).verdict(True), Said(supporting=("G06N3/08",)).verdict(False)
        (('agree', ('G06N3/08',)), ('silent', ()))
        """
        if tagged is None:
            return ("unscored", self.strong) if self.strong else ("silent", ())
        if self.strong or (tagged and self.supporting):
            return ("agree", (*self.strong, *self.supporting)) if tagged else ("disagree", self.strong)
        if self.against:
            return ("disagree" if tagged else "agree"), self.against
        return "silent", ()


class CodeLists:
    """The codes of a set of labels, and what they say of documents.

    Raises:
        LabelError: A code of a label makes no sense.
    """

    def __init__(self, labels: LabelSet) -> None:
        self.labels = labels.ids
        self._lists = [{kind: CodeList(map(code_range, each)) for kind, each in label.codes.items()} for label in labels]
        self._met: dict[str, tuple[tuple[int, str], ...]] = {}

    def said(self, cell: str) -> tuple[Said, ...]:
        """Return what the codes in ``cell`` say of each label; nothing at all if there is no code in it."""
        codes = codes_in(cell)
        found: list[dict[str, tuple[str, ...]]] = [{} for _ in self.labels]
        for each in codes:
            for place, kind in self._listed(each):
                found[place][kind] = (*found[place].get(kind, ()), each)
        return tuple(Said(**kinds) for kinds in found) if codes else ()

    def _listed(self, text: str) -> tuple[tuple[int, str], ...]:
        """Return in which lists of which labels a code stands; tables name the same codes again and again."""
        if text not in self._met:
            read = code(text)
            self._met[text] = tuple(
                (place, kind) for place, lists in enumerate(self._lists) for kind, each in lists.items() if each.covers(read)
            )
        return self._met[text]

    def shown(self, cell: str, tagged: Sequence[bool | None]) -> tuple[str, ...]:
        """Return for each label the verdict on its tag and the codes that speak, as ``agree: G06N3/08, G06N20/00``.

        A document without codes has no verdicts: each is "".
        """
        verdicts = [said.verdict(tag) for said, tag in zip(self.said(cell), tagged, strict=False)]
        return tuple(": ".join(filter(None, (verdict, ", ".join(codes)))) for verdict, codes in verdicts) or ("",) * len(tagged)


def verdicts(
    block: Block, columns: Sequence[str], assigned: Iterable[Sequence[bool | None]], labels: LabelSet
) -> tuple[tuple[str, ...], ...]:
    """Return for each label what the codes in ``columns`` make of its tag in each document, as ``CodeLists.shown`` words it.

    ``assigned`` gives the tags of each document, ``None`` where it is unscored.
    """
    lists = CodeLists(labels)
    rows = [lists.shown(cell, tags) for cell, tags in zip(cells(block, columns), assigned, strict=True)]
    return tuple(tuple(row[place] for row in rows) for place in range(len(labels)))


@dataclass
class _Tally:
    """What was counted for one label."""

    verdicts: Counter[str] = field(default_factory=Counter)
    model_only: int = 0
    codes_only: int = 0


def table(frame: pl.DataFrame, labels: LabelSet, codes: Sequence[str] = (), prefix: str = "") -> pl.DataFrame:
    """Return a row a label: how often the codes of a tagged table agree with its tags, disagree, or are silent.

    Columns: ``label``, ``documents``, ``with_codes``; of the latter ``unscored``, and of the others ``agree``, ``disagree``
    and ``silent``; ``disagree`` is the sum of ``model_only`` (tagged, but codes speak against it) and ``codes_only`` (not
    tagged, but a strong code points to it).

    Args:
        frame: A table with a column of tags for each label, as ``classify`` writes it: 1, 0, or nothing if unscored.
        labels: The labels, with their codes.
        codes: The columns of codes; by default those of usual names.
        prefix: What stands before the names of the columns of tags.

    Raises:
        InputError: There is no column of codes, or none of tags for a label.
    """
    columns = tuple(codes) or code_columns(frame.columns)
    wanted = [*columns, *(f"{prefix}{label}" for label in labels.ids)]
    if absent := [name for name in wanted if name not in frame.columns]:
        raise InputError(f"no column {absent[0]!r}; {choices(absent[0], frame.columns)}")
    if not columns:
        raise InputError(f"no column of CPC or IPC codes; {choices('cpc', frame.columns)}")
    lists, tallies = CodeLists(labels), [_Tally() for _ in labels.ids]
    tags = [_tags(frame[f"{prefix}{label}"]) for label in labels.ids]
    with_codes = 0
    for row, cell in enumerate(cells(Block([""] * frame.height, frame=frame), columns)):
        with_codes += _counted(tallies, lists.said(cell), [column[row] for column in tags])
    return pl.DataFrame(list(_rows(labels.ids, tallies, frame.height, with_codes)))


def _tags(column: pl.Series) -> list[bool | None]:
    return [None if tag is None else bool(tag) for tag in column.cast(pl.Float64, strict=False).to_list()]


def _counted(tallies: Sequence[_Tally], said: Sequence[Said], tagged: Sequence[bool | None]) -> bool:
    """Count what the codes of one document say; return whether it has any."""
    for tally, each, tag in zip(tallies, said, tagged, strict=False):
        verdict, _ = each.verdict(tag)
        tally.verdicts["unscored" if tag is None else verdict] += 1
        tally.model_only += verdict == "disagree" and tag is True
        tally.codes_only += verdict == "disagree" and tag is False
    return bool(said)


def _rows(labels: Sequence[str], tallies: Sequence[_Tally], documents: int, with_codes: int) -> Iterator[dict[str, int | str]]:
    for label, tally in zip(labels, tallies, strict=True):
        counts = {verdict: tally.verdicts[verdict] for verdict in ("unscored", "agree", "disagree", "silent")}
        yield {
            **{"label": label, "documents": documents, "with_codes": with_codes},
            **counts,
            **{"model_only": tally.model_only, "codes_only": tally.codes_only},
        }
