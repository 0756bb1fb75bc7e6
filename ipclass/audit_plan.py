"""The plan of an audit, kept apart from its sheet: which rows of which table were drawn, how, and for which model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ipclass.audit import WHY_NOT, Provenance
from ipclass.audit_table import short
from ipclass.calibration import Ints
from ipclass.errors import InputError, ShareError
from ipclass.records import LEAST_GRADE, Definition
from ipclass.scores import Floats

FORMAT = 1

_LARGEST_PLAN = 200_000_000  # bytes


@dataclass(frozen=True, eq=False)
class StoredPlan:
    """What the plan file holds: which rows of which table were drawn, how, and for which model."""

    provenance: Provenance
    label: str
    definition: Definition
    model: str
    table: str
    table_sha256: str
    columns: Mapping[str, str]
    bulk: float
    seed: int
    made_by: str
    rows: Ints
    strata: Ints
    weights: Floats
    sizes: Ints


def read_plan(path: Path) -> StoredPlan:
    """Return the plan in ``path``.

    Raises:
        InputError: It is no plan, or damaged.
        ShareError: Its judgements do not fit an audit.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; name the plan that was drawn with the sheet by --plan")
    try:
        if path.stat().st_size > _LARGEST_PLAN:
            raise ValueError(f"{path.stat().st_size} bytes")
        stored = json.loads(path.read_text("utf-8"))
        given = Provenance(stored["provenance"])
        if given == Provenance.TRAINING:
            raise ShareError(f"{path}: an audit does not fit these judgements ({given}): they {WHY_NOT[given]}")
        return _plan(stored)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(f"{path}: not the plan of an audit, or damaged: {short(repr(error))}") from error


def _plan(stored: Mapping[str, Any]) -> StoredPlan:
    if stored["format"] != FORMAT:
        raise ValueError(f"format {stored['format']!r}, this ipclass reads {FORMAT}")
    texts = {name: stored[name] for name in ("label", "definition", "model", "table", "table_sha256", "made_by")}
    columns = stored["columns"]
    if not all(isinstance(text, str) for text in (*texts.values(), *columns, *columns.values())):
        raise TypeError("a text is expected")
    if texts["definition"] not in LEAST_GRADE:
        raise ValueError(f"definition {texts['definition']!r}")
    rows, strata, sizes = (np.array(_whole(stored[name]), np.int64) for name in ("rows", "strata", "sizes"))
    weights = np.array(stored["weights"], np.float64)
    if not len(rows) == len(strata) == len(weights) > 0 or len(set(rows.tolist())) < len(rows):
        raise ValueError("rows, strata and weights do not fit each other")
    if strata.min() < 0 or strata.max() >= len(sizes):
        raise ValueError("strata without a size")
    if stored["provenance"] == Provenance.RANDOM and len(sizes) != 1:
        raise ValueError(f"a plain random sample has no strata, this has {len(sizes)}")
    return StoredPlan(
        provenance=Provenance(stored["provenance"]),
        columns=dict(columns),
        bulk=float(stored["bulk"]),
        seed=int(stored["seed"]),
        rows=rows,
        strata=strata,
        weights=weights,
        sizes=sizes,
        **texts,
    )


def _whole(numbers: Sequence[Any]) -> list[int]:
    if not all(type(number) is int for number in numbers):
        raise TypeError("whole numbers are expected")
    return list(numbers)
