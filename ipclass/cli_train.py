"""``ipclass train``, ``evaluate`` and ``corpus``: from judgements to a model, and how good it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ipclass.commands import Commands, MetricsOption, ModelOption, as_json, insist, say, show, write_text
from ipclass.errors import CorpusError, GateError, OutputError

if TYPE_CHECKING:
    from ipclass.gate import Comparison


def train(
    sources: Annotated[
        list[Path] | None,
        typer.Argument(help="Corpus folders, and files of judgements: CSV, Excel, JSON lines, Label Studio, doccano."),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The model folder to write.")] = Path("model"),
    base: Annotated[
        Path | None, typer.Option(help="The corpus that judgements join; by default the shipped one, or the folder given.")
    ] = None,
    no_base: Annotated[bool, typer.Option("--no-base", help="Learn from the judgements alone.")] = False,
    label: Annotated[list[Path] | None, typer.Option(help="The label file (TOML) of a further technology.")] = None,
    against: Annotated[
        str, typer.Option(help="Compare with this model, and refuse a worse one; 'shipped' is the one that is shipped.")
    ] = "",
    held_out: Annotated[
        list[Path] | None, typer.Option(help="Judged documents to compare on, which neither model has learnt from.")
    ] = None,
    search: Annotated[bool, typer.Option("--search", help="Look for a better recipe, by cross-validation.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Check the judgements and stop.")] = False,
    skip_bad_rows: Annotated[bool, typer.Option("--skip-bad-rows", help="Leave out rows that have an error.")] = False,
    complete: Annotated[
        bool, typer.Option("--complete", help="A label column names all labels of a document: the others are 0.")
    ] = False,
    origin: Annotated[
        str, typer.Option(help="picked, or representative if drawn whatever a model thinks of them: then they calibrate.")
    ] = "picked",
    for_label: Annotated[str, typer.Option("--for", help="The label that a column 'grade' judges.")] = "",
    title: Annotated[str, typer.Option(help="The column of the title, if it is not a usual name.")] = "",
    abstract: Annotated[str, typer.Option(help="The column of the abstract.")] = "",
    id: Annotated[str, typer.Option(help="The column of the id.")] = "",
    encoding: Annotated[str, typer.Option(help="The encoding of a text table.")] = "utf-8",
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes to use.", min=1)] = 1,
    force: Annotated[bool, typer.Option("--force", help="Replace a model that is there; write one that is worse.")] = False,
    metrics_file: MetricsOption = None,
) -> None:
    """Train a model on judgements of your own together with a corpus, or on a corpus alone.

    Example: ipclass train my_labels.csv --against shipped -o models/mine
    """
    from ipclass import judgements, retraining
    from ipclass.batch import load
    from ipclass.model import refuse_to_write

    if not check:
        refuse_to_write(output)
        if (output / "manifest.json").exists() and not force:
            raise OutputError(f"{output}: holds a model already; --force replaces it")
    columns = {role: name for role, name in (("title", title), ("abstract", abstract), ("id", id)) if name}
    request = retraining.Request(
        sources=tuple(sources or ()),
        base=base,
        alone=no_base,
        labels=tuple(label or ()),
        wanted=judgements.Wanted(columns, for_label, origin, complete, encoding),
        held_out=tuple(held_out or ()),
        against=load(against) if against else None,
        search=search,
        lenient=skip_bad_rows,
        jobs=jobs,
    )
    prepared = retraining.prepare(request)
    for line in retraining.notices(prepared):
        say(line)
    wrong = retraining.fatal(prepared, skip_bad_rows)
    for line in retraining.errors(prepared):
        (insist if wrong else say)(line)
    if wrong:
        way_out = "; --skip-bad-rows leaves such rows out" if all(each.row for each in wrong) else ""
        raise CorpusError(
            f"{len(wrong):,} error{'s' if len(wrong) > 1 else ''} in what is to be learnt from; no model was made{way_out}"
        )
    if check:
        say(retraining.checked(prepared))
        return
    done = retraining.retrain(prepared, request, lambda line: say(f"{line} ..."))
    _metrics(metrics_file, dict(done.model.facts))
    say(f"\n{retraining.as_text(done)}\n")
    if (refused := gate_of(done.comparison)) and not force:
        raise GateError(f"{output}: not written: {refused}; --force writes it all the same")
    done.model.save(output)
    say(f"{output}: trained on {len(prepared.corpus):,} documents, digest {done.model.digest[:12]}")


def gate_of(comparison: Comparison | None) -> str:
    """Return why a model is refused, or nothing."""
    worse = comparison.worse if comparison else ()
    return f"worse than the old model on {', '.join(f'{each.label} ({each.definition})' for each in worse)}" if worse else ""


def evaluate(
    judged: Annotated[list[Path], typer.Argument(help="Files of judgements, as for train; the model has not seen them.")],
    model: ModelOption = "",
    against: Annotated[
        str, typer.Option(help="Compare with this model on the same documents, and fail if the model is worse.")
    ] = "",
    draws: Annotated[int, typer.Option(help="Bootstrap samples for the intervals.", min=10)] = 1000,
    json_wanted: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    metrics_file: MetricsOption = None,
) -> None:
    """Say how good a model is on judged documents, with 95 % intervals.

    Example: ipclass evaluate judged.jsonl --metrics-file metrics.json
    """
    from ipclass import evaluation, gate, judgements
    from ipclass.batch import load

    loaded = load(model)
    found = judgements.read(judged, loaded.labels)
    judgements.refuse_errors(found)
    for notice in judgements.listed(found.notices):
        say(f"note: {notice}")
    texts = judgements.as_judged(found.rows)
    report = evaluation.evaluate(loaded, texts, draws)
    record = evaluation.as_record(report, loaded)
    comparison = None
    if against:
        on = f"{len(texts):,} documents ({', '.join(path.name for path in judged)})"
        comparison = gate.on_texts(load(against), loaded, texts, on, draws=2 * draws)
        record["comparison"] = gate.as_record(comparison)
    _metrics(metrics_file, record)
    if json_wanted:
        typer.echo(as_json(record))
    else:
        show("\n\n".join([evaluation.as_table(report), *([gate.as_table(comparison)] if comparison else [])]))
    if refused := gate_of(comparison):
        raise GateError(refused)


def _metrics(path: Path | None, facts: Any) -> None:
    if path is not None:
        write_text(path, as_json(facts, sort_keys=True) + "\n")


corpus_app = typer.Typer(cls=Commands, help="Make a corpus.", no_args_is_help=True)


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
