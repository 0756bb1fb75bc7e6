"""Drawing an audit: a blind sheet of documents to judge, its guideline, and the plan that is kept apart from it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from ipclass import audit
from ipclass.audit import Provenance
from ipclass.audit_plan import FORMAT
from ipclass.audit_sheet import guideline_of, kind_of, sheet_bytes
from ipclass.audit_table import Tagged, Wanted, read_tagged, texts_of
from ipclass.errors import ShareError
from ipclass.model import Model
from ipclass.records import Definition
from ipclass.tagged import sha256
from ipclass.writing import refuse_to_replace, write

NUMBER = 300


@dataclass(frozen=True)
class Drawn:
    """What was drawn, and where it stands."""

    sheet: Path
    plan: Path
    guideline: Path
    label: str
    definition: Definition
    judgements: int
    documents: int
    unscored: Mapping[str, int]


def draw(table: str, sheet: Path, model: Model, wanted: Wanted, *, force: bool = False) -> Drawn:
    """Write a sheet of documents to judge, its guideline, and beside it the plan that whoever judges should not see.

    Args:
        table: The output of ``ipclass classify``.
        sheet: The file to write, .csv or .xlsx. CSV has the guideline in a file beside it, Excel in a second worksheet too.
        model: The model that tagged the table.
        wanted: What to draw.
        force: Replace what is there.

    Raises:
        InputError: The table cannot be read, is not tagged, or was tagged by another model or under another definition.
        ShareError: ``wanted`` cannot be had from these documents.
        LabelError: The model has no such label.
        OutputError: Something is there already, or cannot be written.
    """
    kind = kind_of(sheet)
    plan_path, guideline_path = beside(sheet, "plan.json"), beside(sheet, "guideline.md")
    refuse_to_replace((sheet, plan_path, guideline_path), force)
    if wanted.n is not None and wanted.width is not None:
        raise ShareError(f"either {wanted.n} judgements or as many as the width {wanted.width:g} needs, not both")
    digest = sha256(table)
    tagged = read_tagged(table, model, wanted)
    n = _size(tagged, wanted, wanted.width) if wanted.width is not None else NUMBER if wanted.n is None else wanted.n
    random = wanted.design == "random"
    drawn = (
        audit.plan_random(len(tagged.scores), n, wanted.seed)
        if random
        else audit.plan(tagged.scores, tagged.calibration, n, wanted.bulk, wanted.seed)
    )
    rows = tagged.rows[drawn.rows]
    guideline = guideline_of(tagged.label)
    made = {
        "format": FORMAT,
        "provenance": str(Provenance.RANDOM if random else Provenance.STRATIFIED),
        "label": tagged.label.id,
        "label_version": tagged.label.version,
        "definition": tagged.definition,
        "model": model.digest,
        "table": _relative(table, plan_path.parent),
        "table_sha256": digest,
        "columns": dict(wanted.columns),
        "documents": len(tagged.rows),
        "unscored": dict(tagged.unscored),
        "judgements": len(rows),
        "bulk": wanted.bulk,
        "seed": wanted.seed,
        "made_by": f"ipclass {version('ipclass')}",
        "sizes": drawn.sizes.tolist(),
        "rows": rows.tolist(),
        "strata": drawn.stratum.tolist(),
        "weights": drawn.weight.tolist(),
    }
    parts = {
        plan_path: (json.dumps(made, ensure_ascii=False) + "\n").encode(),
        guideline_path: guideline.encode(),
        sheet: sheet_bytes(kind, rows, texts_of(tagged, rows), guideline),
    }
    write(parts, force=force)
    counts = len(rows), len(tagged.rows), tagged.unscored
    return Drawn(sheet, plan_path, guideline_path, tagged.label.id, tagged.definition, *counts)


def size(table: str, model: Model, wanted: Wanted, width: float) -> tuple[int, int]:
    """Return how many judgements bring the half width of the interval to ``width`` times the share, of how many documents.

    Raises:
        InputError, ShareError, LabelError: As ``draw``.
    """
    tagged = read_tagged(table, model, wanted)
    return _size(tagged, wanted, width), len(tagged.rows)


def _size(tagged: Tagged, wanted: Wanted, width: float) -> int:
    if wanted.design == "random":
        return audit.random_size(tagged.scores, tagged.calibration, width)
    return audit.audit_size(tagged.scores, tagged.calibration, width, wanted.bulk)


def beside(sheet: Path, ending: str) -> Path:
    """Return the path of a file that belongs to ``sheet``."""
    return sheet.with_name(f"{sheet.stem}.{ending}")


def _relative(table: str, folder: Path) -> str:
    """Return the way from ``folder`` to ``table``, so that both can be moved together."""
    try:
        return Path(os.path.relpath(table, folder)).as_posix()
    except ValueError:  # another drive
        return Path(table).resolve().as_posix()
