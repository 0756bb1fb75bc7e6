"""Symbols of the Cooperative and the International Patent Classification: read as databases write them, and compared."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from ipclass.errors import LabelError

# As databases write it: H04B7/145, "h04b 7/145 (2013.01)", G06N10, G01R, or IPC's fixed width H04B0007145000.
_CODE = re.compile(
    r"\s*([A-HY]\d\d[A-Z])\s*-?\s*(?:0*(\d{1,4})\s*(?:/\s*(\d{2,6}))?)?(?![\w/]).*", re.ASCII | re.IGNORECASE | re.DOTALL
)
_FIXED_WIDTH = re.compile(r"\s*([A-HY]\d\d[A-Z])(\d{4})(\d{6})(?!\w).*", re.ASCII | re.IGNORECASE | re.DOTALL)
_GROUP = re.compile(r"\d\d?|2\d{3}")  # 1 to 99, and the indexing groups from 2000 on
_BETWEEN = re.compile(r"[;|,\n\[\]\"']+")


@dataclass(frozen=True)
class Code:
    """A symbol of the CPC or the IPC. ``group`` and ``subgroup`` are empty where a coarser code leaves them out."""

    subclass: str
    group: str = ""
    subgroup: str = ""

    def __str__(self) -> str:
        return f"{self.subclass}{self.group}{'/' if self.subgroup else ''}{self.subgroup}"

    def covers(self, other: Code) -> bool:
        """Return whether ``other`` begins with this code.

        >>> code("G06N3/04").covers(code("G06N3/0455")), code("G06N1").covers(code("G06N10/20"))
        (True, False)
        """
        return (
            self.subclass == other.subclass
            and self.group in ("", other.group)
            and (not self.subgroup or other.subgroup.startswith(self.subgroup))
        )

    @property
    def place(self) -> tuple[str, int, str]:
        """Where the code stands in the order of its scheme: the digits of a subgroup sort like decimals."""
        return self.subclass, int(self.group or 0), self.subgroup.rstrip("0")


@dataclass(frozen=True)
class CodeRange:
    """The codes from ``first`` to ``last``, with all that begins with ``last``; a single code is a range of one.

    >>> code_range("H04B7/04-H04B7/15").covers(code("H04B7/145"))
    True
    """

    first: Code
    last: Code

    def covers(self, other: Code) -> bool:
        """Return whether ``other`` lies in the range."""
        if self.last.covers(other):
            return True
        return bool(other.subgroup) and self.first.place <= other.place <= self.last.place


class CodeList:
    """The codes and ranges of a list, by their subclasses: few of them are looked at for a code."""

    def __init__(self, ranges: Iterable[CodeRange]) -> None:
        self._ranges: dict[str, list[CodeRange]] = {}
        for each in ranges:
            self._ranges.setdefault(each.first.subclass, []).append(each)

    def covers(self, other: Code) -> bool:
        """Return whether the list names ``other`` or what it begins with."""
        return any(each.covers(other) for each in self._ranges.get(other.subclass, ()))


def code(text: str) -> Code:
    """Return the code that ``text`` begins with; what follows it, such as a version or an office, is passed over.

    Raises:
        LabelError: The text does not begin with a code, or with one that has lost its slash, as in G06N3063.
    """
    if found := _FIXED_WIDTH.fullmatch(text):
        subclass, group, subgroup = found.groups()
        return Code(subclass.upper(), str(int(group)), subgroup[:2] + subgroup[2:].rstrip("0"))
    if found := _CODE.fullmatch(text):
        subclass, group, subgroup = found.groups(default="")
        if subgroup or not group or _GROUP.fullmatch(group) or subclass.upper().startswith("Y10"):
            return Code(subclass.upper(), group, subgroup)
        raise LabelError(f"{text!r}: where does its slash belong? Write it as in H04B7/145")
    raise LabelError(f"{text!r} is no CPC or IPC code (such as H04B7/145)")


@lru_cache(maxsize=1 << 17)
def canonical(text: str) -> str:
    """Return the code that ``text`` begins with as G06N3/08: no space, one slash, no padding; "" if there is none.

    >>> [canonical(text) for text in ("g06n  3/08 (2006.01)", "G06N0003080000", "H04W", "G06N3063", "706/12")]
    ['G06N3/08', 'G06N3/08', 'H04W', '', '']
    """
    try:
        return str(code(text))
    except LabelError:
        return ""


def codes_in(cell: str) -> list[str]:
    """Return the canonical codes in a cell of a table, each once, whatever stands between them.

    >>> codes_in("G06N 3/08 (EP,US); G06N20/00;;H04L9/08|nonsense")
    ['G06N3/08', 'G06N20/00', 'H04L9/08']
    """
    return list(dict.fromkeys(filter(None, map(canonical, _BETWEEN.split(cell)))))


def code_range(text: str) -> CodeRange:
    """Return the range ``A-B``, or that of the single code A.

    Raises:
        LabelError: An end is no code, or the ends are not two subgroups of one subclass in order.
    """
    first, dash, last = text.partition("-")
    found = CodeRange(code(first), code(last if dash else first))
    if dash:
        ends = (found.first, found.last)
        if not all(end.subgroup for end in ends) or found.first.subclass != found.last.subclass:
            raise LabelError(f"{text!r}: a range of codes goes from a subgroup to a subgroup of the same subclass")
        if found.first.place > found.last.place:
            raise LabelError(f"{text!r}: the range ends before it begins; subgroups sort like decimals (04 < 145 < 15)")
    return found
