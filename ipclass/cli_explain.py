"""``ipclass explain`` and ``ipclass drivers``: which terms decide a document's tags, and which move a label's share."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ipclass.commands import (
    AbstractOption,
    DefinitionOption,
    ForceOption,
    ModelOption,
    TitleOption,
    as_json,
    columns_named,
    say,
    show,
)

if TYPE_CHECKING:
    from ipclass.model import Model
    from ipclass.neighbours import Neighbour
    from ipclass.records import Definition, Document, Prediction
    from ipclass.trends import Drivers


def explain(
    title: Annotated[str, typer.Argument(help="The title of a document.")],
    abstract: Annotated[str, typer.Argument(help="Its abstract.")] = "",
    definition: DefinitionOption = "strict",
    label: Annotated[str, typer.Option("--label", "-l", help="Only this label.")] = "",
    terms: Annotated[int, typer.Option("--terms", "-n", help="Terms to show a label.", min=1)] = 8,
    nearest: Annotated[int, typer.Option(help="Show the N judged patents whose terms are nearest.", min=0)] = 0,
    corpus: Annotated[
        Path | None, typer.Option(help="The corpus of these patents; by default the one that is shipped.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with the words marked in the text to this file.")] = None,
    model: ModelOption = "",
    json_wanted: Annotated[bool, typer.Option("--json", help="Print JSON, with all terms.")] = False,
    force: ForceOption = False,
) -> None:
    """Say how probable each label is for one text, and which terms decide it.

    Example: ipclass explain "Qubit readout" "A resonator reads out a superconducting qubit."
    """
    from ipclass.batch import load
    from ipclass.records import Document, definition_named

    loaded, wanted = load(model), definition_named(definition)
    document = Document(title, abstract)
    (prediction,) = loaded.classify([document], wanted)
    labels = [label] if label else list(loaded.labels.ids)
    for each in labels:
        loaded.column(each, wanted)
    found = _nearest(loaded, corpus, document, nearest, label)
    if html is not None:
        _write_page(html, document, labels, wanted, loaded, found, force)
    if json_wanted:
        typer.echo(as_json(_facts(document, prediction, labels, wanted, loaded, found)))
    elif html is None:
        for line in [*_told(document, prediction, labels, wanted, loaded, terms), *_told_nearest(found)]:
            show(line)


def _nearest(model: Model, corpus: Path | None, document: Document, n: int, label: str) -> Sequence[Neighbour]:
    if not n:
        return ()
    from ipclass.corpus import read_corpus, shipped
    from ipclass.neighbours import nearest

    return nearest(model, read_corpus(corpus or shipped()), document, n, label)


def _write_page(
    path: Path,
    document: Document,
    labels: Sequence[str],
    definition: Definition,
    model: Model,
    found: Sequence[Neighbour],
    force: bool,
) -> None:
    from ipclass import explanations, writing

    shown = [explanations.explain(document, label, definition=definition, model=model) for label in labels]
    shown.sort(key=lambda each: -each.probability)
    writing.write({path: explanations.page(shown, found).encode()}, force=force)
    say(f"{path}: {len(shown)} labels explained")


def _facts(
    document: Document,
    prediction: Prediction,
    labels: Sequence[str],
    definition: Definition,
    model: Model,
    found: Sequence[Neighbour],
) -> dict[str, Any]:
    """Return all that is known of a document's tags: contributions and intercept of a label sum to its score."""
    told = asdict(prediction)
    del told["id"], told["explanations"], told["probabilities"]
    explained = {}
    for label in labels:
        *terms, intercept = model.explain(document.text, label, definition)
        explained[label] = {
            "probability": prediction.probabilities.get(label),
            "threshold": model.targets[model.column(label, definition)].threshold,
            "score": math.fsum(each.value for each in (*terms, intercept)),
            "intercept": intercept.value,
            "terms": [[each.term, each.value] for each in terms],
        }
    nearest = {"nearest": [asdict(each) for each in found]} if found else {}
    return {"definition": definition, "model": model.digest, **told, "explained": explained, **nearest}


def _told(
    document: Document, prediction: Prediction, labels: Sequence[str], definition: Definition, model: Model, terms: int
) -> Iterator[str]:
    remark = prediction.unscored or prediction.scope
    yield f"primary: {prediction.primary}" + (f" ({remark})" if remark else "")
    for label in labels if not prediction.unscored else ():
        found = model.explain(document.text, label, definition)[:-1][:terms]
        mark = "*" if label in prediction.labels else " "
        shown = ", ".join(f"{each.term} {each.value:+.2f}" for each in found)
        yield f"{mark} {label:<10} {prediction.probabilities[label]:.3f}  {shown}"


def _told_nearest(found: Sequence[Neighbour]) -> Iterator[str]:
    if not found:
        return
    from ipclass.explanations import graded

    yield f"nearest judged patents ({found[0].similarity:.2f} to {found[-1].similarity:.2f} of 1):"
    for each in found:
        shared = ", ".join(list(each.shared)[:6])
        yield f"  {each.id:<16} {each.year or '-':<4}  {each.similarity:.2f}  {graded(each):<24} {shared}"


def drivers(
    table: Annotated[str, typer.Argument(help="A table of documents (CSV, TSV, JSON lines or Parquet, also .gz).")],
    label: Annotated[str, typer.Option("--label", "-l", help="The label whose share is followed.")],
    year: Annotated[str, typer.Option(help="The column of the year, or of a date to take it from.")] = "year",
    definition: DefinitionOption = "strict",
    top: Annotated[int, typer.Option("--top", "-n", help="Terms to show, rising and falling.", min=1)] = 10,
    title: TitleOption = "",
    abstract: AbstractOption = "",
    model: ModelOption = "",
    json_wanted: Annotated[bool, typer.Option("--json", help="Print JSON, with the parts of every year.")] = False,
) -> None:
    """Show the terms that make the counted share of a label rise or fall over the years.

    Each tagged document is split among the terms that tagged it; the parts of all terms sum to the share.

    Example: ipclass drivers patents.csv --label quantum --year filing_date
    """
    from ipclass.batch import load
    from ipclass.files import Source
    from ipclass.records import definition_named
    from ipclass.trends import drivers_in

    source = Source(table, columns=columns_named(title=title, abstract=abstract))
    found = drivers_in(source, label, definition_named(definition), load(model), year, top)
    if json_wanted:
        typer.echo(as_json(asdict(found)))
    else:
        for line in _told_drivers(found):
            show(line)


def _told_drivers(found: Drivers) -> Iterator[str]:
    cut, years = found.early, found.years
    early, late = (f"{part[0]}-{part[-1]}" if len(part) > 1 else part[0] for part in (years[:cut], years[cut:]))
    before, after = found.halves(found.shares)
    digits = _digits(found)
    yield f"{found.label}, {found.definition}: counted share {before:.2%} in {early}, {after:.2%} in {late}"
    yield f"{found.trend * 100:+.{digits}f} points a year, which the terms add up to:"
    for name, drivers in (("rising", found.rising), ("falling", found.falling)):
        yield f"  {name:<26} {'a year':>9}  {'95 % interval':<20} {early:>9} {late:>9}"
        for each in drivers:
            interval = f"[{each.low * 100:+.{digits}f}, {each.high * 100:+.{digits}f}]"
            ends = " ".join(f"{part * 100:>9.{digits}f}" for part in found.halves(each.parts))
            mark = "*" if each.sure else " "
            yield f"{mark} {each.term:<26} {each.trend * 100:>+9.{digits}f}  {interval:<20} {ends}"
    yield (
        f"{sum(found.documents):,} documents of {len(years)} years; {found.undated:,} without a year and "
        f"{found.unscored:,} unscored are left out. * holds even for so many terms looked at together."
    )


def _digits(found: Drivers) -> int:
    """Return how many decimals show two digits of the fastest trend in points."""
    fastest = max((abs(each.trend) for each in (*found.rising, *found.falling)), default=1.0) * 100
    return max(3, 1 - math.floor(math.log10(fastest)))
