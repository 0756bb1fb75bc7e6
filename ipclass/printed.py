"""Figures as a reader sees them: shares in per cent, or what is printed in their place."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ipclass.cells import Cell


def percent(value: float) -> str:
    """Return a share in per cent with two digits behind the point, as ``ipclass shares`` prints it."""
    return "–" if math.isnan(value) else f"{value:.2%}"


def drawable(cell: Cell) -> bool:
    """Return whether a share may be shown as a number: it is printable and above the floor."""
    return cell.share.printable and not cell.share.below_floor


def shown_share(cell: Cell) -> str:
    """Return the share, "less than the floor", or a slash if it must not be printed."""
    if not cell.share.printable:
        return "/"
    return f"< {percent(cell.share.floor)}" if cell.share.below_floor else percent(cell.share.share)


def shown_interval(cell: Cell) -> str:
    """Return the interval of a share that may be printed."""
    return f"{percent(cell.share.low)} to {percent(cell.share.high)}" if cell.share.printable else "/"


def count(value: float) -> str:
    """Return a number of documents, which may be the sum of parts."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def figure(value: float | None, form: str = ".3g") -> str:
    """Return a figure in ``form``, or a dash if there is none."""
    return "–" if value is None else format(value, form)


def group_name(cell: Cell) -> str:
    """Return what the first group of a cell is called."""
    return cell.group[0] or "(not stated)"


def short(text: str, longest: int) -> str:
    """Return ``text`` with its middle left out if it is too long: names often differ at the end."""
    half = longest // 2
    return text if len(text) <= longest else f"{text[:half].rstrip()}…{text[1 - half :].lstrip()}"


def largest_first(cells: Sequence[Cell]) -> list[Cell]:
    """Return cells by their documents, those without a tag too."""
    return sorted(cells, key=lambda cell: (-cell.share.n - cell.unscored, cell.group))
