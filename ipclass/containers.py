"""What a user names as tables, unpacked: files, folders, patterns, zip archives, gzip and zstd.

Nothing is unpacked onto the disk, and what grows out of all proportion when unpacked is refused.
"""

from __future__ import annotations

import glob
import gzip
import io
import lzma
import re
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast
from weakref import finalize

from ipclass.errors import InputError
from ipclass.layout import STDIO, TABLE_ENDINGS, packing, unpacked_name

UNSUSPICIOUS = 100 << 20
"""Bytes that any packed file may have when unpacked."""

HIGHEST_RATIO = 200
"""Times that a packed file may grow beyond that. Patent tables grow five- to thirtyfold."""

MOST_MEMBERS = 1_000_000

_CHUNK = 1 << 18
_ZSTD_CHUNK = 1 << 11  # packed bytes: a bomb makes thirty thousand times as many of them, all at once
_ZSTD_WINDOW = 1 << 27
BROKEN = (
    *(OSError, EOFError, ValueError, IndexError, struct.error, NotImplementedError, RuntimeError),
    *(zlib.error, lzma.LZMAError, zipfile.BadZipFile),
)
"""What is raised where something packed is damaged."""


@dataclass(frozen=True)
class Member:
    """One file, unpacked: its name as the user knows it, how to open it, and the ``file`` on the disk that it is, or is in."""

    name: str
    open: Callable[[], BinaryIO]
    file: str = ""

    @property
    def path(self) -> str:
        """Where it lies as it is, "" if it does not."""
        return self.file if self.file == self.name and not packing(self.name) else ""


@dataclass(frozen=True)
class Found:
    """The files that were meant, in order, and the names of those in folders and archives that are no tables."""

    members: tuple[Member, ...]
    passed_over: tuple[str, ...]


def find(names: Sequence[str]) -> Found:
    """Return the files that ``names`` stand for: files, ``-``, folders, patterns such as ``2020*.csv``, zip archives.

    Raises:
        InputError: There is no such file, or it is an archive that cannot or should not be unpacked.
    """
    members: list[Member] = []
    passed_over: list[str] = []
    for name in names:
        for path, listed in _files(name):
            for member in _in_archive(path) if path.lower().endswith(".zip") else [_plain(path)]:
                if (listed or member.name != path) and not _may_be_table(member.name):
                    passed_over.append(member.name)
                else:
                    members.append(member)
        if not members:
            said = f"; there is only {passed_over[0]}" if passed_over else ""
            raise InputError(f"{name}: holds no table{said}")
    return Found(tuple(members), tuple(passed_over))


def _files(name: str) -> Iterator[tuple[str, bool]]:
    """Yield the files that ``name`` stands for, and whether they were only found in a folder."""
    path = Path(name)
    if name == STDIO or path.is_file():
        yield name, False
    elif path.is_dir():
        for each in sorted(path.rglob("*")):
            if each.is_file() and not _is_hidden(each.relative_to(path).parts):
                yield str(each), True
    elif re.search(r"[*?\[]", name):
        matching = [each for each in sorted(glob.glob(name, recursive=True)) if Path(each).is_file()]  # noqa: PTH207
        if not matching:
            raise InputError(f"{name}: matches no file")
        yield from ((each, False) for each in matching)
    else:
        raise InputError(f"{name}: no such file")


def _is_hidden(parts: Sequence[str]) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in parts)


def _may_be_table(name: str) -> bool:
    return Path(unpacked_name(name)).suffix.lower() in TABLE_ENDINGS


def _plain(path: str) -> Member:
    if path == STDIO:
        return Member(path, lambda: sys.stdin.buffer)
    opened = partial(_open, path)
    return Member(path, partial(_unpacked, path, opened) if packing(path) else opened, path)


def _open(path: str) -> BinaryIO:
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise InputError(f"{path}: cannot be opened: {error.strerror}") from error


def _in_archive(path: str) -> list[Member]:
    file = _open(path)
    try:
        archive = zipfile.ZipFile(file)
        parts = [part for part in archive.infolist() if not part.is_dir()]
    except BROKEN as error:
        file.close()
        raise InputError(f"{path}: not a zip archive, or a damaged one: {error}") from error
    finalize(archive, file.close)  # its members share it, and none of them is the last
    size = Path(path).stat().st_size
    packed, whole = sum(part.compress_size for part in parts), sum(part.file_size for part in parts)
    if len(parts) > MOST_MEMBERS or packed > size or whole > max(UNSUSPICIOUS, HIGHEST_RATIO * size):
        raise InputError(f"{path}: lists more than it can hold; it is a bomb or damaged, and not unpacked")
    members = [_member(archive, part, path) for part in parts]
    return [member for member in members if not _is_hidden(PurePosixPath(member.name[len(path) :]).parts)]


def _member(archive: zipfile.ZipFile, part: zipfile.ZipInfo, path: str) -> Member:
    inside = PurePosixPath(part.filename.replace("\\", "/"))
    if inside.is_absolute() or ".." in inside.parts or re.match("[A-Za-z]:", part.filename):
        raise InputError(f"{path}: has a member that points outside of it, {part.filename!r}; it is not unpacked")
    if inside.suffix.lower() == ".zip":
        raise InputError(f"{path}: has an archive in it, {part.filename!r}; unpack the outer one first")
    name = f"{path}/{inside}"

    def opened() -> BinaryIO:
        try:
            return cast(BinaryIO, archive.open(part))
        except BROKEN as error:
            raise InputError(f"{name}: cannot be unpacked: {error}; unpack it otherwise, and name the folder") from error

    return Member(name, partial(_unpacked, name, opened, part.compress_size), path)


def _unpacked(name: str, opened: Callable[[], BinaryIO], packed: int = 0) -> BinaryIO:
    """Return what ``opened`` returns, unpacked as the ending of ``name`` says; ``packed`` is its size within an archive."""
    stream = opened()
    chunks = {".gz": _from_gzip, ".zst": _from_zstd, "": _as_it_is}[packing(name)](stream)
    return from_chunks(_watched(chunks, name, (lambda: packed) if packed else stream.tell), stream)


def _as_it_is(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(_CHUNK):
        yield chunk


def _from_gzip(stream: BinaryIO) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=stream) as unpacked:
        yield from _as_it_is(cast(BinaryIO, unpacked))


def _from_zstd(stream: BinaryIO) -> Iterator[bytes]:
    """Yield what is in the frames of ``stream``. zstandard's own reader takes a file that is cut off for one that has ended."""
    import zstandard

    unpacker = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
    frame, fresh = unpacker.decompressobj(), True
    try:
        while chunk := stream.read(_ZSTD_CHUNK):
            while chunk:
                yield frame.decompress(chunk)
                chunk, fresh = frame.unused_data, frame.eof
                if fresh:
                    frame = unpacker.decompressobj()
    except zstandard.ZstdError as error:
        raise OSError(error) from error
    if not fresh:
        raise EOFError("it ends in the middle")


def _watched(chunks: Iterator[bytes], name: str, packed: Callable[[], int]) -> Iterator[bytes]:
    """Yield ``chunks``, as long as they are in proportion to the bytes of the ``packed`` file that they come from."""
    size = 0
    try:
        for chunk in chunks:
            size += len(chunk)
            if size > UNSUSPICIOUS and size > HIGHEST_RATIO * packed():
                raise InputError(
                    f"{name}: unpacks to more than {HIGHEST_RATIO} times its size; if it is no bomb, unpack it first"
                )
            yield chunk
    except BROKEN as error:
        raise InputError(f"{name}: cannot be unpacked: {error}") from error


class _Chunks(io.RawIOBase):
    """A stream of what an iterator yields."""

    def __init__(self, chunks: Iterator[bytes], below: BinaryIO) -> None:
        self._chunks = chunks
        self._below = below
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        part = self._rest[: len(buffer)]
        buffer[: len(part)] = part
        self._rest = self._rest[len(part) :]
        return len(part)

    def close(self) -> None:
        self._below.close()
        super().close()


def from_chunks(chunks: Iterator[bytes], below: BinaryIO) -> BinaryIO:
    """Return a stream of ``chunks``; closing it closes the one ``below``."""
    return cast(BinaryIO, io.BufferedReader(_Chunks(chunks, below), _CHUNK))
