"""The command line: it reads, calls and writes, and decides nothing. Heavy modules are imported where they are used."""

from __future__ import annotations

from typing import Annotated

import typer

from ipclass import (
    cli_audit,
    cli_classify,
    cli_demo,
    cli_duplicates,
    cli_explain,
    cli_judge,
    cli_labels,
    cli_model,
    cli_next,
    cli_quality,
    cli_report,
    cli_rules,
    cli_shares,
    cli_train,
)
from ipclass.commands import Commands

app = typer.Typer(
    name="ipclass",
    cls=Commands,
    help="Tags patent abstracts by technology, and turns the tags into share statistics that can be defended.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
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


app.command()(cli_classify.classify)
app.command()(cli_explain.explain)
app.command()(cli_rules.rules)
app.command()(cli_duplicates.duplicates)
app.command()(cli_shares.shares)
app.command()(cli_explain.drivers)
app.command()(cli_shares.indicators)
app.command("high-value")(cli_shares.derive_high_value)
app.add_typer(cli_audit.audit_app, name="audit")
app.command()(cli_report.report)
app.command("next")(cli_next.next_documents)
app.command()(cli_judge.judge)
app.command()(cli_train.train)
app.command()(cli_train.evaluate)
app.add_typer(cli_train.corpus_app, name="corpus")
app.add_typer(cli_labels.labels_app, name="labels")
cli_labels.labels_app.command("doubts")(cli_quality.doubts)
cli_labels.labels_app.command("agreement")(cli_quality.agreement)
app.command()(cli_model.compare)
app.add_typer(cli_model.model_app, name="model")
app.command()(cli_demo.demo)
