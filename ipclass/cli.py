"""The command line: it reads, calls and writes, and decides nothing. Heavy modules are imported where they are used."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ipclass import cli_audit, cli_report, cli_shares
from ipclass.commands import (
    Commands,
    DefinitionOption,
    ForceOption,
    MetricsOption,
    ModelOption,
    QuietOption,
    as_json,
    say,
    write_text,
)
from ipclass.errors import InputError, OutputError

if TYPE_CHECKING:
    from ipclass.batch import Summary


app = typer.Typer(
    cls=Commands,
    help="Tags patent abstracts by technology, and turns the tags into share statistics that can be defended.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line."""
    app()


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"ipclass {version('ipclass')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    pass


@app.command()
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
    backend: Annotated[str, typer.Option(help="local, or dask for a cluster.")] = "local",
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

    columns = {role: name for role, name in (("title", title), ("abstract", abstract)) if name}
    source = files.Source(table, input_format or None, columns, encoding)
    if as_table:
        for line in batch.readable(source, batch.load(model), definition_named(definition)):
            typer.echo(line)
        return
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

    if backend == "local":
        return None
    if backend != "dask" or not scheduler:
        raise InputError(f"--backend {backend}: must be local, or dask with --scheduler ADDRESS")
    return batch.spread_over_dask(scheduler)


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


@app.command()
def train(
    corpus: Annotated[Path | None, typer.Argument(help="A corpus folder; by default the corpus that is shipped.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The model folder to write.")] = Path("model"),
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Threads to use.", min=1)] = 1,
    force: ForceOption = False,
    metrics_file: MetricsOption = None,
    quiet: QuietOption = False,
) -> None:
    """Train a model on a corpus: labels, judgements, and texts or term counts.

    Example: ipclass train corpora/frontier -o models/mine
    """
    from ipclass import card, training
    from ipclass import corpus as corpora

    if (output / "manifest.json").exists() and not force:
        raise OutputError(f"{output}: holds a model already; --force replaces it")
    learnt = corpora.read_corpus(corpus or corpora.shipped())
    model = card.with_card(training.train(learnt, jobs=jobs), learnt)
    model.save(output)
    _metrics(metrics_file, dict(model.facts))
    if not quiet:
        say(card.quality_table(model))
        say(f"{output}: trained on {len(learnt):,} documents, digest {model.digest[:12]}")


@app.command()
def evaluate(
    judged: Annotated[list[Path], typer.Argument(help="JSON lines with title, abstract and grades.")],
    model: ModelOption = "",
    draws: Annotated[int, typer.Option(help="Bootstrap samples for the intervals.", min=10)] = 1000,
    json_wanted: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    metrics_file: MetricsOption = None,
) -> None:
    """Say how good a model is on judged documents, with 95 % intervals.

    Example: ipclass evaluate judged.jsonl --metrics-file metrics.json
    """
    from ipclass import corpus as corpora
    from ipclass import evaluation
    from ipclass.batch import load

    loaded = load(model)
    texts = [each for path in judged for each in corpora.read_judged(path, loaded.labels)]
    report = evaluation.evaluate(loaded, texts, draws)
    _metrics(metrics_file, evaluation.as_record(report, loaded))
    typer.echo(as_json(evaluation.as_record(report, loaded)) if json_wanted else evaluation.as_table(report))


def _metrics(path: Path | None, facts: Any) -> None:
    if path is not None:
        write_text(path, as_json(facts, sort_keys=True) + "\n")


app.command()(cli_shares.shares)
app.command()(cli_shares.indicators)
app.command()(cli_report.report)
app.command("high-value")(cli_shares.derive_high_value)

app.add_typer(cli_audit.audit_app, name="audit")

labels_app = typer.Typer(cls=Commands, help="Show what the labels mean.", no_args_is_help=True)
app.add_typer(labels_app, name="labels")


@labels_app.command("list")
def labels_list(model: ModelOption = "") -> None:
    """List the labels of a model.

    Example: ipclass labels list
    """
    from ipclass.batch import load

    for label in load(model).labels:
        typer.echo(f"{label.id:<10} {label.name}: {label.summary}")


@labels_app.command("show")
def labels_show(label: Annotated[str, typer.Argument(help="The id of a label.")], model: ModelOption = "") -> None:
    """Show the definitions of a label, with examples of what is inside and outside.

    Example: ipclass labels show quantum
    """
    from ipclass.batch import load

    shown = load(model).labels[label]
    typer.echo(f"{shown.name} ({shown.id}, version {shown.version})\n\nstrict: {shown.strict}\n\nbroad: {shown.broad}")
    for title, examples in (("inside", shown.inside), ("borderline", shown.borderline), ("outside", shown.outside)):
        typer.echo(f"\n{title}:\n" + "\n".join(f"  - {example}" for example in examples))


model_app = typer.Typer(cls=Commands, help="Look into a model.", no_args_is_help=True)
app.add_typer(model_app, name="model")


@model_app.command("show")
def model_show(model: ModelOption = "") -> None:
    """Print the card of a model.

    Example: ipclass model show
    """
    from ipclass.batch import load

    typer.echo(load(model).card)


@app.command()
def explain(
    title: Annotated[str, typer.Argument(help="The title of a document.")],
    abstract: Annotated[str, typer.Argument(help="Its abstract.")] = "",
    definition: DefinitionOption = "strict",
    terms: Annotated[int, typer.Option("--terms", "-n", help="Terms to show a label.", min=1)] = 8,
    model: ModelOption = "",
) -> None:
    """Say how probable each label is for one text, and which terms decide it.

    Example: ipclass explain "Qubit readout" "A resonator reads out a superconducting qubit."
    """
    from ipclass.batch import load
    from ipclass.records import Document, definition_named

    loaded, wanted = load(model), definition_named(definition)
    document = Document(title, abstract)
    prediction = next(loaded.classify([document], wanted))
    typer.echo(f"primary: {prediction.primary}" + (f" ({prediction.unscored})" if prediction.unscored else ""))
    for label, probability in prediction.probabilities.items():
        found = loaded.explain(document.text, label, wanted)[:-1][:terms]
        mark = "*" if label in prediction.labels else " "
        typer.echo(f"{mark} {label:<10} {probability:.3f}  " + ", ".join(f"{t.term} {t.value:+.2f}" for t in found))


corpus_app = typer.Typer(cls=Commands, help="Make a corpus.", no_args_is_help=True)
app.add_typer(corpus_app, name="corpus")


@corpus_app.command("build")
def corpus_build(
    folder: Annotated[Path, typer.Argument(help="The corpus folder, with labels/ in it.")],
    judged: Annotated[list[Path], typer.Option("--judged", help="JSON lines of real patents with grades.")],
    texts: Annotated[
        list[Path] | None, typer.Option("--texts", help="JSON lines with the texts of patents that patents.csv lists.")
    ] = None,
) -> None:
    """Count the terms of real patents into patents.csv and patents.npz; their sentences stay outside.

    Example: ipclass corpus build corpora/frontier --judged train.jsonl --texts pool.jsonl.gz
    """
    from ipclass import corpus as corpora

    built = corpora.rebuild(folder, judged, texts or [])
    say(f"{folder}: {len(built):,} documents, {len(built.terms):,} terms")
