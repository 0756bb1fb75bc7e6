"""``ipclass next``: which documents of a table to judge next, as a sheet or for a labelling tool."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ipclass.commands import (
    AbstractOption,
    EncodingOption,
    ForceOption,
    IdOption,
    InputFormatOption,
    ModelOption,
    TitleOption,
    columns_named,
    say,
    told,
)

if TYPE_CHECKING:
    from ipclass.picking import Picked


def next_documents(
    table: Annotated[str, typer.Argument(help="The documents to choose from; - is standard input.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The sheet to write: .xlsx, .csv, .json (Label Studio), .jsonl (doccano).")
    ],
    number: Annotated[int, typer.Option("--number", "-n", help="How many documents to choose.", min=1, max=10_000)] = 50,
    labels: Annotated[
        list[str] | None,
        typer.Option("--for", help="A label to judge for; may be repeated. By default all."),
    ] = None,
    judged: Annotated[
        list[Path] | None, typer.Option("--judged", help="A file of judgements: what it holds is not asked again.")
    ] = None,
    explore: Annotated[
        float, typer.Option(help="The part that is drawn at random: the only part that may calibrate a model.", min=0, max=1)
    ] = 0.1,
    kind: Annotated[str, typer.Option(help="xlsx, csv, label-studio or doccano, if the ending does not tell.")] = "",
    show: Annotated[bool, typer.Option("--show", help="Say why each was chosen: such a sheet is not blind.")] = False,
    base: Annotated[Path | None, typer.Option(help="The corpus of the model; by default the shipped one.")] = None,
    no_base: Annotated[bool, typer.Option("--no-base", help="The model has learnt from the judgements alone.")] = False,
    label_files: Annotated[
        list[Path] | None, typer.Option("--label", help="The label file (TOML) of a technology that the model does not know.")
    ] = None,
    title: TitleOption = "",
    abstract: AbstractOption = "",
    id: IdOption = "",
    input_format: InputFormatOption = "",
    encoding: EncodingOption = "utf-8",
    seed: Annotated[int, typer.Option(help="Same seed, same documents.", min=0)] = 0,
    model: ModelOption = "",
    force: ForceOption = False,
) -> None:
    """Choose what to judge next: documents on which the model is least sure, none like another, and some at random.

    Example: ipclass next patents.csv -n 50 --for quantum -o sheet.xlsx
    """
    from ipclass import files, labelsheets, picking, retraining, writing
    from ipclass.batch import load

    wanted_kind = labelsheets.kind_of(output, kind)
    writing.refuse_to_replace([output], force)
    writing.refuse_to_lose([table, *(judged or ())], [output])
    columns = columns_named(title=title, abstract=abstract, id=id)
    source = files.Source(table, input_format or None, columns, encoding)
    loaded = load(model)
    prepared = retraining.prepare(
        retraining.Request(sources=tuple(judged or ()), base=base, alone=no_base, labels=tuple(label_files or ()))
    )
    if passed := retraining.passed_over(prepared):
        say(passed)
    found = picking.pick(
        source,
        loaded,
        prepared.corpus,
        [row.document for row in prepared.read.rows],
        picking.Wanted(tuple(labels or ()), number, explore, seed),
        told,
    )
    parts = labelsheets.files_of(output, wanted_kind, found.asked, found.labels, show=show)
    writing.write(parts, force=force)
    say(_told(found, list(parts)))


def _told(found: Picked, paths: list[Path]) -> str:
    from ipclass.corpus import REPRESENTATIVE

    drawn = sum(asked.origin == REPRESENTATIVE for asked in found.asked)
    left_out = ", ".join(f"{n:,} {reason}" for reason, n in found.left_out.items())
    lines = [
        f"{paths[0]}: {len(found.asked):,} documents to judge for {', '.join(found.labels.ids)}: {drawn:,} drawn at random, "
        f"{len(found.asked) - drawn:,} picked",
        *(f"{path}: needed with it" for path in paths[1:]),
        f"of {found.seen:,} documents; left out: {left_out or 'none'}",
    ]
    return "\n".join(lines)
