"""What changes when one model takes the place of another: the documents whose tags differ, and the terms that made it so."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from ipclass import excel, files
from ipclass.errors import LabelError, OutputError
from ipclass.files import Source
from ipclass.model import Model, Target
from ipclass.records import Contribution, Definition
from ipclass.writing import guarded

COLUMNS = ("row", "id", "title", "label", "definition", "was", "is", "old_probability", "new_probability", "why")
DECISION = "(threshold)"
"""Stands for what no term makes: intercept, calibration and threshold."""


@dataclass(frozen=True)
class Change:
    """A tag that came or went. ``why`` are effects on the distance to the threshold (calibrated log-odds), largest first."""

    row: int
    id: str
    title: str
    label: str
    definition: Definition
    is_assigned: bool
    old_probability: float
    new_probability: float
    why: tuple[Contribution, ...]


@dataclass
class Changes:
    """What was found in a table: the changes, and counts. ``one_sided`` counts documents that only one model could tag."""

    rows: int = 0
    one_sided: int = 0
    found: list[Change] = field(default_factory=list)

    def counts(self) -> Mapping[str, tuple[int, int]]:
        """Return for each label how many tags came and how many went."""
        came = Counter(each.label for each in self.found if each.is_assigned)
        went = Counter(each.label for each in self.found if not each.is_assigned)
        return {label: (came[label], went[label]) for label in sorted({*came, *went})}


def compare(source: Source, old: Model, new: Model, definition: Definition, terms: int = 5) -> Changes:
    """Return where the tags of two models differ in a table, for the labels that both have.

    A document that a model cannot tag carries no tag of it.

    Raises:
        InputError: A row cannot be read.
        LabelError: The models have no label in common.
    """
    shared = [label for label in old.labels.ids if label in new.labels.ids]
    if not shared:
        raise LabelError(f"the models have no label in common: {', '.join(old.labels.ids)}; {', '.join(new.labels.ids)}")
    changes = Changes()
    for before, block in source.numbered():
        both = old.tag(block.texts, definition), new.tag(block.texts, definition)
        changes.one_sided += sum(bool(one) != bool(two) for one, two in zip(both[0].unscored, both[1].unscored, strict=True))
        for label in shared:
            places = [tags.labels.index(label) for tags in both]
            was, now = (tags.assigned[:, place] for tags, place in zip(both, places, strict=True))
            for row in np.flatnonzero(was != now).tolist():
                text = block.texts[row]
                changes.found.append(
                    Change(
                        row=before + row + 1,
                        id=files.id_of(block, row, source.layout),
                        title=text.partition("\n")[0],
                        label=label,
                        definition=definition,
                        is_assigned=bool(now[row]),
                        old_probability=float(both[0].probabilities[row, places[0]]),
                        new_probability=float(both[1].probabilities[row, places[1]]),
                        why=reasons(text, label, definition, old, new)[:terms],
                    )
                )
        changes.rows += len(block)
    changes.found.sort(key=lambda each: (each.row, each.label))
    return changes


def reasons(text: str, label: str, definition: Definition, old: Model, new: Model) -> tuple[Contribution, ...]:
    """Return by how much each term moved ``text`` towards the label (up) or away from it, the largest effects first.

    Effects are differences of calibrated log-odds above the threshold; with ``DECISION`` they sum to its whole change.
    """
    before, after = _distance(text, label, definition, old), _distance(text, label, definition, new)
    effects = {term: after.get(term, 0.0) - before.get(term, 0.0) for term in {**before, **after}}
    ranked = sorted(effects.items(), key=lambda item: (-abs(item[1]), item[0]))
    return tuple(Contribution(term, value) for term, value in ranked if value)


def _distance(text: str, label: str, definition: Definition, model: Model) -> dict[str, float]:
    """Return what each term adds to the calibrated log-odds of a label above its threshold."""
    target = model.targets[model.column(label, definition)]
    *terms, intercept = model.explain(text, label, definition)
    found = {each.term: target.platt.slope * each.value for each in terms}
    found[DECISION] = target.platt.slope * intercept.value + target.platt.offset - _log_odds(target)
    return found


def _log_odds(target: Target) -> float:
    threshold = float(np.clip(target.threshold, 1e-12, 1 - 1e-12))
    return float(np.log(threshold / (1 - threshold)))


def as_text(changes: Changes, old: Model, new: Model) -> str:
    """Return the counts, a line a label, and which labels only one model has."""
    lines = [f"{label}: {came:,} tags came, {went:,} went" for label, (came, went) in changes.counts().items()]
    documents = len({each.row for each in changes.found})
    lines.append(f"{documents:,} of {changes.rows:,} documents changed; model {old.digest[:12]} > {new.digest[:12]}")
    if changes.one_sided:
        lines.append(f"{changes.one_sided:,} documents could be tagged by one of the models only")
    for kind, one, two in (("new model", new, old), ("old model", old, new)):
        if more := [label for label in one.labels.ids if label not in two.labels.ids]:
            lines.append(f"only the {kind} has {', '.join(more)}")
    return "\n".join(lines)


def as_record(changes: Changes, old: Model, new: Model) -> dict[str, object]:
    """Return the counts and every change as plain data, for machines."""
    return {
        "old": old.digest,
        "new": new.digest,
        "documents": changes.rows,
        "one_sided": changes.one_sided,
        "labels": {label: {"came": came, "went": went} for label, (came, went) in changes.counts().items()},
        "changes": [_record(each) for each in changes.found],
    }


def as_file(changes: Sequence[Change], path: Path) -> bytes:
    """Return the changes as CSV, Excel or JSON lines, whichever the name says.

    Raises:
        OutputError: It says something else.
    """
    kind = path.suffix.lower()
    if kind == ".jsonl":
        return "".join(json.dumps(_record(each), ensure_ascii=False) + "\n" for each in changes).encode()
    rows = [{**_record(each), "why": _told(each.why)} for each in changes]
    frame = pl.DataFrame(rows, schema=_SCHEMA)
    if kind == ".xlsx":
        wide = {"id": 18, "title": 50, "why": 80}
        return excel.write({"changes": excel.Sheet(frame, wide, formats=_FORMATS, wrapped=frozenset({"title", "why"}))})
    if kind != ".csv":
        raise OutputError(f"{path}: changes are written as .csv, .xlsx or .jsonl, not {kind or 'without an ending'}")
    buffer = io.BytesIO()
    texts = pl.col("id", "title", "why").map_elements(guarded, pl.String)
    frame.with_columns(texts).write_csv(buffer)
    return buffer.getvalue()


_SCHEMA = {
    "row": pl.Int64,
    **dict.fromkeys(("id", "title", "label", "definition"), pl.String),
    **dict.fromkeys(("was", "is"), pl.Int8),
    **dict.fromkeys(("old_probability", "new_probability"), pl.Float64),
    "why": pl.String,
}
_FORMATS = dict.fromkeys(("old_probability", "new_probability"), "0.000")


def _record(change: Change) -> dict[str, object]:
    is_assigned = int(change.is_assigned)
    values = (change.row, change.id, change.title, change.label, change.definition, 1 - is_assigned, is_assigned)
    sure = (round(change.old_probability, 6), round(change.new_probability, 6))
    why = [[each.term, round(each.value, 4)] for each in change.why]
    return dict(zip(COLUMNS, (*values, *sure, why), strict=True))


def _told(why: Sequence[Contribution]) -> str:
    return "; ".join(f"{each.term} ({each.value:+.2f})" for each in why)
