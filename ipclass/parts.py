"""The files of a model, read without trust: nothing in them is executed, unpacked or followed elsewhere, and each is bounded.

A model folder may come by mail. Here its files become bytes, JSON and plain arrays of known types; ``model`` checks what
they say. A model may also be one zip file of that folder.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ipclass.errors import ModelError, choices
from ipclass.writing import defined

FORMAT = 1
MANIFEST, CARD = "manifest.json", "README.md"
DECISIONS, TERMS, WEIGHTS, HELD_OUT = "decisions.json", "terms.txt", "weights.npz", "held_out.npz"

LARGEST: Mapping[str, int] = {
    MANIFEST: 16 << 20,
    CARD: 1 << 20,
    DECISIONS: 4 << 20,
    TERMS: 64 << 20,
    WEIGHTS: 512 << 20,
    HELD_OUT: 128 << 20,
}
"""Bytes that a file of a model may have; the shipped one has 2 MB in all. What stands in no line is a label file."""

LARGEST_LABEL = 256 << 10
MOST_PARTS = 120
LONGEST_TEXT = 20_000
"""Characters of one text in a JSON file of a model."""

_LABEL = re.compile(r"labels/[a-z0-9_]{1,32}\.toml")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\ud800-\udfff]")
_DIGEST = re.compile(r"[0-9a-f]{64}")

Fetch = Callable[[str, int], bytes | None]
"""Returns the content of a file by its name, or nothing if there is none; refuses one of more bytes than given."""


@dataclass(frozen=True)
class Files:
    """What a model folder holds, checked against its manifest. ``card`` is for people, and no part of the digest."""

    manifest: Mapping[str, Any]
    parts: Mapping[str, bytes]
    card: str


def read(path: Path) -> Files:
    """Return the files of the model in ``path``, a folder or a zip file of one.

    Raises:
        ModelError: There is no model, it is of another format, or a file is missing, too large, no plain file, or not the
            one that the manifest names.
    """
    fetch = _fetch_from_archive(path) if path.is_file() else _fetch_from_folder(path)
    content = fetch(MANIFEST, LARGEST[MANIFEST])
    if content is None:
        raise ModelError(f"{path}: no model here ({MANIFEST} is missing)")
    manifest = _manifest(content, path)
    parts = {name: _part(fetch, name, digest, path) for name, digest in manifest["parts"].items()}
    card = fetch(CARD, LARGEST[CARD]) or b""
    return Files(manifest, parts, _harmless(card.decode("utf-8", "replace")))


def _harmless(text: str) -> str:
    """Return ``text`` without signs that steer a terminal."""
    return "".join(sign if sign in "\n\t" or unicodedata.category(sign) not in _STEERING else "\ufffd" for sign in text)


_STEERING = ("Cc", "Cf", "Cs", "Zl", "Zp")


def digest_of(digests: Mapping[str, str]) -> str:
    """Return the digest of a model whose parts have these: the sha256 of their list."""
    whole = "".join(f"{name} {digest}\n" for name, digest in sorted(digests.items()))
    return hashlib.sha256(whole.encode()).hexdigest()


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return the files of a model as one zip file: the same bytes for the same files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


# Folders and archives


def _fetch_from_folder(folder: Path) -> Fetch:
    def fetch(name: str, largest: int) -> bytes | None:
        path = folder / name
        if link := next((each for each in (path, path.parent) if each != folder and each.is_symlink()), None):
            raise ModelError(f"{link}: is a link; a model holds plain files")
        try:
            # not blocking: a named pipe would never open
            handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            raise ModelError(f"{path}: cannot be read: {error}") from error
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            os.close(handle)
            raise ModelError(f"{path}: is no plain file; a model holds nothing else")
        with os.fdopen(handle, "rb") as file:
            _check_size(path, status.st_size, largest)
            return file.read(largest)

    return fetch


def _fetch_from_archive(path: Path) -> Fetch:
    """Return what reads the files of a zip file, whose folder may be its only one, without unpacking any to the disk."""
    largest_file = sum(LARGEST.values())
    try:
        _check_size(path, path.stat().st_size, largest_file)
        content = path.read_bytes()
        members = {info.filename: info for info in _members(content, MOST_PARTS + 20)}
        archive = zipfile.ZipFile(io.BytesIO(content))
    except (OSError, *_ZIP_ERRORS) as error:
        raise ModelError(f"{path}: neither a model folder nor a zip file of one: {_short(error)}") from error
    tops = [name.removesuffix(MANIFEST) for name in members if name.rpartition("/")[2] == MANIFEST]
    top = min(tops, key=len, default="")

    def fetch(name: str, largest: int) -> bytes | None:
        info = members.get(top + name)
        if info is None:
            return None
        _check_size(Path(path, name), info.file_size, largest)
        try:
            with archive.open(info) as file:
                unpacked = file.read(largest + 1)
        except _ZIP_ERRORS as error:
            raise ModelError(f"{path}: {name} cannot be unpacked: {_short(error)}") from error
        _check_size(Path(path, name), len(unpacked), largest)
        return unpacked

    return fetch


def _check_size(path: Path, size: int, largest: int) -> None:
    if size > largest:
        raise ModelError(f"{path}: {size:,} bytes is no part of a model (at most {largest:,})")


def _short(error: object) -> str:
    return repr(error)[:160] if isinstance(error, Exception) and not str(error) else str(error)[:160]


# The manifest


def _manifest(content: bytes, path: Path) -> dict[str, Any]:
    where = f"{path / MANIFEST}"
    manifest = read_json(content, where)
    if not isinstance(manifest, dict) or "format" not in manifest:
        raise ModelError(f"{where}: not a manifest of a model: an object with format, digest and parts is expected")
    made_by = manifest["format"]
    if type(made_by) is not int or made_by != FORMAT:
        newer = type(made_by) is int and made_by > FORMAT
        shown = str(made_by)[:20]
        hint = "it was made by a newer ipclass: update ipclass" if newer else "train it anew with this ipclass"
        raise ModelError(f"{where}: model format {shown}, this ipclass reads {FORMAT}; {hint}")
    parts, digest = manifest.get("parts"), manifest.get("digest")
    if not isinstance(parts, dict) or not all(isinstance(each, str) and _DIGEST.fullmatch(each) for each in parts.values()):
        raise ModelError(f"{where}: not a manifest of a model: parts must map file names to sha256 digests")
    _check_names(list(parts), where)
    if digest != digest_of(parts):
        raise ModelError(f"{where}: the digest is not that of the parts; the manifest was changed, install the model anew")
    return manifest


def _check_names(names: list[str], where: str) -> None:
    needed = (DECISIONS, TERMS, WEIGHTS, HELD_OUT)
    if missing := [name for name in needed if name not in names]:
        raise ModelError(f"{where}: names no part {missing[0]}; a model has {', '.join(needed)} and labels/*.toml")
    if len(names) > MOST_PARTS:
        raise ModelError(f"{where}: names {len(names):,} parts; a model has at most {MOST_PARTS}")
    for name in names:
        if name not in needed and not _LABEL.fullmatch(name):
            listed = f"{choices(name[:60], needed)}, labels/*.toml"
            raise ModelError(f"{where}: names {name[:60]!r}, which is no part of a model; {listed}")


def _part(fetch: Fetch, name: str, digest: str, path: Path) -> bytes:
    content = fetch(name, LARGEST.get(name, LARGEST_LABEL))
    if content is None:
        raise ModelError(f"{path / name}: missing from the model")
    if hashlib.sha256(content).hexdigest() != digest:
        raise ModelError(f"{path / name}: damaged or changed since the model was made (sha256 differs); install it anew")
    return content


# JSON


def read_json(content: bytes, where: str) -> Any:
    """Return what a JSON text says; no key comes twice in it, no number is infinite, no text steers a terminal.

    Raises:
        ModelError: It is no such text.
    """
    try:
        found = json.loads(content.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)
        for text in _texts(found):
            if len(text) > LONGEST_TEXT or _CONTROL.search(text):
                raise ValueError(f"the text {text[:40]!r} is too long or holds control characters")
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{where}: not such JSON as a model has: {_short(error)}") from error
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _float(text: str) -> float:
    value = float(text)
    if not np.isfinite(value):
        raise ValueError(f"{text[:40]} is too large")
    return value


def _texts(found: Any) -> Iterator[str]:
    """Yield all texts in what a JSON text says, keys too."""
    waiting = [found]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            yield from each
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)


def write_json(value: Any) -> bytes:
    """Return ``value`` as JSON with sorted keys, and null for what is not defined (nan)."""
    return (json.dumps(defined(value), indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


# Arrays

Kind = Literal["<f4", "<f8", "|b1"]

_ZIP_ERRORS = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, ValueError, KeyError, NotImplementedError, RuntimeError, EOFError),
    *(struct.error, OverflowError, zlib.error),
)
_END = struct.Struct("<4s4H2LH")  # the record at the end of a zip file: PKWARE's APPNOTE, 4.3.16
_ENTRY = 400  # bytes of the directory that an entry may take
_HEAD = re.compile(
    rb"\{'descr': '([<|][fb][148])', 'fortran_order': False, 'shape': \(([0-9]{1,10}),(?: ([0-9]{1,10}))?\), \} *\n"
)


def write_arrays(**arrays: npt.NDArray[Any]) -> bytes:
    """Return ``arrays`` as an uncompressed .npz: the same bytes whatever the zlib."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def read_arrays(content: bytes, kinds: Mapping[str, Kind], where: str) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of an uncompressed .npz, which must be just those of ``kinds``, of these types, all finite.

    The header of an array is compared with the only form that we write, and never evaluated.

    Raises:
        ModelError: It is no such file, or an array is compressed, of another type, or not finite.
    """
    try:
        members = {info.filename: info for info in _members(content, len(kinds))}
        if set(members) != {f"{name}.npy" for name in kinds}:
            raise ValueError(f"holds {', '.join(members)[:80]}, not {', '.join(kinds)[:80]}")
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {name: _array(_stored(archive, members[f"{name}.npy"]), kind, name) for name, kind in kinds.items()}
    except _ZIP_ERRORS as error:
        raise ModelError(f"{where}: not the arrays of a model: {_short(error)}") from error


def _members(content: bytes, most: int) -> list[zipfile.ZipInfo]:
    """Return the entries of a zip file, at most so many: a directory of millions would fill the memory."""
    if len(content) < _END.size:
        raise ValueError("too short for a zip file")
    mark, *numbers, size, _, comment = _END.unpack(content[-_END.size :])
    if mark != b"PK\5\6" or comment or numbers[-1] > most or size > most * _ENTRY or content[-42:-38] == b"PK\6\7":
        raise ValueError(f"no zip file of at most {most} entries")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        found = archive.infolist()
    if len({info.filename for info in found}) < len(found):
        raise ValueError("an entry stands twice in the zip file")
    return found


def _stored(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size or info.flag_bits & 1:
        raise ValueError(f"{info.filename} is compressed or encrypted")
    return archive.read(info)


def _array(content: bytes, kind: Kind, name: str) -> npt.NDArray[Any]:
    if content[:8] != b"\x93NUMPY\x01\x00" or len(content) < 10:
        raise ValueError(f"{name} is no array")
    start = 10 + int.from_bytes(content[8:10], "little")
    head = _HEAD.fullmatch(content[10:start])
    if head is None or head[1].decode() != kind:
        raise ValueError(f"{name} is no plain array of {kind}")
    shape = tuple(int(size) for size in head.groups()[1:] if size is not None)
    if len(content) - start != int(np.prod(shape, dtype=object)) * int(kind[2]):
        raise ValueError(f"{name} has another size than its shape {shape} says")
    if kind == "|b1" and content[start:].strip(b"\0\1"):
        raise ValueError(f"{name} holds what is neither true nor false")
    found = np.frombuffer(content, kind, offset=start).reshape(shape)
    if not np.isfinite(found).all():
        raise ValueError(f"{name} holds what is no finite number")
    return found
