"""What Python users hand over as texts, whatever holds them: a list, a series, an array, documents, a data frame."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np

from ipclass.errors import InputError, choices
from ipclass.files import find_column
from ipclass.records import Document, join_fields


def texts_of(given: Any) -> list[str]:
    """Return a text for each row of ``given``: a title, a line feed and an abstract, or an abstract alone.

    ``given`` holds texts or ``Document`` items (a list, an array, a series of pandas, polars or pyarrow), or is a data frame
    with columns of usual names for title and abstract, or with one column of any name, or an array of two columns, titles
    and abstracts. What is missing (None, nan, NA) is an empty text.

    Raises:
        InputError: ``given`` is one text or document, or a table of something else, or an item is not a text.

    >>> texts_of(["A pump.", None, Document("Kite", "It flies.")])
    ['A pump.', '', 'Kite\\nIt flies.']
    """
    if isinstance(given, str | bytes | Document):
        raise InputError("one text was given where several are expected: put it into a list")
    if isinstance(given, Mapping):
        raise InputError(f"texts are expected, got {type(given).__name__}: give a list of them, or a data frame")
    held = as_seen(given, allow_series=True, pass_through=True)
    if isinstance(held, nw.LazyFrame):
        raise InputError("a lazy frame holds no rows yet: collect it first")
    if isinstance(held, nw.DataFrame):
        names = held.columns
        alone = len(names) == 1 and not any(text_columns([str(names[0])]))
        return column_texts(held.get_column(names[0])) if alone else frame_texts(held)
    if isinstance(held, nw.Series):
        return column_texts(held)
    if hasattr(given, "__array__"):
        given = np.asarray(given)
        if given.ndim == 2 and given.shape[1] == 1:
            given = given[:, 0]
    if getattr(given, "ndim", 1) != 1:
        return _pairs(given)
    if not isinstance(given, Iterable):
        raise InputError(f"texts are expected, got {type(given).__name__}: give a list of them, or a data frame")
    return [_text(value, row) for row, value in enumerate(given)]


def as_seen(given: Any, **how: Any) -> Any:
    """Return ``given`` as narwhals sees it, which ``how`` says more of.

    Raises:
        InputError: It is a data frame that names a column twice.
        TypeError: It is of no kind that narwhals knows.
    """
    try:
        return nw.from_native(given, **how)
    except nw.exceptions.DuplicateError as error:
        raise InputError(f"data frame: {' '.join(str(error).split())}") from error


def frame_texts(frame: nw.DataFrame[Any], title: str = "", abstract: str = "") -> list[str]:
    """Return the text of each row of ``frame``, of the columns named, or else of those of usual names.

    Raises:
        InputError: A column is not there, or holds something else than texts.
    """
    named = {str(name): name for name in frame.columns}  # pandas may name columns by numbers
    places = text_columns(list(named), title, abstract)
    if not any(places):
        raise InputError(f"data frame: no column for title or abstract; name it with abstract=. {choices('', named)}")
    parts = [column_texts(frame.get_column(named[name])) if name else [""] * len(frame) for name in places]
    return [join_fields(*pair) for pair in zip(*parts, strict=True)]


def text_columns(names: Sequence[str], title: str = "", abstract: str = "") -> tuple[str, str]:
    """Return the columns of title and abstract: those named, else those of usual names, "" where there is none.

    Raises:
        InputError: A column that is named is not there.
    """
    for wanted in filter(None, (title, abstract)):
        if wanted not in names:
            raise InputError(f"data frame: no column {wanted!r}; {choices(wanted, names)}")
    return title or find_column("title", names), abstract or find_column("abstract", names)


def column_texts(column: nw.Series[Any]) -> list[str]:
    """Return the texts of ``column``, empty where one is missing.

    Raises:
        InputError: A value is not a text.
    """
    missing = column.is_null().to_list()
    values = column.to_list()
    return [
        "" if gone else _text(value, row, column.name) for row, (value, gone) in enumerate(zip(values, missing, strict=True))
    ]


def is_missing(value: Any) -> bool:
    """Say whether ``value`` is None, nan or the NA of pandas."""
    return value is None or (isinstance(value, float | np.floating) and math.isnan(value)) or type(value).__name__ == "NAType"


def _pairs(given: Any) -> list[str]:
    if not isinstance(given, np.ndarray) or given.ndim != 2 or given.shape[1] != 2:
        shown = f"{type(given).__name__} of shape {given.shape}"
        raise InputError(f"{shown}: texts stand in one column, or titles and abstracts in two")
    return [join_fields(_text(title, row), _text(abstract, row)) for row, (title, abstract) in enumerate(given.tolist())]


def _text(value: Any, row: int, column: str | None = None) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Document):
        return value.text
    if is_missing(value):
        return ""
    where = "" if column is None else f"column {column!r}, "
    raise InputError(f"{where}row {row}: texts must be str, got {type(value).__name__} {str(value)[:40]!r}")
