"""Every mistake a user can make, by name. Each message is one line: what is wrong, the value, where, what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import TypeVar

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class IpclassError(Exception):
    """A mistake that the user can mend; the command line prints its one line and exits with 1."""

    def __str__(self) -> str:
        """Return the message as one line: names that it quotes are a stranger's, and may hold what steers a terminal."""
        return _UNPRINTABLE.sub("\ufffd", super().__str__())


class InputError(IpclassError):
    """A table that cannot be read as documents: no such file or column, a broken row, a wrong encoding."""


class OutputError(IpclassError):
    """A result that cannot be written: the file exists, or its format is unknown."""


class WorkerError(IpclassError):
    """A process that worked on a part of a table has died."""


class LabelError(IpclassError):
    """A label file or a judgement that does not make sense, or a label nobody defined."""


class CorpusError(IpclassError):
    """A corpus folder that lacks a part, or has too few judgements to learn from."""


class ModelError(IpclassError):
    """A model folder that is missing, damaged, or holds what a model must not hold."""


class GateError(IpclassError):
    """A new model that is significantly worse than the old one: it is not written unless the user insists."""


class ShareError(IpclassError):
    """A share or an audit that cannot be had from what was given: no documents, too little to calibrate with."""


def choices(name: str, options: Iterable[str]) -> str:
    """Return the end of an error message that names the nearest option and lists all.

    >>> choices("abstrct", ["title", "abstract"])
    "did you mean 'abstract'? There are: title, abstract"
    """
    named = (" ".join(option.split()) for option in options)
    listed = [option if len(option) <= 60 else f"{option[:60]}..." for option in named][:40]
    near = get_close_matches(name, listed, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{hint}There are: {', '.join(listed) if listed else 'none'}"


T = TypeVar("T", bound=str)


def one_of(what: str, name: str, options: Sequence[T]) -> T:
    """Return ``name`` if it is one of ``options``, which are kinds of ``what``.

    Raises:
        InputError: It is none.

    >>> one_of("unit", "family", ("document", "family"))
    'family'
    """
    for option in options:
        if name == option:
            return option
    raise InputError(f"no {what} {name!r}; {choices(name, options)}")
