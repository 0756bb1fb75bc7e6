"""The rules of the label files run on a table, alone or beside a model: where both agree, and examples where they do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import polars as pl

from ipclass import evidence
from ipclass.batch import tagged_by
from ipclass.codes import codes_in
from ipclass.errors import InputError, choices
from ipclass.files import Block, Layout, Source, column_named, id_of, values
from ipclass.labels import LabelSet
from ipclass.model import Model
from ipclass.records import LEAST_GRADE, Definition, Document
from ipclass.rewriting import Added
from ipclass.rules import Evidence, Rules

TAGGED_BY = "tagged_by"
TERMS = 5
"""Terms of the model that are shown for an example."""

_ROWS = {
    **{"label": pl.String, "id": pl.String, "title": pl.String, "text": pl.String, "rule": pl.Boolean, "found": pl.String},
    **{"model": pl.Boolean, "probability": pl.Float64, "own": pl.Boolean, "grade": pl.Int8, "positive": pl.Boolean},
}
"""A row a document and label: what the rule and the model say, ``None`` if unscored, and whether it is the ``own`` model."""


def added(labels: LabelSet, columns: Sequence[str], definition: Definition, names: Sequence[str]) -> Added:
    """Return what gives the columns ``names`` of a block: whether the rule of each label is met, then what each found.

    ``columns`` hold the codes.

    Raises:
        LabelError: A phrase or a code of a label makes no sense.
    """
    rules = Rules(labels)

    def columns_of(block: Block, first: int) -> pl.DataFrame:
        found = list(_found(rules, block, columns))
        met = [pl.Series([int(each[label].meets(definition)) for each in found], dtype=pl.Int8) for label in labels.ids]
        signs = [pl.Series([told(each[label]) for each in found], dtype=pl.String) for label in labels.ids]
        return pl.DataFrame(dict(zip(names, (*met, *signs), strict=True)))

    return columns_of


def _found(rules: Rules, block: Block, columns: Sequence[str]) -> Iterator[Mapping[str, Evidence]]:
    for text, cell in zip(block.texts, evidence.cells(block, columns), strict=True):
        title, _, abstract = text.partition("\n")
        yield rules.evidence(Document(title, abstract), codes_in(cell))


def told(found: Evidence) -> str:
    """Return what was found in one line.

    >>> told(Evidence(strong=("qubit*", "G06N10/40"), against=("quantum dot*",)))
    'strong: qubit*, G06N10/40; against: quantum dot*'
    """
    kinds = {"strong": found.strong, "supporting": (*found.phrases, *found.codes), "against": found.against}
    return "; ".join(f"{kind}: {', '.join(signs)}" for kind, signs in kinds.items() if signs)


@dataclass(frozen=True)
class Comparison:
    """How rules and a model tag the same documents.

    ``table`` has a row a label: ``label``, ``definition``, ``documents``; of these those ``unscored`` by the model, and of the
    others those tagged by ``both``, by ``only_model``, by ``only_rule`` and by ``neither``. Where documents are graded there
    are ``judged`` and ``positive``, and precision and recall of both sides among the judged that are scored; nothing where
    there is nothing to divide by.

    ``examples`` are documents that only one ``side`` tags, for each label and side those of which the model is surest that
    they carry the label (or, tagged by the rule only, that they do not): id and title, the probability, the grade if there
    is any, what the rule found, and the model's terms.
    """

    table: pl.DataFrame
    examples: pl.DataFrame


def compare(source: Source, model: Model, definition: Definition, examples: int = 5) -> Comparison:
    """Return how the rules of the model's labels and the model tag the table ``source``.

    A table that is tagged already under ``definition`` keeps its tags, whoever made them; another one is tagged on the way.

    Raises:
        InputError: A row cannot be read.
    """
    rules, columns = Rules(model.labels), evidence.code_columns(source.layout.columns)
    shown = pl.DataFrame(schema=_ROWS)
    counts = [_counted(shown)]
    for _, block in source.numbered():
        found = list(_found(rules, block, columns))
        rows = _side_by_side(block, source.layout, found, model, definition)
        counts.append(_counted(rows))
        shown = _surest(pl.concat([shown, rows.filter(pl.col("model") != pl.col("rule"))]), examples)
    return Comparison(_table(pl.concat(counts), model.labels, definition), _explained(shown, model, definition))


def _side_by_side(
    block: Block, layout: Layout, found: Sequence[Mapping[str, Evidence]], model: Model, definition: Definition
) -> pl.DataFrame:
    ids = [id_of(block, row, layout) for row in range(len(block))]
    titles = [text.partition("\n")[0] for text in block.texts]
    tags, least = _tags(block, model, definition), LEAST_GRADE[definition]
    parts = []
    for label in model.labels.ids:
        grades = _grades(block, label)
        columns = {
            **{"label": [label] * len(block), "id": ids, "title": titles, "text": block.texts},
            **{"rule": [each[label].meets(definition) for each in found], "found": [told(each[label]) for each in found]},
            **{**tags[label], "grade": grades, "positive": [None if grade is None else grade >= least for grade in grades]},
        }
        parts.append(pl.DataFrame(columns, schema=_ROWS))
    return pl.concat(parts)


def _tags(block: Block, model: Model, definition: Definition) -> Mapping[str, Mapping[str, list[Any]]]:
    """Return for each label the tags, the probabilities, and whether the model at hand gave them, a value a document."""
    own = tagged_by(model, definition)
    made_by = values(block, TAGGED_BY) if _has(block, TAGGED_BY) else [""]
    if all(each.startswith(f"{definition}:") for each in made_by):
        given = _records_given if block.records is not None else _columns_given
        return {label: {**given(block, label), "own": [each == own for each in made_by]} for label in model.labels.ids}
    tags = model.tag(block.texts, definition)
    scored = [not reason for reason in tags.unscored]
    return {
        label: {
            "model": [tag if known else None for tag, known in zip(tags.assigned[:, place].tolist(), scored, strict=True)],
            "probability": tags.probabilities[:, place].tolist(),
            "own": [True] * len(block),
        }
        for place, label in enumerate(tags.labels)
    }


def _has(block: Block, *columns: str) -> bool:
    rows = block.records if block.records is not None else [dict.fromkeys(block.frame.columns)]  # type: ignore[union-attr]
    return all(column in row for row in rows for column in columns)


def _columns_given(block: Block, label: str) -> dict[str, list[Any]]:
    frame = cast(pl.DataFrame, block.frame)
    probability = f"{label}_probability"
    if label not in frame.columns:
        raise InputError(f"no column {label!r}, though the table is tagged; {choices(label, frame.columns)}")
    tags = frame[label].cast(pl.Float64, strict=False)
    sure = frame[probability] if probability in frame.columns else pl.Series([None] * len(block))
    return {"model": (tags > 0).to_list(), "probability": sure.cast(pl.Float64, strict=False).to_list()}


def _records_given(block: Block, label: str) -> dict[str, list[Any]]:
    records = block.records or []
    tags = [None if record.get("unscored") else label in record.get("labels", ()) for record in records]
    return {"model": tags, "probability": [record.get("probabilities", {}).get(label) for record in records]}


def _grades(block: Block, label: str) -> list[int | None]:
    """Return the grade of each document for ``label``, where there is one: 0, 1 or 2."""
    if block.records is not None:
        found = [str((record.get("grades") or {}).get(label)) for record in block.records]
    else:
        names = cast(pl.DataFrame, block.frame).columns
        column = column_named(names, (f"{label} grade", f"grade {label}", f"grades {label}"))
        found = values(block, column) if column else [""] * len(block)
    return [int(grade) if grade in ("0", "1", "2") else None for grade in found]


def _counted(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.group_by("label", "model", "rule", "positive").len("n")


def _surest(rows: pl.DataFrame, examples: int) -> pl.DataFrame:
    """Return the first ``examples`` rows of each label and side: the most probable of what only the model tags, and so on."""
    sure = pl.when("model").then(-pl.col("probability")).otherwise("probability")
    ordered = rows.sort("label", "rule", sure, maintain_order=True, nulls_last=True)
    return ordered.filter(pl.int_range(pl.len()).over("label", "rule") < examples)


def _table(counts: pl.DataFrame, labels: LabelSet, definition: Definition) -> pl.DataFrame:
    graded = counts["positive"].is_not_null().any()
    return pl.DataFrame(
        [_row(counts.filter(label=label), label, definition, graded) for label in labels.ids], infer_schema_length=None
    )


def _row(counts: pl.DataFrame, label: str, definition: Definition, graded: bool) -> dict[str, Any]:
    def n(condition: pl.Expr) -> int:
        return int(counts.filter(condition)["n"].sum())

    model, rule, positive = pl.col("model"), pl.col("rule"), pl.col("positive")
    scored, judged = model.is_not_null(), positive.is_not_null()
    row: dict[str, Any] = {
        **{"label": label, "definition": definition, "documents": n(pl.lit(True)), "unscored": n(~scored)},
        **{
            "both": n(model & rule),
            "only_model": n(model & ~rule),
            "only_rule": n(~model & rule),
            "neither": n(~model & ~rule),
        },
    }
    if graded:
        truly = n(scored & positive)
        row |= {"judged": n(scored & judged), "positive": truly}
        for name, tag in (("model", model), ("rule", scored & rule)):
            hits = n(tag & positive)
            row |= {f"{name}_precision": _part(hits, n(tag & judged)), f"{name}_recall": _part(hits, truly)}
    return row


def _part(some: int, all_: int) -> float | None:
    return round(some / all_, 4) if all_ else None


def _explained(rows: pl.DataFrame, model: Model, definition: Definition) -> pl.DataFrame:
    """Return the examples as they are shown, with the terms that weigh most in the model's score."""
    terms = [
        _terms(model, text, label, definition) if own else "" for text, label, own in rows.select("text", "label", "own").rows()
    ]
    side = pl.when("model").then(pl.lit("only model")).otherwise(pl.lit("only rule"))
    shown = rows.select("label", side.alias("side"), "id", "title", "probability", "grade", rule="found")
    return shown.with_columns(terms=pl.Series(terms, dtype=pl.String))


def _terms(model: Model, text: str, label: str, definition: Definition) -> str:
    heaviest = model.explain(text, label, definition)[:-1][:TERMS]  # the last one is the intercept
    return "; ".join(f"{each.term} ({each.value:+.2f})" for each in heaviest)
