"""``ipclass classify``: from a table to tags."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ipclass.commands import DefinitionOption, ForceOption, ModelOption, QuietOption, detail, say

if TYPE_CHECKING:
    from ipclass.batch import Summary


def classify(
    table: Annotated[str, typer.Argument(help="CSV, TSV, JSON lines or Parquet, also .gz; - is standard input.")],
    output: Annotated[str, typer.Option("--output", "-o", help="The file to write; - is standard output.")] = "-",
    definition: DefinitionOption = "strict",
    explain: Annotated[int, typer.Option(help="Give the N terms that weigh most for each assigned label.", min=0)] = 0,
    title: Annotated[str, typer.Option(help="The column of the title, if it is not a usual name.")] = "",
    abstract: Annotated[str, typer.Option(help="The column of the abstract.")] = "",
    input_format: Annotated[str, typer.Option(help="csv, tsv, jsonl or parquet, if the ending does not tell.")] = "",
    output_format: Annotated[str, typer.Option(help="csv, tsv, jsonl or parquet, if the ending does not tell.")] = "",
    encoding: Annotated[str, typer.Option(help="The encoding of a text table.")] = "utf-8",
    prefix: Annotated[str, typer.Option(help="Put this before the names of the added columns.")] = "",
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes to use.", min=1)] = 1,
    backend: Annotated[Literal["local", "dask"], typer.Option(help="local, or dask for a cluster.")] = "local",
    scheduler: Annotated[str, typer.Option(help="The address of the Dask scheduler, as tcp://host:8786.")] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run stopped.")] = False,
    model: ModelOption = "",
    as_table: Annotated[bool, typer.Option("--table", help="Print titles and tags to read, and write nothing.")] = False,
    force: ForceOption = False,
    quiet: QuietOption = False,
) -> None:
    """Tag a table of patents. All its columns and the order of its rows are kept.

    Example: ipclass classify patents.csv -o tagged.csv
    """
    from ipclass import batch, files
    from ipclass.records import definition_named

    if backend == "dask" and not scheduler:
        raise typer.BadParameter("a cluster needs --scheduler ADDRESS", param_hint="--backend dask")
    columns = {role: name for role, name in (("title", title), ("abstract", abstract)) if name}
    source = files.Source(table, input_format or None, columns, encoding)
    if as_table:
        for line in batch.readable(source, batch.load(model), definition_named(definition)):
            typer.echo(line)
        return
    layout, digest = source.layout, batch.load(model).digest[:12]
    detail(f"{table}: {layout.format}, title from {layout.title or 'nothing'}, abstract from {layout.abstract or 'nothing'}")
    detail(f"model {model or 'as shipped'}, digest {digest}")
    written = files.format_of(output, output_format or None, default=source.layout.format)
    job = batch.Job(source.layout, model, definition_named(definition), explain, written, prefix)
    with _Progress(source.size, shown=not quiet and output != "-" and sys.stderr.isatty()) as progress:
        summary = batch.run(
            source,
            output,
            job,
            jobs=jobs,
            resume=resume,
            force=force,
            progress=progress.add,
            spread=_spread(backend, scheduler),
        )
    if not quiet:
        say(_told(summary))


def _spread(backend: str, scheduler: str) -> Any:
    from ipclass import batch

    return batch.spread_over_dask(scheduler) if backend == "dask" else None


def _told(summary: Summary) -> str:
    tagged = ", ".join(f"{label} {n:,}" for label, n in sorted(summary.assigned.items()))
    unscored = sum(summary.unscored.values())
    reasons = ", ".join(f"{reason} {n:,}" for reason, n in sorted(summary.unscored.items()))
    return f"{summary.rows:,} documents: {tagged}; unscored {unscored:,}{f' ({reasons})' if reasons else ''}"


class _Progress:
    """A line on standard error that counts documents; nothing where nobody watches."""

    def __init__(self, size: int | None, shown: bool) -> None:
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
