"""Codes that lost their slash, as HUPD writes them: G06N3063 for G06N3/063. Where it stood only known codes can tell.

``symbols.txt`` has a line for each subclass: its main groups, and behind a bar those symbols that could be read in
several ways. It is made by ``benchmarks/formats.py symbols`` from the codes of real patents.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

_UNSLASHED = re.compile(r"([A-HY]\d\d[A-Z])(\d{3,10})", re.ASCII)


def slashed(code: str) -> str:
    """Return ``code`` with its slash, or only its subclass where the slash could stand in several places.

    >>> [slashed(each) for each in ("G06N3063", "A61M51723", "G06N", "H04L2012")]
    ['G06N3/063', 'A61M5/1723', 'G06N', 'H04L']
    """
    found = _UNSLASHED.fullmatch(code.strip().upper())
    if not found:
        return code
    subclass, digits = found.groups()
    groups, symbols = _known().get(subclass, (frozenset(), frozenset()))
    readings = [f"{digits[:n]}/{digits[n:]}" for n in splits(digits) if digits[:n] in groups]
    if len(readings) > 1:
        readings = [each for each in readings if each in symbols]
    return f"{subclass}{readings[0]}" if len(readings) == 1 else subclass


def splits(digits: str) -> range:
    """Return how many digits may stand before the slash: a main group has up to four, a subgroup two to six.

    >>> splits("3063")
    range(1, 3)
    """
    return range(max(1, len(digits) - 6), min(4, len(digits) - 2) + 1)


@lru_cache(maxsize=1)
def _known() -> Mapping[str, tuple[frozenset[str], frozenset[str]]]:
    known = {}
    for line in files("ipclass.formats").joinpath("symbols.txt").read_text("utf-8").splitlines():
        subclass, _, rest = line.partition(" ")
        groups, _, symbols = rest.partition("|")
        known[subclass] = (frozenset(groups.split()), frozenset(symbols.split()))
    return known
