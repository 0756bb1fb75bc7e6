"""Tagged tables of which the truth is known: scores drawn from the held-out positives and negatives of the shipped model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ipclass import batch, tables
from ipclass.cells import Cell
from ipclass.grouping import Request
from ipclass.model import Model
from ipclass.records import Definition
from ipclass.tables import Table

FOREIGN = "strict:000000000000"


def simulated(
    model: Model,
    cells: Sequence[tuple[int, float]],
    definition: Definition = "strict",
    seed: int = 0,
    **columns: Sequence[Any],
) -> pl.DataFrame:
    """Return a tagged table: in each cell so many documents, of which each label truly has so large a share."""
    rng = np.random.default_rng(seed)
    sizes = [n for n, _ in cells]
    truth = np.concatenate([np.arange(n) < round(n * share) for n, share in cells])
    added: dict[str, Any] = {}
    for label in model.labels.ids:
        target = model.targets[model.column(label, definition)]
        mine = rng.permutation(len(truth)) if len(cells) == 1 else np.arange(len(truth))
        positive, negative = (rng.choice(target.held_out[chosen], len(truth)) for chosen in (target.truth, ~target.truth))
        probabilities = target.platt(np.where(truth[mine], positive, negative))
        added[label] = pl.Series(probabilities >= target.threshold).cast(pl.Int8)
        added[f"{label}_probability"] = pl.Series(probabilities).round_sig_figs(6)
    names = np.repeat([f"c{place:03d}" for place in range(len(cells))], sizes)
    made_by = [batch.tagged_by(model, definition)] * len(truth)
    frame = {"title": ["T"] * len(truth), "cell": names, **added, "known": [1.0] * len(truth), "tagged_by": made_by}
    return pl.DataFrame({**frame, **columns})


def unscored(frame: pl.DataFrame, rows: Sequence[int]) -> pl.DataFrame:
    """Return the table with these rows as classify leaves documents that it cannot tag."""
    which = pl.int_range(pl.len()).is_in(list(rows))
    tags = [name for name in frame.columns if name in ("6g", "ai", "bci", "quantum") or name.endswith("_probability")]
    return frame.with_columns(
        *(pl.when(which).then(None).otherwise(pl.col(name)).alias(name) for name in tags),
        pl.when(which).then(pl.lit("empty")).otherwise(pl.lit("")).alias("unscored"),
    )


def tabled(frame: pl.DataFrame, model: Model, path: Path, **request: Any) -> Table:
    """Return the table of shares of ``frame``, which is written to ``path`` on the way; 50 draws if nothing is said."""
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path)
    return tables.share_table(str(path), model, Request(**{"draws": 50, **request}))


def cells(table: Table, label: str = "ai") -> dict[Any, Cell]:
    """Return the cells of a label by their group: a single value as such."""
    found = {cell.group if len(cell.group) != 1 else cell.group[0]: cell for cell in table.cells if cell.label == label}
    assert len(found) == sum(cell.label == label for cell in table.cells)
    return found
