"""The technologies, read from data. No technology is named in this package: each is one TOML file of a corpus."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ipclass.errors import LabelError, choices
from ipclass.records import OTHER, UNSCORED
from ipclass.text import Setting, Settings

ID = re.compile(r"[a-z0-9][a-z0-9_]{0,31}")


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
    return LabelSet(tuple(parse_label(path.stem, path.read_text("utf-8"), str(path)) for path in paths))


def parse_label(id: str, source: str, where: str) -> Label:
    """Return the label that the TOML text ``source`` defines; ``where`` is named in errors.

    Raises:
        LabelError: The text is not TOML, or a key is missing or of the wrong type.
    """
    if not ID.fullmatch(id) or id in (OTHER, UNSCORED):
        raise LabelError(f"{where}: {id!r} cannot be a label id (lower-case letters, digits, _; not {OTHER!r} or {UNSCORED!r})")
    try:
        table = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise LabelError(f"{where}: not valid TOML: {error}") from error

    def text(*keys: str) -> str:
        value = _dig(table, keys, where)
        if not isinstance(value, str) or not value.strip():
            raise LabelError(f"{where}: {'.'.join(keys)} must be a text that is not empty, got {value!r}")
        return value.strip()

    def texts(*keys: str) -> tuple[str, ...]:
        value = _dig(table, keys, where)
        if not _is_texts(value):
            raise LabelError(f"{where}: {'.'.join(keys)} must be a list of texts, got {value!r}")
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


def _setting(id: str, table: dict[str, Any], where: str) -> Setting | None:
    entries = table.get("text", {})
    patterns, words = entries.get("settings", []), entries.get("words", [])
    if not _is_texts(patterns) or not isinstance(words, list) or not all(map(_is_texts, words)):
        raise LabelError(f"{where}: text.settings must be a list of texts and text.words a list of such lists")
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise LabelError(f"{where}: text.settings: {pattern!r} is no regular expression: {error}") from error
    return Setting(id, tuple(patterns), tuple(map(tuple, words))) if patterns else None


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _dig(table: dict[str, Any], keys: tuple[str, ...], where: str) -> Any:
    value: Any = table
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            raise LabelError(f"{where}: {'.'.join(keys)} is missing")
        value = value[key]
    return value
