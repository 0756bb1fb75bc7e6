"""``ipclass labels doubts`` and ``labels agreement``: how far judgements can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ipclass.commands import ForceOption, JsonOption, as_json, say, show
from ipclass.errors import OutputError

if TYPE_CHECKING:
    import polars as pl

    from ipclass.doubts import Doubts
    from ipclass.labels import LabelSet
    from ipclass.retraining import Prepared

BaseOption = Annotated[Path | None, typer.Option("--base", help="A corpus folder; by default the corpus that is shipped.")]
LabelOption = Annotated[list[Path] | None, typer.Option("--label", help="The label file (TOML) of a further technology.")]
ForOption = Annotated[str, typer.Option("--for", help="The label that a column 'grade' judges.")]


def doubts(
    judged: Annotated[list[Path] | None, typer.Argument(help="Files of judgements; without any the corpus itself.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write all as .csv or .xlsx.")] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Write a blind sheet of the doubted documents, for a second reading.")
    ] = None,
    number: Annotated[int, typer.Option("--number", "-n", help="How many to print.", min=1)] = 20,
    base: BaseOption = None,
    no_base: Annotated[bool, typer.Option("--no-base", help="Hold the judgements against each other alone.")] = False,
    label: LabelOption = None,
    for_label: ForOption = "",
    whole: Annotated[bool, typer.Option("--whole", help="Look at the judgements of the corpus too.")] = False,
    json_wanted: JsonOption = False,
    force: ForceOption = False,
) -> None:
    """Tell which judgements may be wrong, worst first, and which terms speak against them.

    Each is held against what all other judgements teach: yours and the corpus. Read the text again before you change one.

    Example: ipclass labels doubts my_labels.csv -o doubts.csv
    """
    from ipclass import doubts as finding
    from ipclass import judgements, retraining, writing

    _check_endings(output, sheet)
    written = [path for path in (output, sheet) if path]
    writing.refuse_to_replace(written, force)
    writing.refuse_to_lose(judged or (), written)
    wanted = judgements.Wanted(label=for_label)
    request = retraining.Request(tuple(judged or ()), base, no_base, tuple(label or ()), wanted)
    prepared = retraining.prepare(request)
    if passed := retraining.passed_over(prepared):
        say(passed)
    found = finding.find(prepared.corpus, prepared.joined.mine if judged and not whole else None)
    frame = finding.as_frame(found, prepared.corpus)
    if output is not None:
        writing.write({output: _table(frame, output)}, force=force)
    if sheet is not None:
        writing.write(_second_reading(found, prepared, sheet), force=force)
    if json_wanted:
        typer.echo(as_json(frame.to_dicts()))
        return
    if not frame.is_empty():
        show(finding.as_text(frame.head(number)))
    say(_told(found, frame.height, number))


def _check_endings(output: Path | None, sheet: Path | None) -> None:
    if output is not None and output.suffix.lower() not in (".csv", ".xlsx"):
        raise OutputError(f"{output}: doubts are written as .csv or .xlsx, not {output.suffix or 'without an ending'}")
    if sheet is not None:
        from ipclass import labelsheets

        labelsheets.kind_of(sheet)


def _table(frame: pl.DataFrame, path: Path) -> bytes:
    from ipclass import excel, table_files

    if path.suffix.lower() == ".csv":
        return table_files.csv_bytes(frame)
    widths = {"id": 20, "title": 40, "abstract": 100, "terms against": 80}
    wrapped = frozenset({"title", "abstract", "terms against"})
    return excel.write({"table": excel.Sheet(frame, widths=widths, wrapped=wrapped)})


def _second_reading(found: Doubts, prepared: Prepared, sheet: Path) -> dict[Path, bytes]:
    """Return a sheet of the doubted documents whose texts are known, in the order of their ids: blind."""
    from ipclass import labelsheets
    from ipclass.labels import LabelSet
    from ipclass.labelsheets import Asked

    corpus = prepared.corpus
    texts = {row.document.id: row.document for row in prepared.read.rows}
    places = sorted({doubt.place for doubt in found.doubts if corpus.entries[doubt.place].id in texts})
    entries = [corpus.entries[place] for place in places]
    if not entries:
        raise OutputError(f"{sheet}: no doubted document has a text here, so there is nothing to read again")
    doubted = {doubt.label for doubt in found.doubts}
    labels = LabelSet(tuple(label for label in corpus.labels if label.id in doubted))
    asked = [Asked(texts[entry.id], entry.origin) for entry in sorted(entries, key=lambda entry: entry.id)]
    return labelsheets.files_of(sheet, labelsheets.kind_of(sheet), asked, labels)


def _told(found: Doubts, n: int, shown: int) -> str:
    lines = [
        f"{label}: of {judged:,} judgements {found.doubted[label, 'strict']:,} are doubted under strict, "
        f"{found.doubted[label, 'broad']:,} under broad"
        for label, judged in found.judged.items()
    ]
    if found.skipped:
        lines.append(f"too few judgements to say: {', '.join(found.skipped)}")
    if n > shown:
        lines.append(f"{n:,} in all, {shown:,} shown; -o writes them all")
    return "\n".join(lines)


def agreement(
    one: Annotated[Path, typer.Argument(help="The judgements of one judge.")],
    two: Annotated[Path, typer.Argument(help="Those of another, of the same documents.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the judgements that differ as .csv or .xlsx.")
    ] = None,
    base: BaseOption = None,
    label: LabelOption = None,
    for_label: ForOption = "",
    draws: Annotated[int, typer.Option(help="Bootstrap samples for the intervals.", min=10)] = 2000,
    json_wanted: JsonOption = False,
    force: ForceOption = False,
) -> None:
    """Say how far two judges agree, by label: raw agreement, Cohen's kappa, Krippendorff's alpha, with 95 % intervals.

    Example: ipclass labels agreement first.xlsx second.xlsx -o differing.csv
    """
    from dataclasses import asdict

    from ipclass import agreement as agreeing
    from ipclass import judgements, writing

    _check_endings(output, None)
    writing.refuse_to_replace([output] if output else [], force)
    writing.refuse_to_lose([one, two], [output] if output else [])
    labels = _labels(base, label or [])
    wanted = judgements.Wanted(label=for_label)
    read = [judgements.read([path], labels, wanted) for path in (one, two)]
    for each in read:
        judgements.refuse_errors(each)
    both = agreeing.both_of(*(judgements.as_judged(each.rows) for each in read))
    found = both.agreements(draws)
    if output is not None:
        writing.write({output: _table(agreeing.differing_frame(both), output)}, force=force)
    facts: dict[str, Any] = {name: {view: asdict(each) for view, each in views.items()} for name, views in found.items()}
    typer.echo(as_json(facts) if json_wanted else agreeing.as_table(found))
    if both.alone:
        say("judged by one of them alone: " + ", ".join(f"{name} {n:,}" for name, n in both.alone.items()))


def _labels(base: Path | None, more: list[Path]) -> LabelSet:
    from ipclass import corpus as corpora
    from ipclass import joining
    from ipclass.labels import read_label, read_labels

    return joining.labels_with(read_labels((base or corpora.shipped()) / "labels"), map(read_label, more))
