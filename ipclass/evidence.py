"""What the codes of a document say beside its text: they agree with a tag, disagree with it, or are silent.

Codes never make a tag and never change one: tags come from texts alone. A strong code of a label says that it should be there.
A supporting code agrees with a tag, but says nothing where there is none; neither does the lack of any code, for no list is
complete. A code against a label agrees with its absence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from ipclass.codes import CodeList, code, code_range, codes_in
from ipclass.files import Block, column_named, values
from ipclass.labels import LabelSet

Verdict = Literal["agree", "disagree", "silent", "unscored"]
"""``unscored``: the text could not be tagged, but a strong code points to the label."""

CODES = "{}_codes"
"""The column of what the codes of each document make of its tag of a label."""

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


def with_verdicts(frame: pl.DataFrame, labels: LabelSet, tagged: Sequence[pl.Series]) -> pl.DataFrame:
    """Return a table with a column a label, as ``ai_codes``, of what the codes of each document make of its tag.

    A table without columns of codes comes back as it is.

    Args:
        frame: The table; its columns of codes have usual names.
        labels: The labels, with their codes.
        tagged: For each label whether each document has it; ``None`` where that is unscored.

    Raises:
        LabelError: A code of a label makes no sense.
    """
    columns = code_columns(frame.columns)
    if not columns:
        return frame
    rows = zip(*(tags.to_list() for tags in tagged), strict=True)
    said = verdicts(Block([""] * frame.height, frame=frame), columns, rows, labels)
    return frame.with_columns(
        pl.Series(CODES.format(label), texts, pl.String) for label, texts in zip(labels.ids, said, strict=True)
    )


def verdict(said: pl.Expr) -> pl.Expr:
    """Return the verdict that ``CodeLists.shown`` has put into words; nothing where there is none."""
    return said.cast(pl.String).str.extract(r"\A(agree|disagree|silent|unscored)(?::|\z)")


def counts(said: pl.Series, tagged: pl.Series) -> dict[str, int]:
    """Return how often the codes of documents agree with the tags of a label, disagree, or are silent.

    ``documents`` counts all, ``with_codes`` those with any; of these ``unscored``, and of the others ``agree``, ``disagree``
    and ``silent``. ``disagree`` is the sum of ``model_only`` (tagged, but codes speak against it) and ``codes_only`` (not
    tagged, but a strong code points to it).

    >>> found = counts(pl.Series(["agree: G06N3/08", "disagree: G06N3/08", ""]), pl.Series([True, False, False]))
    >>> found["with_codes"], found["agree"], found["model_only"], found["codes_only"]
    (2, 1, 0, 1)

    Args:
        said: What the codes of each document say, as ``CodeLists.shown`` words it.
        tagged: Whether each document has the label; ``None`` if it is unscored.
    """
    every = pl.DataFrame({"said": said, "tagged": tagged}, schema_overrides={"tagged": pl.Boolean})
    spoken = every.select("tagged", said=verdict(pl.col("said"))).filter(pl.col("said").is_not_null())
    scored = spoken.filter(pl.col("tagged").is_not_null() & (pl.col("said") != "unscored"))
    times = dict(scored["said"].value_counts().rows())
    model_only = scored.filter(pl.col("tagged"), said="disagree").height
    return {
        **{"documents": every.height, "with_codes": spoken.height, "unscored": spoken.height - scored.height},
        **{each: times.get(each, 0) for each in ("agree", "disagree", "silent")},
        **{"model_only": model_only, "codes_only": times.get("disagree", 0) - model_only},
    }
