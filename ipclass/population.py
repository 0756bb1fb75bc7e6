"""Rates: documents of a label per 10,000 people."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from ipclass.errors import InputError


def per_inhabitants(frame: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Return ``frame`` with ``per_10000``: estimated documents of the label per 10,000 people of its country and year.

    ``path`` is a CSV with ``population`` and those of ``country`` and ``year`` that it is broken down by.

    Raises:
        InputError: The file is not such a table, or has no column in common with ``frame``.
    """
    try:
        people = pl.read_csv(path, infer_schema=False)
    except (PolarsError, OSError) as error:
        raise InputError(f"{path}: cannot be read as a table of population: {str(error).splitlines()[0]}") from error
    shared = [name for name in ("country", "year") if name in people.columns and name in frame.columns]
    if "population" not in people.columns or not shared:
        raise InputError(f"{path}: needs the columns population and country or year, as the shares have them")
    if people.select(shared).is_duplicated().any():
        raise InputError(f"{path}: a {' and '.join(shared)} comes twice")
    number = people["population"].cast(pl.Float64, strict=False)
    wrong = people["population"].filter(
        people["population"].is_not_null() & ~((number > 0) & number.is_finite()).fill_null(False)
    )
    if len(wrong):
        raise InputError(f"{path}: the population {wrong[0]!r} is not a number above 0; write it as 1412000000")
    people = people.select(*shared, number)
    joined = frame.join(people, on=shared, how="left", maintain_order="left")
    rates = [
        (pl.col(name) * pl.col("n") / pl.col("population") * 10_000).round_sig_figs(6).alias(target)
        for name, target in (("share", "per_10000"), ("low", "per_10000_low"), ("high", "per_10000_high"))
    ]
    return joined.with_columns(rates).drop("population")
