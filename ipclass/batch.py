"""A whole table tagged, block by block: on one core or many, in constant memory, and resumed where it broke off."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from ipclass import files
from ipclass.errors import InputError, OutputError
from ipclass.files import STDIO, Block, Format, Layout, RowError, Source, as_lines, as_table, header, parse
from ipclass.model import Model, Tags
from ipclass.records import UNSCORED, Contribution, Definition

SET_APART = "set the new ones apart with --prefix"
TAGGED_BY = 12  # digits of the model's digest that a row carries


@dataclass(frozen=True)
class Job:
    """All that a worker needs to know, small enough to be sent with every block."""

    layout: Layout
    model: str
    definition: Definition
    explain: int
    output: Format
    prefix: str = ""


@dataclass(frozen=True)
class Done:
    """A finished block: its rows as they are to be written, and what was counted in them."""

    rows: int
    payload: bytes
    assigned: dict[str, int]
    unscored: dict[str, int]


@dataclass
class Summary:
    """What a run has counted so far."""

    rows: int = 0
    assigned: Counter[str] = field(default_factory=Counter)
    unscored: Counter[str] = field(default_factory=Counter)

    def add(self, done: Done) -> None:
        """Count one more block."""
        self.rows += done.rows
        self.assigned.update(done.assigned)
        self.unscored.update(done.unscored)


def run(
    source: Source,
    target: str,
    job: Job,
    *,
    jobs: int = 1,
    resume: bool = False,
    force: bool = False,
    spread: Callable[[Iterable[Any], Job], Iterator[Done]] | None = None,
    progress: Callable[[int], None] = lambda rows: None,
) -> Summary:
    """Tag ``source`` into ``target`` and return what was counted. ``spread`` hands blocks to workers, in order.

    Raises:
        InputError: A row cannot be read; nothing is left behind.
        OutputError: ``target`` exists and ``force`` is not set, or cannot be written, or there is nothing to resume.
        ModelError: The model cannot be read.
    """
    if job.output != "jsonl":
        source.learn_columns()
        job = replace(job, layout=source.layout)
    model = load(job.model)
    added = added_columns(model.labels.ids, job)
    clash = [name for name in added if name in source.layout.columns]
    if clash:
        raise InputError(f"{source.path}: has a column {clash[0]!r} already; {SET_APART}")
    sink = sink_for(target, job.output, [*source.layout.columns, *added], force=force)
    state = sink.begin(_fingerprint(source, job, model), resume)
    summary = Summary(state.rows, Counter(state.assigned), Counter(state.unscored))
    spread = spread or (lambda blocks, job: spread_locally(blocks, job, jobs))
    try:
        for done in spread(source.blocks(skip=state.blocks), job):
            summary.add(done)
            state = state.after(done)
            sink.write(done.payload, state)
            progress(done.rows)
    except RowError as error:
        sink.discard()
        raise InputError(f"{source.path}, row {summary.rows + error.row}: {error.problem}") from error
    except KeyboardInterrupt:
        sink.suspend()
        raise
    except BaseException:
        sink.discard()
        raise
    sink.finish()
    return summary


@lru_cache(maxsize=2)
def load(folder: str) -> Model:
    """Return the model in ``folder`` ("" is the shipped one), read once a process."""
    return Model.load(folder or None)


def spread_locally(blocks: Iterable[Any], job: Job, jobs: int) -> Iterator[Done]:
    """Yield the finished blocks in order, worked on by ``jobs`` processes of this machine."""
    if jobs == 1:
        yield from (work(block, job) for block in blocks)
    else:
        yield from _in_parallel(blocks, job, jobs)


def spread_over_dask(scheduler: str) -> Callable[[Iterable[Any], Job], Iterator[Done]]:
    """Return what hands blocks to the workers of a Dask cluster, in order; a block whose worker dies is done again.

    Every worker needs ipclass, and the model folder under the same name if it is not the shipped one.

    Raises:
        OutputError: The extra is not installed, or nothing answers at ``scheduler``.
    """
    try:
        from distributed import Client
        from joblib import parallel_config
    except ImportError as error:
        raise OutputError("a Dask cluster needs the extra: pip install 'ipclass[dask]'") from error
    try:
        client = Client(scheduler, timeout=10, set_as_default=True)
    except (OSError, ValueError) as error:
        raise OutputError(f"{scheduler}: no Dask scheduler answers there: {error}") from error

    def spread(blocks: Iterable[Any], job: Job) -> Iterator[Done]:
        with client, parallel_config(backend="dask"):
            yield from _in_parallel(blocks, job, max(1, sum(client.ncores().values())))

    return spread


def _in_parallel(blocks: Iterable[Any], job: Job, jobs: int) -> Iterator[Done]:
    """Yield the finished blocks in order; no more than two a worker are under way, so that memory does not grow."""
    from joblib import Parallel, delayed

    pool = Parallel(n_jobs=jobs, return_as="generator", pre_dispatch="2*n_jobs", batch_size=1)
    results = pool(delayed(_work_or_error)(block, job) for block in blocks)
    try:
        for done in results:
            if isinstance(done, RowError):
                raise done
            yield done
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # joblib tells of blocks begun in vain: that is what stopping early means
            results.close()


def _work_or_error(block: bytes | pl.DataFrame, job: Job) -> Done | RowError:
    """Return a mistake as a result: its row can only be counted once the blocks before it are done."""
    try:
        return work(block, job)
    except RowError as error:
        return error


def work(block: bytes | pl.DataFrame, job: Job) -> Done:
    """Return ``block`` tagged and ready to be written.

    Raises:
        RowError: A row cannot be read.
    """
    read = parse(block, job.layout)
    model = load(job.model)
    tags = model.tag(read.texts, job.definition, job.explain)
    if job.output == "jsonl":
        _check_clash(read, added_columns(tags.labels, job))
        payload = as_lines(read, added_fields(tags, model, job))
    else:
        payload = as_table(read, added_frame(tags, model, job), job.layout, job.output)
    assigned = dict(zip(tags.labels, map(int, tags.assigned.sum(axis=0)), strict=True))
    return Done(len(read), payload, assigned, dict(Counter(filter(None, tags.unscored))))


def readable(source: Source, model: Model, definition: Definition) -> Iterator[str]:
    """Yield a line to read for each document: the primary label, the probability of each label assigned, the title."""
    for block in source.blocks():
        read = parse(block, source.layout)
        tags = model.tag(read.texts, definition)
        for row, text in enumerate(read.texts):
            sure = {
                label: tags.probabilities[row, place] for place, label in enumerate(tags.labels) if tags.assigned[row, place]
            }
            shown = ", ".join(f"{label} {p:.2f}" for label, p in sorted(sure.items(), key=lambda item: -item[1]))
            title = text.partition("\n")[0] or text.strip()
            yield f"{tags.primary[row]:<10} {shown or tags.unscored[row] or '-':<20} {title[:90]}"


def _check_clash(read: Block, added: Sequence[str]) -> None:
    for row, record in enumerate(read.records or (), start=1):
        if clash := [name for name in added if name in record]:
            raise RowError(row, f"has a field {clash[0]!r} already; {SET_APART}")


def added_columns(labels: Sequence[str], job: Job) -> list[str]:
    """Return the names of the columns that tagging adds to a table."""
    if job.output == "jsonl":
        return [job.prefix + name for name in ("labels", "primary", "probabilities", "known", "unscored", "terms", "tagged_by")]
    names = [*labels, *(f"{label}_probability" for label in labels), "primary", "known", "unscored"]
    if job.explain:
        names += [f"{label}_terms" for label in labels]
    return [job.prefix + name for name in [*names, "tagged_by"]]


def added_frame(tags: Tags, model: Model, job: Job) -> pl.DataFrame:
    """Return the columns of ``added_columns`` for a batch: tags as 0 and 1, empty where a text could not be tagged."""
    scored = pl.Series([not reason for reason in tags.unscored], dtype=pl.Boolean)
    tagged = [pl.Series(tags.assigned[:, place].astype("int8")) for place in range(len(tags.labels))]
    sure = [pl.Series(tags.probabilities[:, place]).round_sig_figs(6) for place in range(len(tags.labels))]
    values: list[Any] = [series.zip_with(scored, pl.Series([None], dtype=series.dtype)) for series in (*tagged, *sure)]
    values += [_texts(tags.primary), pl.Series(tags.known).round(3), _texts(tags.unscored)]
    if job.explain:
        values += [_texts([_shown(row.get(label, ())) for row in tags.explanations]) for label in tags.labels]
    values.append(_texts([tagged_by(model, job.definition)] * len(tags)))
    return pl.DataFrame(dict(zip(added_columns(tags.labels, job), values, strict=True)))


def _texts(values: Sequence[str]) -> pl.Series:
    return pl.Series(values, dtype=pl.String)  # a block without rows must have the types of the others


def tagged_by(model: Model, definition: Definition) -> str:
    """Return what names the model and the definition in every row: shares can tell when they changed."""
    return f"{definition}:{model.digest[:TAGGED_BY]}"


def _shown(terms: Sequence[Contribution]) -> str:
    return "; ".join(f"{each.term} ({each.value:+.3f})" for each in terms)


def added_fields(tags: Tags, model: Model, job: Job) -> Iterator[dict[str, Any]]:
    """Yield the fields that tagging adds to each JSON object."""
    for row in range(len(tags)):
        reason = tags.unscored[row]
        sure = () if reason else pl.Series(tags.probabilities[row]).round_sig_figs(6).to_list()
        fields: dict[str, Any] = {
            "labels": [label for place, label in enumerate(tags.labels) if tags.assigned[row, place]],
            "primary": UNSCORED if reason else tags.primary[row],
            "probabilities": dict(zip(tags.labels, sure, strict=False)),
            "known": round(float(tags.known[row]), 3),
        }
        if reason:
            fields["unscored"] = reason
        if job.explain:
            fields["terms"] = {
                label: [[each.term, round(each.value, 6)] for each in terms] for label, terms in tags.explanations[row].items()
            }
        fields["tagged_by"] = tagged_by(model, job.definition)
        yield {job.prefix + name: value for name, value in fields.items()}


def _fingerprint(source: Source, job: Job, model: Model) -> str:
    """Return what must be equal for a run to go on where another stopped."""
    facts = {**asdict(replace(job, model="")), "digest": model.digest, "path": source.path}
    facts["cut"] = (files.BLOCK_BYTES, files.PARQUET_ROWS)
    if source.path != STDIO:
        status = Path(source.path).stat()
        facts |= {"size": status.st_size, "changed": status.st_mtime_ns}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class State:
    """How far a run has come: what its journal says."""

    fingerprint: str
    blocks: int = 0
    rows: int = 0
    written: int = 0
    assigned: dict[str, int] = field(default_factory=dict)
    unscored: dict[str, int] = field(default_factory=dict)

    def after(self, done: Done) -> State:
        """Return the state once ``done`` is written."""
        return replace(
            self,
            blocks=self.blocks + 1,
            rows=self.rows + done.rows,
            assigned=dict(Counter(self.assigned) + Counter(done.assigned)),
            unscored=dict(Counter(self.unscored) + Counter(done.unscored)),
        )


def sink_for(target: str, format: Format, columns: Sequence[str], *, force: bool) -> Sink:
    """Return what writes to ``target``.

    Raises:
        OutputError: ``target`` exists and ``force`` is not set, or its folder does not exist.
    """
    if target == STDIO:
        if format == "parquet":
            raise OutputError("Parquet cannot be written to standard output; name a file with -o")
        return Sink(header(columns, format))
    path = Path(target)
    if format == "parquet" and path.suffix == ".gz":
        raise OutputError(f"{target}: Parquet is packed already; leave out .gz")
    if path.exists() and not force:
        raise OutputError(f"{target}: exists; --force replaces it")
    if path.is_dir() or not path.parent.is_dir():
        raise OutputError(f"{target}: {'is a folder' if path.is_dir() else 'its folder does not exist'}")
    return ParquetSink(path, columns) if format == "parquet" else FileSink(path, header(columns, format))


class Sink:
    """Writes to standard output: nothing to finish, nothing to take back."""

    def __init__(self, head: bytes) -> None:
        self._head = head

    def begin(self, fingerprint: str, resume: bool) -> State:
        """Prepare to write; return the state from which to go on."""
        if resume:
            raise OutputError("--resume needs a file to go on with: name it with -o")
        sys.stdout.buffer.write(self._head)
        return State(fingerprint)

    def write(self, payload: bytes, state: State) -> None:
        """Write a finished block."""
        sys.stdout.buffer.write(payload)

    def finish(self) -> None:
        """Put the result in its place."""
        sys.stdout.buffer.flush()

    def suspend(self) -> None:
        """Keep what was written, to go on later."""

    def discard(self) -> None:
        """Leave nothing behind."""


class FileSink(Sink):
    """Writes to a file beside the target, with a journal, and renames it at the end: what is half done never looks done."""

    def __init__(self, path: Path, head: bytes) -> None:
        super().__init__(head)
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        self._journal = path.with_name(f".{path.name}.journal")
        self._packed = path.suffix == ".gz"

    def begin(self, fingerprint: str, resume: bool) -> State:
        """Open the part file, new or cut back to what the journal vouches for."""
        state = self._earlier(fingerprint) if resume else None
        try:
            if state is None:
                self._journal.unlink(missing_ok=True)
                self._file: BinaryIO = self._part.open("wb")
                return self._noted(self._append(self._head), State(fingerprint))
            self._file = self._part.open("r+b")
            self._file.truncate(state.written)
            self._file.seek(state.written)
        except OSError as error:
            raise OutputError(f"{self._path}: cannot be written: {error.strerror}") from error
        return state

    def _earlier(self, fingerprint: str) -> State | None:
        if not self._journal.is_file() or not self._part.is_file():
            return None
        try:
            state = State(**json.loads(self._journal.read_text("utf-8")))
        except (ValueError, TypeError):
            return None
        if state.fingerprint != fingerprint:
            raise OutputError(
                f"{self._path}: was begun with another input, model or other options; run without --resume to start anew"
            )
        return state if self._part.stat().st_size >= state.written else None

    def _append(self, payload: bytes) -> int:
        self._file.write(gzip.compress(payload, 6, mtime=0) if self._packed and payload else payload)
        self._file.flush()
        return self._file.tell()

    def write(self, payload: bytes, state: State) -> None:
        """Append a finished block and note it in the journal."""
        try:
            self._noted(self._append(payload), state)
        except OSError as error:
            raise OutputError(f"{self._path}: cannot be written: {error.strerror}") from error

    def _noted(self, written: int, state: State) -> State:
        state = replace(state, written=written)
        fresh = self._journal.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(state)), "utf-8")
        fresh.replace(self._journal)
        return state

    def finish(self) -> None:
        """Rename the part file to its final name."""
        self._file.close()
        self._part.replace(self._path)
        self._journal.unlink(missing_ok=True)

    def suspend(self) -> None:
        """Keep part file and journal for ``--resume``."""
        self._file.close()

    def discard(self) -> None:
        """Remove part file and journal."""
        self._file.close()
        self._part.unlink(missing_ok=True)
        self._journal.unlink(missing_ok=True)


class ParquetSink(FileSink):
    """Writes each block as a Parquet file of its own and joins them at the end, row group by row group."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        super().__init__(path, b"")
        self._columns = columns
        self._folder = path.with_name(f".{path.name}.parts")

    def begin(self, fingerprint: str, resume: bool) -> State:
        """Make the folder of parts, or go on with it."""
        state = super().begin(fingerprint, resume)
        if not state.blocks:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(exist_ok=True)
        return state

    def write(self, payload: bytes, state: State) -> None:
        """Write a block as a numbered part, then note it."""
        (self._folder / f"{state.blocks:08d}.parquet").write_bytes(payload)
        super().write(b"", state)

    def finish(self) -> None:
        """Join the parts."""
        parts = sorted(self._folder.glob("*.parquet"))
        if parts:
            pl.scan_parquet(parts).sink_parquet(self._part)
        else:
            pl.DataFrame(schema=dict.fromkeys(self._columns, pl.String)).write_parquet(self._part)
        super().finish()
        self._clear()

    def _clear(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def discard(self) -> None:
        """Remove the parts."""
        self._clear()
        super().discard()
