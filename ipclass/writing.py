"""Files written whole or not at all, and cells that no spreadsheet program takes for a formula."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ipclass.errors import OutputError

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet program takes for the beginning of a formula."""


def write(parts: Mapping[Path, bytes], *, force: bool) -> None:
    """Write files, all or none: each beside its place first, and then by a rename.

    Raises:
        OutputError: One is there already and ``force`` is not set, or cannot be written.
    """
    refuse_to_replace(parts, force)
    ready: dict[Path, Path] = {}
    try:
        for path, content in parts.items():
            ready[path] = path.with_name(f".{path.name}.part")
            ready[path].write_bytes(content)
        for path, part in ready.items():
            part.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        for part in ready.values():
            part.unlink(missing_ok=True)


def refuse_to_replace(paths: Iterable[Path], force: bool) -> None:
    """Say, before any work is done, that a file cannot be written.

    Raises:
        OutputError: A path exists and ``force`` is not set, or its folder does not exist.
    """
    for path in paths:
        if path.is_dir() or not path.parent.is_dir():
            raise OutputError(f"{path}: {'is a folder' if path.is_dir() else 'its folder does not exist'}")
        if path.exists() and not force:
            raise OutputError(f"{path}: exists; --force replaces it")


def refuse_to_lose(read: Iterable[str | Path], written: Iterable[str | Path]) -> None:
    """Say, before any work is done, that a file to be written is one that is read, whose content would be lost.

    Raises:
        OutputError: It is, whatever its name.
    """
    there = [Path(each) for each in read if Path(each).is_file()]
    for path in map(Path, written):
        if path.is_file() and any(path.samefile(each) for each in there):
            raise OutputError(f"{path}: is read here, and would be lost; write to another file")


def guarded(text: str) -> str:
    """Return ``text`` so that no spreadsheet program takes it for a formula.

    >>> guarded("=1+1"), guarded("a = b")
    ("'=1+1", 'a = b')
    """
    return f"'{text}" if text.startswith(FORMULA) else text


def defined(value: Any) -> Any:
    """Return ``value`` with null for what is not defined (nan), which JSON has no word for."""
    if isinstance(value, Mapping):
        return {name: defined(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [defined(each) for each in value]
    return None if isinstance(value, float) and value != value else value
