"""What the parts of the command line share: how a mistake is told, and the options that mean the same everywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ipclass.errors import IpclassError, OutputError
from ipclass.writing import defined


class Commands(TyperGroup):
    """Turns a user's mistake into one line on standard error and exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except IpclassError as error:
            typer.echo(f"ipclass: {error}", err=True)
            raise SystemExit(1) from None
        except KeyboardInterrupt:
            typer.echo("ipclass: interrupted", err=True)
            raise SystemExit(130) from None


DefinitionOption = Annotated[str, typer.Option("--definition", "-d", help="strict (grade 2) or broad (grades 1 and 2).")]
ModelOption = Annotated[str, typer.Option("--model", "-m", help="A model folder; by default the model that is shipped.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
MetricsOption = Annotated[Path | None, typer.Option("--metrics-file", help="Write the figures as JSON to this file.")]


def say(line: str) -> None:
    """Tell the user something that is not the result: on standard error."""
    typer.echo(line, err=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path``.

    Raises:
        OutputError: It cannot be written.
    """
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error


def as_json(facts: Any, sort_keys: bool = False) -> str:
    """Return ``facts`` as JSON, with null for what is not defined (nan)."""
    return json.dumps(defined(facts), indent=1, sort_keys=sort_keys)
