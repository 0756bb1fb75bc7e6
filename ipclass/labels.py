"""The technologies, read from data. No technology is named in this package: each is one TOML file of a corpus."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ipclass import writing
from ipclass.errors import LabelError, OutputError, choices
from ipclass.records import OTHER, UNSCORED
from ipclass.text import Setting, Settings, anycase

ID = re.compile(r"[a-z0-9][a-z0-9_]{0,31}")
LARGEST_FILE = 256 << 10
"""Bytes of a label file; the shipped ones have up to 14,000."""
MOST_STOPS = 2_000
"""Full stops in one; the shipped ones have up to 44. A key of 100,000 parts would take Python's TOML reader gigabytes."""
MOST_PATTERNS, LONGEST_PATTERN, MOST_GROUPS = 20, 5_000, 60
"""Of the openings of one label, and of the groups of words of all labels together (one bit each)."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")  # what steers a terminal; not the line feed, nor the tab


@dataclass(frozen=True)
class Label:
    """One technology: what it means, and the codes and phrases that point to it."""

    id: str
    name: str
    version: str
    summary: str
    strict: str
    broad: str
    inside: tuple[str, ...]
    borderline: tuple[str, ...]
    outside: tuple[str, ...]
    codes: dict[str, tuple[str, ...]]
    phrases: dict[str, tuple[str, ...]]
    setting: Setting | None
    source: str
    """The file's own text, so that a model can carry an exact copy."""


@dataclass(frozen=True)
class LabelSet:
    """The labels of a corpus or a model, in the order of their ids."""

    labels: tuple[Label, ...]

    def __post_init__(self) -> None:
        """Refuse more groups of words than the text stage can tell apart."""
        groups = sum(len(label.setting.words) for label in self.labels if label.setting)
        if groups > MOST_GROUPS:
            raise LabelError(f"text.words: {groups} groups of words in all labels; there can be {MOST_GROUPS}")

    def __iter__(self) -> Iterator[Label]:
        return iter(self.labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, id: str) -> Label:
        for label in self.labels:
            if label.id == id:
                return label
        raise LabelError(f"no label {id!r}; {choices(id, self.ids)}")

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids, in order."""
        return tuple(label.id for label in self.labels)

    @property
    def settings(self) -> Settings:
        """The openings that name a label only as a setting."""
        return Settings(tuple(label.setting for label in self.labels if label.setting))


def read_labels(folder: Path) -> LabelSet:
    """Return the labels defined in ``folder``, one TOML file each.

    Raises:
        LabelError: There is no such folder, no file in it, or a file breaks the format.
    """
    if not folder.is_dir():
        raise LabelError(f"{folder}: no such folder of label files (*.toml)")
    paths = sorted(folder.glob("*.toml"))
    if not paths:
        raise LabelError(f"{folder}: holds no label file (*.toml); a label is one such file")
    return LabelSet(tuple(read_label(path) for path in paths))


def read_label(path: Path, id: str = "") -> Label:
    """Return the label defined in a TOML file; its id is the name of the file if none is given.

    Raises:
        LabelError: It cannot be read, or breaks the format.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise LabelError(f"{path}: {path.stat().st_size:,} bytes is no label file (at most {LARGEST_FILE:,})")
        source = path.read_text("utf-8")
    except OSError as error:
        raise LabelError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise LabelError(f"{path}: is not UTF-8: {error.reason} at byte {error.start}") from error
    return parse_label(id or path.stem, source, str(path))


def add(source: Path, id: str, corpus: Path, *, force: bool = False) -> Label:
    """Put a label file into a corpus folder, which is made if need be, and return the label.

    Raises:
        LabelError: The file breaks the format.
        OutputError: The corpus has such a label and ``force`` is not set, or it cannot be written.
    """
    label = read_label(source, id)
    target = corpus / "labels" / f"{id}.toml"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{target.parent}: cannot be made: {error.strerror}") from error
    writing.write({target: label.source.encode()}, force=force)
    return label


def template(id: str, name: str = "") -> str:
    """Return a label file to fill in, which is a valid one; without a ``name`` the label gets that of its id.

    Raises:
        LabelError: ``id`` cannot be one.

    >>> parse_label("looms", template("looms"), "template").name
    'Looms'
    """
    shown = "".join(sign for sign in name if sign.isprintable()).strip() or id.replace("_", " ").capitalize()
    source = _TEMPLATE.format(id=id, name=json.dumps(shown, ensure_ascii=False))
    parse_label(id, source, id)
    return source


_TEMPLATE = """\
# What the label {id} means: ipclass train judgements.csv --label {id}.toml -o model
name = {name}
version = "1"
summary = "What it is, in one line"

[definition]
strict = "What a document must be about to be judged 2: the technology is the invention, or a named, working part of it."
broad = "What it adds to be judged 1: borderline cases."

[examples]
inside = ["An invention that is judged 2"]
borderline = ["One that is judged 1"]
outside = ["One that looks alike, and is judged 0"]

# CPC or IPC: groups, subgroups and ranges of them. Used by the rules, not by the model.
[codes]
strong = []
supporting = []
against = []

# Words that point to it; * stands for any ending. Used by the rules, not by the model.
[phrases]
strong = ["{id}"]
supporting = []
against = []

# Openings that name the technology only as a setting are masked before anything is learnt: regular expressions.
[text]
settings = []
words = []
"""


def parse_label(id: str, source: str, where: str) -> Label:
    """Return the label that the TOML text ``source`` defines; ``where`` is named in errors.

    Raises:
        LabelError: The text is not TOML, or a key is missing or of the wrong type.
    """
    if not ID.fullmatch(id) or id in (OTHER, UNSCORED):
        raise LabelError(f"{where}: {id!r} cannot be a label id (lower-case letters, digits, _; not {OTHER!r} or {UNSCORED!r})")
    if len(source) > LARGEST_FILE or source.count(".") > MOST_STOPS:
        raise LabelError(f"{where}: {len(source):,} characters, {source.count('.'):,} full stops: that is no label file")
    try:
        table = tomllib.loads(source)
    except (ValueError, RecursionError) as error:  # a number of thousands of digits is a ValueError only
        raise LabelError(f"{where}: not valid TOML: {error}") from error

    def text(*keys: str) -> str:
        value = _dig(table, keys, where)
        if not isinstance(value, str) or not value.strip():
            raise LabelError(f"{where}: {'.'.join(keys)} must be a text that is not empty, got {_short(value)}")
        if steering := _CONTROL.search(value):
            raise LabelError(f"{where}: {'.'.join(keys)} holds the control character {steering[0]!r}")
        return value.strip()

    def texts(*keys: str) -> tuple[str, ...]:
        value = _dig(table, keys, where)
        if not _is_texts(value):
            raise LabelError(f"{where}: {'.'.join(keys)} must be a list of texts, got {_short(value)}")
        if steering := _CONTROL.search("".join(value)):
            raise LabelError(f"{where}: {'.'.join(keys)} holds the control character {steering[0]!r}")
        return tuple(value)

    kinds = ("strong", "supporting", "against")
    return Label(
        id=id,
        name=text("name"),
        version=text("version"),
        summary=text("summary"),
        strict=text("definition", "strict"),
        broad=text("definition", "broad"),
        inside=texts("examples", "inside"),
        borderline=texts("examples", "borderline"),
        outside=texts("examples", "outside"),
        codes={kind: texts("codes", kind) for kind in kinds},
        phrases={kind: texts("phrases", kind) for kind in kinds},
        setting=_setting(id, table, where),
        source=source,
    )


def _short(value: Any) -> str:
    return repr(value) if len(repr(value)) <= 60 else f"{repr(value)[:60]}..."


def _setting(id: str, table: dict[str, Any], where: str) -> Setting | None:
    entries = table.get("text", {})
    if not isinstance(entries, dict):
        raise LabelError(f"{where}: text must be a table with settings and words")
    patterns, words = entries.get("settings", []), entries.get("words", [])
    if not _is_texts(patterns) or not isinstance(words, list) or not all(map(_is_texts, words)):
        raise LabelError(f"{where}: text.settings must be a list of texts and text.words a list of such lists")
    if len(patterns) > MOST_PATTERNS or any(len(pattern) > LONGEST_PATTERN for pattern in patterns):
        raise LabelError(f"{where}: text.settings: at most {MOST_PATTERNS} patterns of {LONGEST_PATTERN:,} characters")
    for pattern in patterns:
        _check_pattern(pattern, where)
    return Setting(id, tuple(patterns), tuple(map(tuple, words))) if patterns else None


def _check_pattern(pattern: str, where: str) -> None:
    import polars as pl
    from polars.exceptions import PolarsError

    try:
        fits_nothing = pl.Series([""]).str.contains(anycase(pattern))[0]
    except PolarsError as error:
        told = " ".join(str(error).split())[-200:]
        raise LabelError(f"{where}: text.settings: {_short(pattern)} is no regular expression of polars: {told}") from error
    if fits_nothing:
        raise LabelError(f"{where}: text.settings: {_short(pattern)} fits the empty text, and so everywhere")


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _dig(table: dict[str, Any], keys: tuple[str, ...], where: str) -> Any:
    value: Any = table
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            raise LabelError(f"{where}: {'.'.join(keys)} is missing")
        value = value[key]
    return value
