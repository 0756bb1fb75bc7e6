"""``ipclass demo``: a table to practise on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ipclass.commands import ForceOption, say


def demo(
    output: Annotated[Path, typer.Argument(help="The table to write, or that was written; the grades go beside it.")] = Path(
        "patents.csv"
    ),
    number: Annotated[int, typer.Option("--number", "-n", help="Patents to invent.", min=1)] = 4000,
    seed: Annotated[int, typer.Option(help="Same seed, same table.", min=0)] = 0,
    fill: Annotated[
        Path | None, typer.Option(help="Fill in the grades of this CSV sheet of ipclass audit draw instead.")
    ] = None,
    force: ForceOption = False,
) -> None:
    """Write a table of invented patents to practise on, and their true grades, as JSON lines, beside it.

    Example: ipclass demo patents.csv
    """
    from ipclass import demo as demos
    from ipclass import writing

    judged = output.with_suffix(".judged.jsonl")
    if fill is not None:
        writing.write({fill: demos.filled(fill, judged)}, force=True)
        say(f"{fill}: filled in from {judged}, as by a person who never errs")
        return
    patents = demos.invented(number, seed)
    writing.write({output: demos.as_csv(patents), judged: demos.as_judged(patents)}, force=force)
    say(f"{output}: {len(patents):,} invented patents to practise on; their true grades: {judged}")
