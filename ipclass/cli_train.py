"""``ipclass train``, ``evaluate`` and ``corpus``: from judgements to a model, and how good it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ipclass.commands import Commands, ForceOption, MetricsOption, ModelOption, QuietOption, as_json, say, write_text
from ipclass.errors import OutputError


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
