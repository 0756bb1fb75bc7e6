"""A whole table tagged, block by block: on one core or many, in constant memory, and resumed where it broke off."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from typing import Any

import polars as pl

from ipclass import blocks, evidence
from ipclass.blocks import Bad, RawBlock
from ipclass.errors import InputError, WorkerError
from ipclass.files import Block, Format, Layout, Source, as_lines, as_table
from ipclass.layout import packing
from ipclass.model import Model, Tags
from ipclass.parsing import SET_APART, sift
from ipclass.records import UNSCORED, Contribution, Definition, Reject
from ipclass.rendering import pack
from ipclass.sinks import Output, State, Summary
from ipclass.workers import Workers, local_workers

KEEP_APART = "classify --rejects FILE keeps such rows apart and goes on"
LONGEST_TITLE = 90
TAGGED_BY = 12  # digits of the model's digest that a row carries
SHIPPED = "shipped"
"""Names the model that comes with the package; a folder of that name is ``./shipped``."""


@dataclass(frozen=True)
class Job:
    """All that a worker needs to know, small enough to be sent with every block.

    ``packing`` is the ending of a packed result, as ``.gz``. Unless bad rows are ``kept_apart``, a block with one is not
    tagged. With ``raw_cells`` texts of CSV and TSV may be formulas.
    """

    layout: Layout
    model: str
    definition: Definition
    explain: int
    output: Format
    prefix: str = ""
    packing: str = ""
    kept_apart: bool = False
    raw_cells: bool = False


@dataclass(frozen=True)
class Done:
    """A finished block: its rows as they are to be written, those that could not be read, and what was counted."""

    file: str
    payload: bytes
    bad: tuple[Bad, ...]
    rejects: tuple[Reject, ...]
    summary: Summary


def run(
    source: Source,
    target: str,
    job: Job,
    *,
    jobs: int = 1,
    workers: Workers | None = None,
    rejects: str = "",
    resume: bool = False,
    force: bool = False,
    progress: Callable[[int], None] = lambda rows: None,
) -> Summary:
    """Tag ``source`` into ``target``, with ``workers`` or else ``jobs`` processes, and return what was counted.

    Rows that cannot be read are kept apart in the table ``rejects``, if it is named.

    Raises:
        InputError: A row cannot be read, and no ``rejects`` are kept; nothing is left behind.
        OutputError: A file exists and ``force`` is not set, or cannot be written, or there is nothing to resume.
        ModelError: The model cannot be read.
        WorkerError: A process died; ``resume`` goes on.
    """
    if workers is None and jobs > 1:
        with local_workers(jobs) as workers:
            workers.prepare(load, job.model)
            return run(source, target, job, workers=workers, rejects=rejects, resume=resume, force=force, progress=progress)
    if job.output != "jsonl":
        source.learn_columns()
    job = replace(job, layout=source.layout, packing=packing(target), kept_apart=bool(rejects))
    model = load(job.model)
    columns = _all_columns(source, model, job)
    output = Output(target, job.output, columns, rejects, id=source.layout.id, raw=job.raw_cells, force=force, resume=resume)
    state = output.begin(_fingerprint(source, job, model))
    try:
        with closing(_spread(source, job, state.blocks, workers)) as finished:
            for done in finished:
                state = output.write(done.payload, *_counted(done, state, job))
                progress(done.summary.rows)
    except (KeyboardInterrupt, WorkerError):
        output.suspend()
        raise
    except BaseException:
        output.discard()
        raise
    output.finish()
    return state.summary


@lru_cache(maxsize=2)
def load(folder: str) -> Model:
    """Return the model in ``folder`` ("" or "shipped" is the one that comes with the package), read once a process."""
    return Model.load(None if folder in ("", SHIPPED) else folder)


def _all_columns(source: Source, model: Model, job: Job) -> list[str]:
    added = added_columns(model.labels.ids, job)
    if clash := [name for name in added if name in source.layout.columns]:
        raise InputError(f"{source.path}: has a column {clash[0]!r} already; {SET_APART}")
    return [*source.layout.columns, *added]


def _spread(source: Source, job: Job, skip: int, workers: Workers | None) -> Generator[Done]:
    """Yield the finished blocks in order, behind those that were finished earlier."""
    with closing(source.blocks(skip, places=workers is not None and workers.local)) as found:
        if workers is None:
            yield from (work(block, job) for block in found)
        else:
            yield from workers.map(partial(work, job=job), found if workers.local else (block.carried() for block in found))


def work(raw: RawBlock, job: Job) -> Done:
    """Return a block tagged and ready to be written."""
    model = load(job.model)
    added = added_columns(tuple(model.labels.ids), job)
    read = sift(raw, job.layout, frozenset(added if job.output == "jsonl" else ()))
    if (read.bad or raw.rejects) and not job.kept_apart:
        return Done(raw.file, b"", read.bad, raw.rejects, Summary())
    tags = model.tag(read.texts, job.definition, job.explain)
    if job.output == "jsonl":
        payload = as_lines(read, added_fields(tags, model, job, code_verdicts(read, tags, model, job)))
    else:
        columns = added_frame(tags, model, job, code_verdicts(read, tags, model, job))
        payload = as_table(read, columns, job.layout, job.output, job.raw_cells)
    assigned = dict(zip(tags.labels, map(int, tags.assigned.sum(axis=0)), strict=True))
    rejected = len(read.bad) + len(raw.rejects)
    unscored, scope = (dict(Counter(filter(None, each))) for each in (tags.unscored, tags.scope))
    summary = Summary(len(read), rejected, assigned, unscored, scope)
    return Done(raw.file, pack(payload, job.packing), read.bad, raw.rejects, summary)


def _counted(done: Done, state: State, job: Job) -> tuple[list[Reject], State]:
    """Return the rows to be kept apart, and the state once the block is written.

    Raises:
        InputError: There are such rows, and they are not wanted.
    """
    before = state.row if done.file == state.file else 0
    rejects = [*done.rejects, *(Reject(done.file, f"row {before + bad.row}", bad.problem) for bad in done.bad)]
    if rejects and not job.kept_apart:
        first = rejects[0]
        raise InputError(f"{first.file}, {first.place}: {first.reason}; {KEEP_APART}")
    row = before + done.summary.rows + len(done.bad)
    return rejects, replace(state, blocks=state.blocks + 1, file=done.file, row=row, summary=state.summary + done.summary)


def code_verdicts(read: Block, tags: Tags, model: Model, job: Job) -> tuple[tuple[str, ...], ...]:
    """Return for each label what the codes of each document make of its tag, if explanations are asked for and codes there."""
    if not job.explain:
        return ()
    names = job.layout.columns or tuple({name: None for record in read.records or () for name in record})
    columns = evidence.code_columns(names)
    assigned = [[None] * len(row) if reason else row for row, reason in zip(tags.assigned.tolist(), tags.unscored, strict=True)]
    return evidence.verdicts(read, columns, assigned, model.labels) if columns else ()


def readable(source: Source, model: Model, definition: Definition) -> Iterator[str]:
    """Yield a line to read for each document: the primary label, the probability of each label assigned, the title."""
    for read in source.read():
        tags = model.tag(read.texts, definition)
        for row, text in enumerate(read.texts):
            sure = {
                label: tags.probabilities[row, place] for place, label in enumerate(tags.labels) if tags.assigned[row, place]
            }
            shown = ", ".join(f"{label} {p:.2f}" for label, p in sorted(sure.items(), key=lambda item: -item[1]))
            title = text.partition("\n")[0] or text.strip()
            yield f"{tags.primary[row]:<10} {shown or tags.unscored[row] or '-':<20} {short_title(title)}"


def short_title(title: str) -> str:
    """Return ``title`` as lists show it: one that is too long ends with a sign that it was cut."""
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1].rstrip()}…"


def added_columns(labels: Sequence[str], job: Job) -> list[str]:
    """Return the names of the columns that tagging adds to a table."""
    if job.output == "jsonl":
        return [
            job.prefix + name
            for name in ("labels", "primary", "probabilities", "known", "unscored", "scope", "terms", "tagged_by")
        ]
    names = [*labels, *(f"{label}_probability" for label in labels), "primary", "known", "unscored", "scope"]
    if job.explain:
        names += [f"{label}_terms" for label in labels]
        names += [evidence.CODES.format(label) for label in labels if evidence.code_columns(job.layout.columns)]
    return [job.prefix + name for name in [*names, "tagged_by"]]


def added_frame(tags: Tags, model: Model, job: Job, codes: Sequence[Sequence[str]] = ()) -> pl.DataFrame:
    """Return the columns of ``added_columns`` for a batch: tags as 0 and 1, empty where a text could not be tagged."""
    scored = pl.Series([not reason for reason in tags.unscored], dtype=pl.Boolean)
    tagged = [pl.Series(tags.assigned[:, place].astype("int8")) for place in range(len(tags.labels))]
    sure = _rounded(tags)
    values: list[Any] = [series.zip_with(scored, pl.Series([None], dtype=series.dtype)) for series in (*tagged, *sure)]
    values += [_texts(tags.primary), pl.Series(tags.known).round(3), _texts(tags.unscored), _texts(tags.scope)]
    if job.explain:
        values += [_texts([_shown(row.get(label, ())) for row in tags.explanations]) for label in tags.labels]
        values += map(_texts, codes)
    values.append(_texts([tagged_by(model, job.definition)] * len(tags)))
    return pl.DataFrame(dict(zip(added_columns(tags.labels, job), values, strict=True)))


def _rounded(tags: Tags) -> list[pl.Series]:
    """Return the probabilities of each label as they are written."""
    return [pl.Series(tags.probabilities[:, place]).round_sig_figs(6) for place in range(len(tags.labels))]


def _texts(values: Sequence[str]) -> pl.Series:
    return pl.Series(values, dtype=pl.String)  # a block without rows must have the types of the others


def tagged_by(model: Model, definition: Definition) -> str:
    """Return what names the model and the definition in every row: shares can tell when they changed."""
    return f"{definition}:{model.digest[:TAGGED_BY]}"


def _shown(terms: Sequence[Contribution]) -> str:
    return "; ".join(f"{each.term} ({each.value:+.3f})" for each in terms)


def added_fields(tags: Tags, model: Model, job: Job, codes: Sequence[Sequence[str]] = ()) -> Iterator[dict[str, Any]]:
    """Yield the fields that tagging adds to each JSON object."""
    rounded = zip(*(series.to_list() for series in _rounded(tags)), strict=True)
    made_by = tagged_by(model, job.definition)
    for row, sure in enumerate(rounded):
        reason = tags.unscored[row]
        fields: dict[str, Any] = {
            "labels": [label for place, label in enumerate(tags.labels) if tags.assigned[row, place]],
            "primary": UNSCORED if reason else tags.primary[row],
            "probabilities": {} if reason else dict(zip(tags.labels, sure, strict=True)),
            "known": round(float(tags.known[row]), 3),
        }
        if reason:
            fields["unscored"] = reason
        if tags.scope[row]:
            fields["scope"] = tags.scope[row]
        if job.explain:
            fields["terms"] = {
                label: [[each.term, round(each.value, 6)] for each in terms] for label, terms in tags.explanations[row].items()
            }
        if codes:
            fields["codes"] = {label: said[row] for label, said in zip(tags.labels, codes, strict=True) if said[row]}
        fields["tagged_by"] = made_by
        yield {job.prefix + name: value for name, value in fields.items()}


def _fingerprint(source: Source, job: Job, model: Model) -> str:
    """Return what must be equal for a run to go on where another stopped."""
    facts = {**asdict(replace(job, model="")), "digest": model.digest, "files": source.stamps}
    facts["cut"] = (blocks.BLOCK_BYTES, blocks.SLICE_ROWS)
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
