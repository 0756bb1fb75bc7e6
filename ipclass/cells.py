"""The cells of a table of shares: each label in each group of documents estimated, flagged, and what was left out counted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from ipclass import estimators
from ipclass.batch import tagged_by
from ipclass.calibration import Calibration, Ints
from ipclass.errors import InputError, choices
from ipclass.figures import Share
from ipclass.grouping import Break, Request, breaks_of, title
from ipclass.label_parts import in_parts
from ipclass.model import Model
from ipclass.records import Definition
from ipclass.scores import Bools, Floats
from ipclass.tagged import MADE_BY, PROBABILITY, text_codes

NO_PROBABILITY = "no probability"
"""Why a document is unscored if its table does not say."""


@dataclass(frozen=True)
class Cell:
    """One row of a table: a label in a group of documents. ``unscored`` documents are none of ``share.n``.

    ``reasons`` counts the unscored by why, and ``scopes`` the scored by what to bear in mind of them, as ``far``: unlike
    the texts that the model has learnt from. Both hold sums of weights.
    """

    definition: Definition
    label: str
    group: tuple[str, ...]
    unscored: float
    share: Share
    reasons: Mapping[str, float] = field(default_factory=dict)
    scopes: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Groups:
    """The rows of a table by group: ``codes`` are places in ``names``, ``texts`` are equal where texts are."""

    names: tuple[tuple[str, ...], ...]
    codes: Ints
    texts: Ints
    weights: Floats
    foreign: Bools
    """Which groups hold a row that another model tagged, or under another definition; shape (groups,)."""

    def sums(self, chosen: Bools) -> Floats:
        """Return the weight of the chosen rows in each group, shape (groups,)."""
        return np.bincount(self.codes[chosen], self.weights[chosen], minlength=len(self.names)).astype(np.float64)


def cells_of(
    frame: pl.DataFrame, model: Model, definition: Definition, labels: Sequence[str], request: Request
) -> Iterator[Cell]:
    """Yield the cells of ``labels`` under ``definition``, of documents as ``grouping.grouped`` returns them.

    Raises:
        InputError: A stated break is of no group.
        ShareError: There is too little to calibrate with.
    """
    groups = _groups(frame, tagged_by(model, definition), len(request.by))
    breaks = _known_breaks(groups, request)
    scores = {label: _scores(frame, groups, label, model, definition) for label in _needed(labels, model, request)}
    found = {label: _estimated(mine, groups, _calibration(model, label, definition), request) for label, mine in scores.items()}
    if request.split_labels:
        calibrations = {label: _calibration(model, label, definition) for label in found}
        counted = groups.foreign | (request.method == "cc")
        found = in_parts(scores, found, calibrations, groups.codes, groups.weights, counted, request.level)
    for label in labels:
        scored = np.isfinite(scores[label])
        unscored = groups.sums(~scored)
        reasons = _by_value(frame, "unscored", groups, ~scored, NO_PROBABILITY)
        scopes = _by_value(frame, "scope", groups, scored, "")
        for place, (group, share) in enumerate(zip(groups.names, found[label], strict=True)):
            yield Cell(
                definition,
                label,
                group,
                _clean(unscored[place]),
                _flagged(share, group, request, breaks, bool(groups.foreign[place])),
                {reason: _clean(sums[place]) for reason, sums in reasons.items() if sums[place]},
                {scope: _clean(sums[place]) for scope, sums in scopes.items() if sums[place]},
            )


def _needed(labels: Sequence[str], model: Model, request: Request) -> Sequence[str]:
    return model.labels.ids if request.split_labels else labels


def _calibration(model: Model, label: str, definition: Definition) -> Calibration:
    return model.targets[model.column(label, definition)].calibration


def _clean(sum_of_weights: float) -> float:
    return round(float(sum_of_weights), 6)


def _groups(frame: pl.DataFrame, made_by: str, columns: int) -> _Groups:
    keys = [f"__by_{place}" for place in range(columns)]
    groups = frame.select(keys).unique().sort(keys) if keys else pl.DataFrame({"__one": [0]})
    names = tuple(tuple(str(value) for value in row) for row in groups.rows()) if keys else ((),)
    codes = _codes(frame, groups, keys)
    strange = (frame[MADE_BY] != made_by).fill_null(True).to_numpy()
    foreign = np.bincount(codes, strange, minlength=len(names)) > 0
    return _Groups(names, codes, text_codes(frame), frame["__weight"].to_numpy(), foreign)


def _codes(frame: pl.DataFrame, groups: pl.DataFrame, keys: Sequence[str]) -> Ints:
    if not keys:
        return np.zeros(len(frame), np.int64)
    numbered = groups.with_row_index("__code")
    joined = frame.select(keys).join(numbered, on=list(keys), how="left", maintain_order="left")
    return joined["__code"].to_numpy().astype(np.int64)


def _scores(frame: pl.DataFrame, groups: _Groups, label: str, model: Model, definition: Definition) -> Floats:
    """Return the score of each row, nan where there is none; where another model tagged, one that stands for its tag."""
    probabilities = frame[PROBABILITY.format(label)].to_numpy().astype(np.float64)
    calibration = _calibration(model, label, definition)
    scores = calibration.scores_of(probabilities)
    if label in frame.columns:  # another model's tags are counted, not its probabilities cut by our threshold
        tags = frame[label].cast(pl.Float64, strict=False).to_numpy().astype(np.float64)
        ends = np.where(tags > 0.5, calibration.edges[-1], calibration.edges[0])
        scores = np.where(groups.foreign[groups.codes] & np.isfinite(tags), ends, scores)
    return np.where(np.isfinite(probabilities), scores, np.nan)


def _estimated(scores: Floats, groups: _Groups, calibration: Calibration, request: Request) -> list[Share]:
    """Return a share a group: an empty one where nothing was scored, a bare count where another model tagged."""
    empty = Share(0, 0, math.nan, math.nan, math.nan, math.nan, "-", "/", math.nan, math.nan)
    found = [empty] * len(groups.names)
    scored = np.isfinite(scores)
    filled = np.unique(groups.codes[scored])
    plain = bool((groups.weights == 1).all())
    for method, chosen in (
        (request.method, filled[~groups.foreign[filled]]),
        ("cc", filled[groups.foreign[filled]]),
    ):
        if not len(chosen):
            continue
        inside = scored & np.isin(groups.codes, chosen)
        estimates = estimators.estimate_cells(
            scores[inside],
            np.searchsorted(chosen, groups.codes[inside]).astype(np.int64),
            calibration,
            method,
            None if plain else groups.weights[inside],
            request.level,
            request.draws,
            request.seed,
            groups.texts[inside],
        )
        for place, share in zip(chosen, estimates.shares, strict=True):
            found[place] = _of_others(share) if groups.foreign[place] else share
    return found


def _of_others(share: Share) -> Share:
    """Return a count of another model's tags without what our calibration says of it."""
    raised = estimators.flags(share.share, share.low, share.high, share.effective)
    return replace(share, flags=raised, floor=math.nan, shift=math.nan)


def _by_value(frame: pl.DataFrame, column: str, groups: _Groups, chosen: Bools, absent: str) -> dict[str, Floats]:
    """Return the weight of the chosen rows in each group by their value of ``column``; without one they are ``absent``."""
    if not chosen.any():
        return {}
    values = frame[column].cast(pl.String).str.strip_chars() if column in frame.columns else pl.Series([None] * len(frame))
    plain = values.cast(pl.String).replace("", None).fill_null(absent)
    kinds = sorted(set(plain.filter(pl.Series(chosen)).unique().to_list()) - {""})
    return {kind: groups.sums(chosen & (plain == kind).to_numpy()) for kind in kinds}


def _known_breaks(groups: _Groups, request: Request) -> tuple[Break, ...]:
    """Return the breaks stated, after checking that each is of a group: one mistyped would be silently without effect."""
    columns = [title(column) for column in request.by]
    found = breaks_of(request)
    for each in found:
        if each.column not in columns:
            raise InputError(f"--break {each.column}={each.value}: not broken down by it; {choices(each.column, columns)}")
        place = columns.index(each.column)
        values = sorted({group[place] for group in groups.names})
        if each.value not in values:
            raise InputError(f"--break {each.column}={each.value}: no such group; {choices(each.value, values)}")
    return found


def _flagged(share: Share, group: Sequence[str], request: Request, breaks: Sequence[Break], foreign: bool) -> Share:
    if not share.n:
        return share
    letters = "b" if foreign else ""
    for column, value in zip(map(title, request.by), group, strict=True):
        if column == "year" and request.open_since and value.isdigit() and int(value) >= request.open_since:
            letters += "p"
        if any((each.column, each.value) == (column, value) for each in breaks):
            letters += "b"
    return share.marked(letters)
