"""``ipclass rules``: the phrases and codes of the label files alone, as published technology lists are used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    as_json,
    columns_named,
    say,
    show,
)
from ipclass.errors import OutputError, choices

if TYPE_CHECKING:
    import polars as pl

    from ipclass.comparison import Comparison

ENDINGS = (".csv", ".json", ".xlsx")


def rules(
    table: Annotated[str, typer.Argument(help="CSV, TSV, JSON lines or Parquet, also .gz; - is standard input.")],
    output: Annotated[str, typer.Option("--output", "-o", help="The file to write, also .xlsx; - is standard output.")] = "-",
    against_model: Annotated[
        bool, typer.Option("--against-model", help="Compare with a model's tags: a table, and examples where they differ.")
    ] = False,
    definition: DefinitionOption = "strict",
    examples: Annotated[int, typer.Option(help="Examples for each label and side.", min=0, max=1000)] = 5,
    title: TitleOption = "",
    abstract: AbstractOption = "",
    input_format: InputFormatOption = "",
    output_format: OutputFormatOption = "",
    encoding: EncodingOption = "utf-8",
    prefix: PrefixOption = "",
    model: ModelOption = "",
    force: ForceOption = False,
) -> None:
    """Tag a table by phrases and codes alone, or compare such tags with a model's.

    Example: ipclass rules patents.csv --against-model -o compared.xlsx
    """
    from ipclass import comparison, evidence, rewriting, writing
    from ipclass.batch import load
    from ipclass.files import Source
    from ipclass.records import definition_named

    loaded, wanted = load(model), definition_named(definition)
    source = Source(table, input_format or None, columns_named(title=title, abstract=abstract), encoding)
    source.learn_columns()
    if against_model:
        paths = _paths(output, force)
        writing.refuse_to_lose([table], paths)
        _write(comparison.compare(source, loaded, wanted, examples), paths, force)
        return
    labels = loaded.labels
    names = [f"{prefix}{label}_{what}" for what in ("rule", "found") for label in labels.ids]
    added = comparison.added(labels, evidence.code_columns(source.layout.columns), wanted, names)
    rows = rewriting.write(source, output, names, added, format=output_format, force=force)
    say(f"{rows:,} documents tagged by phrases and codes alone ({wanted})")


def _paths(output: str, force: bool) -> tuple[Path, ...]:
    """Return the files of a comparison: one, or two where a file holds a single table; none for standard output."""
    from ipclass import writing

    path = Path(output)
    if output == "-":
        return ()
    if path.suffix not in ENDINGS:
        raise OutputError(f"{output}: a comparison is written to .csv, .json or .xlsx; {choices(path.suffix, ENDINGS)}")
    paths = (path, path.with_name(f"{path.stem}-examples.csv")) if path.suffix == ".csv" else (path,)
    writing.refuse_to_replace(paths, force)
    return paths


def _write(found: Comparison, paths: tuple[Path, ...], force: bool) -> None:
    from ipclass import excel, writing

    if not paths:
        show(_readable(found))
        return
    if len(paths) == 2:
        parts = [_csv(found.table), _csv(found.examples)]
    elif paths[0].suffix == ".json":
        parts = [as_json({"table": found.table.to_dicts(), "examples": found.examples.to_dicts()}).encode() + b"\n"]
    else:
        parts = [excel.write({"table": excel.Sheet(found.table), "examples": excel.Sheet(found.examples)})]
    writing.write(dict(zip(paths, parts, strict=True)), force=force)
    say(f"{', '.join(map(str, paths))}: {found.table.height} labels, {found.examples.height} examples")


def _csv(frame: pl.DataFrame) -> bytes:
    """Return ``frame`` as CSV in which no title is taken for a formula."""
    import polars as pl

    from ipclass.writing import guarded

    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    safe = [pl.Series(name, [guarded(text) for text in frame[name].to_list()], pl.String) for name in texts]
    return frame.with_columns(safe).write_csv().encode()


def _readable(found: Comparison) -> str:
    from ipclass.batch import short_title
    from ipclass.cli_shares import readable

    lines = readable(found.table)
    for label, side, id, title, probability, grade, rule, terms in found.examples.rows():
        graded = "" if grade is None else f", grade {grade}"
        sure = "" if probability is None else f" {probability:.3f}"
        lines += [
            "",
            f"{label}: {side}{sure}{graded}: {id} {short_title(title)}".rstrip(),
            f"  rule: {rule or 'nothing'}",
            f"  model: {terms}",
        ]
    return "\n".join(lines)
