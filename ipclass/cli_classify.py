"""``ipclass classify``: from a table to tags."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ipclass.commands import (
    AbstractOption,
    DefinitionOption,
    EncodingOption,
    ForceOption,
    InputFormatOption,
    ModelOption,
    OutputFormatOption,
    PrefixOption,
    TitleOption,
    columns_named,
    detail,
    quiet,
    say,
    show,
)

if TYPE_CHECKING:
    from ipclass.sinks import Summary
    from ipclass.workers import Workers


def classify(
    tables: Annotated[
        list[str],
        typer.Argument(help="Files, folders, patterns, .zip; also .gz and .zst; - is standard input.", metavar="TABLE"),
    ],
    output: Annotated[str, typer.Option("--output", "-o", help="The file to write; - is standard output.")] = "-",
    definition: DefinitionOption = "strict",
    explain: Annotated[int, typer.Option(help="Give the N terms that weigh most for each assigned label.", min=0)] = 0,
    title: TitleOption = "",
    abstract: AbstractOption = "",
    format: InputFormatOption = "",
    output_format: OutputFormatOption = "",
    encoding: EncodingOption = "utf-8",
    sheet: Annotated[str, typer.Option(help="The worksheet of an Excel workbook, if it is not the first.")] = "",
    title_only: Annotated[
        bool, typer.Option("--title-only", help="Take an export without abstracts, and trust it less.")
    ] = False,
    raw_cells: Annotated[
        bool,
        typer.Option("--raw-cells", help="Write texts that begin with = + - @ as they are: CSV and TSV have a ' before them."),
    ] = False,
    prefix: PrefixOption = "",
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes to use.", min=1)] = 1,
    backend: Annotated[Literal["local", "dask"], typer.Option(help="local, or dask for a cluster.")] = "local",
    scheduler: Annotated[str, typer.Option(help="The address of the Dask scheduler, as tcp://host:8786.")] = "",
    rejects: Annotated[str, typer.Option(help="Write rows that cannot be read to this CSV file, and go on.")] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run stopped.")] = False,
    model: ModelOption = "",
    as_table: Annotated[bool, typer.Option("--table", help="Print titles and tags to read, and write nothing.")] = False,
    force: ForceOption = False,
) -> None:
    """Tag tables of patents. All their columns and the order of their rows are kept.

    Example: ipclass classify patents.csv -o tagged.csv
    """
    with _hired(jobs, backend, scheduler, model) as workers:
        from ipclass import batch, files, writing
        from ipclass.records import definition_named

        if rejects:
            writing.refuse_to_lose(tables, [rejects])
        columns = columns_named(title=title, abstract=abstract)
        source = files.Source(tables, format or None, columns, encoding, sheet=sheet, title_only=title_only)
        if source.passed_over:
            say(f"passed over, as they are no tables: {_listed(source.passed_over)}")
        if as_table:
            for line in batch.readable(source, batch.load(model), definition_named(definition)):
                show(line)
            return
        title, abstract = source.layout.title or "nothing", source.layout.abstract or "nothing"
        detail(f"{source.path}: {source.layout.format}, title from {title}, abstract from {abstract}")
        detail(f"model {model or 'as shipped'}, digest {batch.load(model).digest[:12]}")
        written = files.format_of(output, output_format or None, default=source.layout.format)
        job = batch.Job(source.layout, model, definition_named(definition), explain, written, prefix, raw_cells=raw_cells)
        with _Progress(shown=not quiet() and output != "-" and sys.stderr.isatty()) as progress:
            summary = batch.run(
                source,
                output,
                job,
                workers=workers,
                rejects=rejects,
                resume=resume,
                force=force,
                progress=progress.add,
            )
    say(_told(summary, rejects))
    if title_only:
        say("titles alone were tagged, where there are no abstracts: more is missed, and probabilities are less sure")


def _hired(jobs: int, backend: str, scheduler: str, model: str) -> AbstractContextManager[Workers | None]:
    """Return the workers, which start and load the model while the table is opened here."""
    from ipclass.workers import dask_workers, local_workers

    if backend == "dask":
        if not scheduler:
            raise typer.BadParameter("a cluster needs --scheduler ADDRESS", param_hint="--backend dask")
        return dask_workers(scheduler)
    if scheduler:
        raise typer.BadParameter("a scheduler is that of a cluster: add --backend dask", param_hint="--scheduler")
    if jobs == 1:
        return nullcontext()
    workers = local_workers(jobs)
    workers.prepare(_load, model)
    return workers


def _load(model: str) -> None:
    from ipclass.batch import load

    load(model)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")


def _told(summary: Summary, rejects: str) -> str:
    from ipclass.scope import said

    tagged = ", ".join(f"{label} {n:,}" for label, n in sorted(summary.assigned.items()) if n) or "no tags"
    reasons = ", ".join(f"{reason} {n:,}" for reason, n in sorted(summary.unscored.items()))
    told = f"{summary.rows:,} document{'s' * (summary.rows != 1)}: {tagged}; unscored {sum(summary.unscored.values()):,}"
    if reasons:
        told += f" ({reasons})"
    if summary.scope:
        told += f"\nto be read with care: {said(summary.scope)}"
    if not rejects:
        return told
    read = summary.rows + summary.rejected
    return f"{told}\n{read:,} rows read = {summary.rows:,} tagged + {summary.rejected:,} rejected ({rejects})"


class _Progress:
    """A line on standard error that counts documents; nothing where nobody watches."""

    def __init__(self, shown: bool) -> None:
        self._shown = shown

    def __enter__(self) -> _Progress:
        if self._shown:
            from rich.console import Console
            from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

            self._bar = Progress(
                SpinnerColumn(),
                TextColumn("{task.completed:,.0f} documents"),
                TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("", total=None)
        return self

    def add(self, rows: int) -> None:
        """Count ``rows`` more documents."""
        if self._shown:
            self._bar.advance(self._task, rows)

    def __exit__(self, *error: object) -> None:
        if self._shown:
            self._bar.stop()
