"""JSON in the shapes that sources use: one object a line, one object a file, an array of objects."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from ipclass.formats.batches import LARGEST, LARGEST_WHOLE, UnreadableError, rejoined, shown

Object = Mapping[str, Any]
_MOST_VALUES = 4_000_000
"""Values in one text of JSON; each takes many times the memory of its two characters."""


def objects(stream: BinaryIO) -> Iterator[Object | UnreadableError]:
    """Yield the objects of a file in UTF-8, each as it is read, and what in their place cannot be read.

    Only a file of one object a line may be larger than ``LARGEST_WHOLE``.
    """
    first = stream.readline(LARGEST)
    while first and not first.strip():
        first = stream.readline(LARGEST)
    if not first:
        return
    if isinstance(_loaded(first), dict):
        yield from _lines(rejoined(first, stream))
        return
    content = first + stream.read(LARGEST_WHOLE)
    whole = _loaded(content) if len(content) <= LARGEST_WHOLE else None
    if isinstance(whole, dict):
        yield whole
    elif isinstance(whole, list):
        yield from (each if isinstance(each, dict) else UnreadableError("is no JSON object") for each in whole)
    elif first.lstrip().startswith(b"["):
        too_large = UnreadableError("is a JSON array too large to be read; write an object a line")
        yield whole if isinstance(whole, UnreadableError) else too_large
    else:
        yield from _lines(rejoined(content, stream))


def _lines(stream: BinaryIO) -> Iterator[Object | UnreadableError]:
    while line := stream.readline(LARGEST):
        if len(line) == LARGEST and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = stream.readline(LARGEST)
            yield UnreadableError(f"is a line of more than {LARGEST >> 20} MB")
        elif line.strip():
            found = _loaded(line)
            yield found if isinstance(found, dict | UnreadableError) else UnreadableError("is no JSON object")


def _loaded(content: bytes) -> Any:
    """Return what ``content`` says, or why it says nothing."""
    if sum(map(content.count, (b",", b"[", b"{"))) > _MOST_VALUES:
        return UnreadableError(f"holds more than {_MOST_VALUES:,} values")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        return UnreadableError(f"is not JSON: {shown(error)}")


def at(found: Any, *path: str) -> Any:
    """Return what stands at ``path`` in nested objects, or None where the path ends.

    >>> at({"a": {"b": 1}}, "a", "b"), at({"a": [1]}, "a", "b")
    (1, None)
    """
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def items(found: Any) -> list[Any]:
    """Return the items of a list, one value as a list of it, and nothing as none.

    >>> items([1, 2]), items({"a": 1}), items(None)
    ([1, 2], [{'a': 1}], [])
    """
    return found if isinstance(found, list) else [] if found is None else [found]


def string(found: Any) -> str:
    """Return a text or a number as text, and "" for all else.

    >>> string("a"), string(20200503), string(None), string(["a"])
    ('a', '20200503', '', '')
    """
    is_value = isinstance(found, str | int | float) and not isinstance(found, bool) and found == found  # NaN is none
    return str(found) if is_value else ""


def in_english(texts: Any, text: str = "text", language: str = "language") -> str:
    """Return the English one of several texts that say their language, or else the first that says anything.

    >>> in_english([{"text": "Pumpe", "language": "de"}, {"text": "Pump", "language": "EN"}])
    'Pump'
    """
    found = [(string(at(each, language)).lower(), string(at(each, text))) for each in items(texts)]
    written = [each for each in found if each[1].strip()]
    return next((said for tongue, said in written if tongue == "en"), written[0][1] if written else "")
