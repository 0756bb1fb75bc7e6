"""Tables of indicators from tagged documents: growth, advantage, overlap, concentration, or why they are withheld."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from ipclass import estimators, indicators
from ipclass.batch import tagged_by
from ipclass.calibration import Ints
from ipclass.errors import InputError, ShareError
from ipclass.figures import Interval, Share
from ipclass.grouping import DATES, Request, breaks_of, grouped, restricted
from ipclass.model import Model
from ipclass.scores import Bools, Floats
from ipclass.tables import labels_of, number
from ipclass.tagged import MADE_BY, PROBABILITY, ROW, has, prepared, read_tagged, text_codes

Row = dict[str, Any]


def indicator_tables(
    path: str, model: Model, request: Request, year: str, of: str, holder: str, model_folder: str = ""
) -> dict[str, pl.DataFrame]:
    """Return the indicators that the columns of the table allow: growth, advantage, overlap, concentration.

    Raises:
        InputError: None of the columns is there.
        ShareError: There is nothing to count, or another model tagged some rows.
    """
    (definition,) = request.definitions
    frame = read_tagged(path, model, definition, labels_of(request, model), model_folder)
    return indicators_of(frame, model, request, year, of, holder)


def indicators_of(
    frame: pl.DataFrame, model: Model, request: Request, year: str, of: str, holder: str
) -> dict[str, pl.DataFrame]:
    """Return the same of tagged documents in a data frame, as ``share_table_of`` takes it.

    Raises:
        InputError, ShareError: As ``indicator_tables``.
    """
    (definition,) = request.definitions
    labels = labels_of(request, model)
    if strange := [each.column for each in breaks_of(request) if each.column != "year"]:
        raise InputError(f"--break {strange[0]}: only growth minds a break, and it is over years: write year=2016:REASON")
    frame = restricted(prepared(frame, labels), request)
    if not (frame[MADE_BY] == tagged_by(model, definition)).fill_null(False).all():
        raise ShareError(f"not all rows were tagged by this model as {definition}; run ipclass classify again")
    scored = frame.filter(pl.all_horizontal(pl.col(PROBABILITY.format(label)).is_finite() for label in labels))
    if scored.is_empty():
        raise ShareError("no document could be tagged: an indicator of nothing is not 0")
    calibrations = {label: model.targets[model.column(label, definition)].calibration for label in labels}
    scores = {
        label: calibration.scores_of(scored[PROBABILITY.format(label)].to_numpy().astype(np.float64))
        for label, calibration in calibrations.items()
    }
    found: dict[str, pl.DataFrame] = {}
    for name, column, make in (("growth a year", year, _growth), ("advantage", of, _advantage)):
        there = column in scored.columns or (column == "year" and any(date in scored.columns for date in DATES))
        if column and (there or column not in ("year", "country")):  # these two are tried without being asked for
            rows, _ = grouped(scored, Request(by=(column,), fractional=True))
            kept = rows.filter(pl.col("__by_0") != "")
            order = _positions(kept, scored)
            if kept.is_empty():
                continue
            found[f"{name} by {column}" if name == "advantage" else name] = pl.DataFrame(
                [row for label in labels for row in make(label, scores[label][order], kept, calibrations[label], request)],
                infer_schema_length=None,
            )
    if len(labels) > 1:
        found["overlap"] = _overlap(labels, scores, calibrations, request)
    if holder:
        has(scored, holder)
        rows, _ = grouped(scored, Request(by=(holder,), fractional=True))
        kept = rows.filter(pl.col("__by_0") != "")
        found["concentration"] = _concentration(labels, scores, calibrations, kept, _positions(kept, scored), request)
    return found


def _positions(kept: pl.DataFrame, scored: pl.DataFrame) -> Ints:
    """Return for each row of ``kept`` the place of its document in ``scored``."""
    return np.searchsorted(scored[ROW].to_numpy(), kept[ROW].to_numpy()).astype(np.int64)


def _figures(interval: Interval) -> Row:
    return {
        "value": number(interval.value),
        "low": number(interval.low),
        "high": number(interval.high),
        "withheld": interval.reason,
    }


def _by_group(
    label_scores: Floats, kept: pl.DataFrame, calibration: estimators.Calibration, request: Request
) -> tuple[list[str], estimators.Estimates]:
    names, codes = np.unique(np.array(kept["__by_0"].to_list()), return_inverse=True)
    estimates = estimators.estimate_cells(
        label_scores,
        codes.astype(np.int64),
        calibration,
        request.method,
        _weights(kept),
        request.level,
        request.draws,
        request.seed,
        text_codes(kept),
    )
    return names.tolist(), estimates


def _weights(kept: pl.DataFrame) -> Floats | None:
    """Return the parts in which documents count, or nothing if each counts whole."""
    weights = kept["__weight"].to_numpy().astype(np.float64)
    return None if (weights == 1).all() else weights


def _growth(label: str, scores: Floats, kept: pl.DataFrame, calibration: estimators.Calibration, request: Request) -> list[Row]:
    """Return the growth from the first year to the last that is not open."""
    closed = _closed(kept, request)
    if not closed.any():
        first, last = kept["__by_0"].min(), kept["__by_0"].max()
        reason = f"no year before {request.open_since}, from which on years are open"
        return [{"label": label, "from": first, "to": last, **_figures(Interval.withheld(reason))}]
    years, estimates = _by_group(scores[closed], kept.filter(pl.Series(closed)), calibration, request)
    if not (years[0].isdigit() and years[-1].isdigit()):
        interval = Interval.withheld(f"{years[0]!r} to {years[-1]!r} are not years")
    elif len(years) < 2:
        interval = Interval.withheld("one year only")
    elif between := [each for each in breaks_of(request) if each.column == "year" and years[0] < each.value <= years[-1]]:
        interval = Interval.withheld(f"the series breaks in {between[0].value}: {between[0].reason}")
    else:
        interval = indicators.growth(estimates, 0, len(years) - 1, float(int(years[-1]) - int(years[0])))
    return [{"label": label, "from": years[0], "to": years[-1], **_figures(interval)}]


def _closed(kept: pl.DataFrame, request: Request) -> Bools:
    """Return which rows are of a year that growth may end in, shape (rows,)."""
    if request.to_open or not request.open_since:
        return np.ones(len(kept), np.bool_)
    years = kept["__by_0"].cast(pl.Int64, strict=False)
    return (years.is_null() | (years < request.open_since)).to_numpy()


def _advantage(
    label: str, scores: Floats, kept: pl.DataFrame, calibration: estimators.Calibration, request: Request
) -> list[Row]:
    names, estimates = _by_group(scores, kept, calibration, request)
    rows = []
    together = zip(names, indicators.rta(estimates), indicators.rank_intervals(estimates), strict=True)
    for name, advantage, rank in together:
        even = indicators.symmetric(advantage)
        row = {"label": label, "group": name, **_figures(advantage), "symmetric": number(even.value)}
        rows.append({**row, "rank": rank.rank, "rank_low": rank.low, "rank_high": rank.high})
    return rows


def _overlap(
    labels: Sequence[str], scores: Mapping[str, Floats], calibrations: Mapping[str, estimators.Calibration], request: Request
) -> pl.DataFrame:
    matrix = np.column_stack([scores[label] for label in labels])
    found = indicators.overlap(matrix, [calibrations[label] for label in labels], request.level, request.draws, request.seed)
    rare = {
        label for label in labels if not (own := _own(scores[label], calibrations[label], request)).printable or own.below_floor
    }
    names = ("share", "low", "high", "lift", "lift_low", "lift_high")
    rows: list[Row] = []
    for i, j in combinations(range(len(labels)), 2):
        hidden = labels[i] in rare or labels[j] in rare
        figures = {name: None if hidden else number(float(getattr(found, name)[i, j])) for name in names}
        reason = "a label is too rare here" if hidden else ""
        rows.append({"label": labels[i], "with": labels[j], **figures, "withheld": reason})
    return pl.DataFrame(rows, schema_overrides=dict.fromkeys(names, pl.Float64))


def _own(scores: Floats, calibration: estimators.Calibration, request: Request) -> Share:
    return estimators.estimate(scores, calibration, request.method, None, request.level, request.draws, request.seed)


def _concentration(
    labels: Sequence[str],
    scores: Mapping[str, Floats],
    calibrations: Mapping[str, estimators.Calibration],
    kept: pl.DataFrame,
    order: Ints,
    request: Request,
) -> pl.DataFrame:
    holders = np.unique(np.array(kept["__by_0"].to_list()), return_inverse=True)[1].astype(np.int64)
    rows = []
    for label in labels:
        counts = indicators.expected_counts(
            scores[label][order], holders, calibrations[label], _weights(kept), request.level, request.draws, request.seed
        )
        for name, interval in (("HHI", indicators.hhi(counts)), ("share of the ten largest", indicators.top_share(counts, 10))):
            rows.append({"label": label, "indicator": name, **_figures(interval)})
    return pl.DataFrame(rows)
