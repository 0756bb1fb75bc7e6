"""Where a result goes, block by block: what is half done never looks done, and can be gone on with."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from ipclass import excel
from ipclass.blocks import first_line
from ipclass.errors import OutputError
from ipclass.layout import STDIO, Format, packing
from ipclass.records import Reject
from ipclass.rendering import flat, header, pack
from ipclass.writing import guarded, refuse_to_replace

REJECT_COLUMNS = ("file", "place", "reason")


@dataclass(frozen=True)
class Summary:
    """What a run has counted so far: documents tagged, and rows that could not be read.

    ``unscored`` counts documents without tags by the reason, and ``scope`` those of which something is to be borne in mind.
    """

    rows: int = 0
    rejected: int = 0
    assigned: Mapping[str, int] = field(default_factory=dict)
    unscored: Mapping[str, int] = field(default_factory=dict)
    scope: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Summary) -> Summary:
        return Summary(
            self.rows + other.rows,
            self.rejected + other.rejected,
            dict(Counter(self.assigned) + Counter(other.assigned)),
            dict(Counter(self.unscored) + Counter(other.unscored)),
            dict(Counter(self.scope) + Counter(other.scope)),
        )


@dataclass(frozen=True)
class State:
    """How far a run has come: what its journal says.

    ``row`` counts the rows read of ``file``, the one that is under way. ``written`` and ``rejects_written`` are the lengths
    of the two part files.
    """

    fingerprint: str
    blocks: int = 0
    file: str = ""
    row: int = 0
    written: int = 0
    rejects_written: int = 0
    summary: Summary = Summary()


class _Stream:
    """Standard output: nothing to finish, nothing to take back, nothing to go on with."""

    def __init__(self, head: bytes) -> None:
        self._head = head

    def holds(self, length: int, blocks: int) -> bool:
        """Say whether what a run has written so far is still there."""
        return False

    def open(self, length: int, blocks: int) -> int:
        """Begin, or go on behind what has been written; return its length."""
        sys.stdout.buffer.write(self._head)
        return 0

    def append(self, payload: bytes, block: int) -> int:
        """Write a block, the first of which is 1; return the length of what has been written."""
        sys.stdout.buffer.write(payload)
        return 0

    def finish(self) -> None:
        """Put the result in its place."""
        sys.stdout.buffer.flush()

    def close(self) -> None:
        """Keep what was written, to go on later."""

    def remove(self) -> None:
        """Leave nothing behind."""


class _TextFile(_Stream):
    """CSV, TSV or JSON lines, written beside the place of the file and renamed at the end."""

    def __init__(self, path: Path, head: bytes) -> None:
        super().__init__(head)
        self._path = path
        self._part = path.with_name(f".{path.name}.part")

    def holds(self, length: int, blocks: int) -> bool:
        if not self._part.is_file() and length and self._path.is_file() and self._path.stat().st_size == length:
            self._path.replace(self._part)  # the run was killed when it had just finished this file
        return self._part.is_file() and self._part.stat().st_size >= length

    def open(self, length: int, blocks: int) -> int:
        self._file = self._part.open("r+b" if length else "wb")
        self._file.truncate(length)
        self._file.seek(length)
        return length or self.append(self._head, 0)

    def append(self, payload: bytes, block: int) -> int:
        self._file.write(payload)
        self._file.flush()
        return self._file.tell()

    def finish(self) -> None:
        self._file.close()
        self._part.replace(self._path)

    def close(self) -> None:
        self._file.close()

    def remove(self) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)


class _ParquetFile(_Stream):
    """Parquet: each block a file of its own in a folder, joined at the end, row group by row group."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        super().__init__(b"")
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        self._folder = path.with_name(f".{path.name}.parts")
        self._columns = columns

    def holds(self, length: int, blocks: int) -> bool:
        return all(self._numbered(block).is_file() for block in range(1, blocks + 1))

    def open(self, length: int, blocks: int) -> int:
        if not blocks:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(exist_ok=True)
        return 0

    def append(self, payload: bytes, block: int) -> int:
        self._numbered(block).write_bytes(payload)
        return 0

    def _numbered(self, block: int) -> Path:
        return self._folder / f"{block:08d}.parquet"

    def finish(self) -> None:
        parts = sorted(self._folder.glob("*.parquet"))
        if not parts:
            parts = [self._numbered(0)]
            pl.DataFrame(schema=dict.fromkeys(self._columns, pl.String)).write_parquet(parts[0])
        self._join(parts)
        self._part.replace(self._path)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _join(self, parts: list[Path]) -> None:
        pl.scan_parquet(parts).sink_parquet(self._part)

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._part.unlink(missing_ok=True)


class _Workbook(_ParquetFile):
    """Excel, made of the parts at the end. Texts that are numbers in all rows become numbers; ids stay texts."""

    def __init__(self, path: Path, columns: Sequence[str], id: str) -> None:
        super().__init__(path, columns)
        self._id = id

    def _join(self, parts: list[Path]) -> None:
        frames = [pl.scan_parquet(part) for part in parts]
        texts = [name for name, kind in frames[0].collect_schema().items() if kind == pl.String and name != self._id]
        numbers = [name for name in texts if all(frame.select(_numeric(name)).collect().item() for frame in frames)]
        casts = [pl.col(name).replace("", None).cast(pl.Float64) for name in numbers]
        excel.save(self._part, (flat(frame.with_columns(casts).collect()) for frame in frames))


def _numeric(name: str) -> pl.Expr:
    """Return whether all texts of a column are empty, or numbers as Excel would write them too: 007 is none, nor is 1.50."""
    return (pl.col(name).fill_null("").str.contains(r"\A(-?(0|[1-9]\d{0,10})(\.\d{0,5}[1-9])?)?\z")).all()


class Output:
    """All that a run writes: its result, the rows that could not be read, and a journal to go on with.

    Args:
        target: The file of the result, or ``-`` for standard output.
        format: Its format.
        columns: Its columns, if it is a table.
        rejects: The file for rows that cannot be read, if these are to be kept apart.
        id: The column of the documents' ids, which stay texts in a workbook.
        raw: Whether names of columns may be formulas.
        force: Whether to replace files.
        resume: Whether to go on where an earlier run has stopped.

    Raises:
        OutputError: A file exists and ``force`` is not set, its folder does not exist, or there is nothing to go on with.
    """

    def __init__(
        self,
        target: str,
        format: Format,
        columns: Sequence[str],
        rejects: str = "",
        *,
        id: str = "",
        raw: bool = False,
        force: bool = False,
        resume: bool = False,
    ) -> None:
        if target == STDIO and format in ("parquet", "xlsx"):
            raise OutputError(f"{format} cannot be written to standard output; name a file with -o")
        if rejects and Path(rejects).absolute() == Path(target).absolute():
            raise OutputError(f"{rejects}: is the file of the result; name another one with --rejects")
        if target == STDIO and resume:
            raise OutputError("--resume needs a file to go on with: name it with -o")
        self._target = target
        self._resume = resume
        self._journal = _Journal(Path(target)) if target != STDIO else None
        refuse_to_replace([Path(target)] if target != STDIO else [], force)
        if rejects:
            refuse_to_replace([Path(rejects)], force or (resume and self._journal is not None and self._journal.exists))
        self._sink = _sink(target, format, columns, id, raw)
        self._rejects = _TextFile(Path(rejects), _csv([REJECT_COLUMNS])) if rejects else None

    def begin(self, fingerprint: str) -> State:
        """Prepare to write; return the state from which to go on.

        Raises:
            OutputError: It cannot be written, or what was begun is another run.
        """
        state = self._earlier(fingerprint) or State(fingerprint)
        with self._told():
            written = self._sink.open(state.written, state.blocks)
            rejected = self._rejects.open(state.rejects_written, state.blocks) if self._rejects else 0
            state = replace(state, written=written, rejects_written=rejected)
            if self._journal:
                self._journal.begin(state)
        return state

    def _earlier(self, fingerprint: str) -> State | None:
        state = self._journal.last() if self._journal and self._resume else None
        if state is None:
            return None
        if state.fingerprint != fingerprint:
            raise OutputError(
                f"{self._target}: was begun with another input, model or other options; run without --resume to start anew"
            )
        whole = self._sink.holds(state.written, state.blocks)
        if self._rejects:
            whole &= self._rejects.holds(state.rejects_written, state.blocks)
        return state if whole else None

    def write(self, payload: bytes, rejects: Sequence[Reject], state: State) -> State:
        """Append a finished block and note it in the journal; return the state with the lengths.

        Raises:
            OutputError: It cannot be written.
        """
        if isinstance(self._sink, _Workbook) and state.summary.rows >= excel.MOST_ROWS:
            raise OutputError(f"{self._target}: Excel takes no more than {excel.MOST_ROWS - 1:,} rows; write CSV or Parquet")
        with self._told():
            state = replace(state, written=self._sink.append(payload, state.blocks))
            if self._rejects and rejects:
                told = _csv((guarded(each.file), each.place, guarded(each.reason)) for each in rejects)
                state = replace(state, rejects_written=self._rejects.append(told, state.blocks))
            if self._journal:
                self._journal.note(state)
        return state

    def finish(self) -> None:
        """Put everything in its place.

        Raises:
            OutputError: It cannot be written; what was done is kept, to go on later.
        """
        try:
            with self._told():
                if self._rejects:
                    self._rejects.finish()
                self._sink.finish()
                if self._journal:
                    self._journal.remove()
        except BaseException:
            self.suspend()
            raise

    def suspend(self) -> None:
        """Keep what was written, to go on later."""
        for each in self._open():
            each.close()

    def discard(self) -> None:
        """Leave nothing behind."""
        for each in self._open():
            each.remove()

    def _open(self) -> list[_Stream | _Journal]:
        return [each for each in (self._sink, self._rejects, self._journal) if each]

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (OSError, PolarsError) as error:
            said = error.strerror if isinstance(error, OSError) and error.strerror else first_line(error)
            path = getattr(error, "filename", None) or self._target  # the file of rejects may be the one
            raise OutputError(f"{path}: cannot be written: {said}") from error


def _sink(target: str, format: Format, columns: Sequence[str], id: str, raw: bool) -> _Stream:
    if target == STDIO:
        return _Stream(header(columns, format, raw))
    path = Path(target)
    if format in ("parquet", "xlsx"):
        if packing(path.name):
            raise OutputError(f"{target}: {format} is packed already; leave out {path.suffix}")
        return _ParquetFile(path, columns) if format == "parquet" else _Workbook(path, columns, id)
    return _TextFile(path, pack(header(columns, format, raw), packing(path.name)))


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode(errors="replace")


class _Journal:
    """A file of states, one a line, of which the last whole one counts."""

    def __init__(self, target: Path) -> None:
        self._path = target.with_name(f".{target.name}.journal")

    @property
    def exists(self) -> bool:
        return self._path.is_file()

    def last(self) -> State | None:
        """Return how far the earlier run came, if there was one."""
        lines = self._path.read_text("utf-8", "replace").splitlines() if self.exists else []
        for line in reversed(lines):
            try:
                found = json.loads(line)
                return State(**{**found, "summary": Summary(**found["summary"])})
            except (ValueError, TypeError, KeyError):
                continue  # the run was killed while it wrote this line
        return None

    def begin(self, state: State) -> None:
        """Start with ``state``, whatever there was."""
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(_line(state))
        fresh.replace(self._path)
        self._file = self._path.open("ab")

    def note(self, state: State) -> None:
        """Add a line."""
        self._file.write(_line(state))
        self._file.flush()

    def close(self) -> None:
        """Leave the file as it is."""
        self._file.close()

    def remove(self) -> None:
        """Leave nothing behind."""
        self._file.close()
        self._path.unlink(missing_ok=True)


def _line(state: State) -> bytes:
    return f"{json.dumps(asdict(state))}\n".encode()
