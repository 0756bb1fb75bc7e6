"""What a shell offers when the user presses the tab key: labels and columns. Reads a few lines, imports nothing heavy."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

FIRST_BYTES = 1 << 16


def labels(given: Mapping[str, Any], incomplete: str) -> list[str]:
    """Return the ids of the labels of the model that is named, or shipped; after a comma the next one."""
    here = Path(__file__).parent
    named = given.get("model")
    shipped = [*(here / "models").glob("*"), *(here.parent / "models").glob("*")]
    folders = [Path(named)] if named and named != "shipped" else shipped
    found = next((ids for folder in folders if (ids := sorted(path.stem for path in folder.glob("labels/*.toml")))), [])
    return _next_of(incomplete, found)


def columns(given: Mapping[str, Any], incomplete: str) -> list[str]:
    """Return the columns of the table that is named already; after a comma the next one."""
    named = [given.get("table"), *given.get("rest", ())]  # an option without its value leaves arguments among the rest
    return _next_of(incomplete, next((found for each in named if each and (found := _header(str(each)))), []))


OFFERS: Mapping[str, Callable[[Mapping[str, Any], str], list[str]]] = {
    **dict.fromkeys(("label", "labels", "for_label"), labels),
    **dict.fromkeys(("by", "family", "of", "holder", "year", "country", "applicant", "title", "abstract", "id"), columns),
}
"""What offers values for a parameter of that name, from the parameters given so far and the text typed so far."""


def _next_of(incomplete: str, options: Iterable[str]) -> list[str]:
    before, comma, _ = incomplete.rpartition(",")
    offered = (f"{before}{comma}{option}" for option in options if option not in before.split(","))
    return [option for option in offered if option.startswith(incomplete)]


def _header(table: str) -> list[str]:
    """Return the first line of a CSV or TSV as names; nothing for any other file, or none: a shell must hear no error."""
    name = table.removesuffix(".gz")
    if not name.endswith((".csv", ".tsv", ".txt")):
        return []
    try:
        with gzip.open(table) if table.endswith(".gz") else open(table, "rb") as file:  # noqa: PTH123
            text = file.read(FIRST_BYTES).decode("utf-8-sig", "replace")
        return next(csv.reader(io.StringIO(text), delimiter="\t" if name.endswith(".tsv") else ","), [])
    except (OSError, EOFError, csv.Error):
        return []
