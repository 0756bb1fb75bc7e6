"""Fractional counting by label: labels add up to documents, and a document of one label is not touched."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulation import FOREIGN, cells, simulated, tabled

from ipclass import batch
from ipclass.calibration import posterior
from ipclass.label_parts import mean_parts
from ipclass.model import Model
from ipclass.tables import as_frame

CHANCES = st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1.0])), min_size=1, max_size=5)


@settings(max_examples=60)
@given(CHANCES)
def test_the_mean_part_is_that_over_all_sets_of_labels(chances: list[float]) -> None:
    found = mean_parts(np.array([chances]))[0]
    for label in range(len(chances)):
        mean = 0.0
        for others in product((0, 1), repeat=len(chances) - 1):
            rest = [*chances[:label], *chances[label + 1 :]]
            chance = np.prod([p if there else 1 - p for p, there in zip(rest, others, strict=True)])
            mean += float(chance) / (1 + sum(others))
        assert found[label] == pytest.approx(mean)


@settings(max_examples=60)
@given(CHANCES)
def test_the_parts_of_a_document_sum_to_the_chance_of_any_label(chances: list[float]) -> None:
    parts = mean_parts(np.array([chances]))[0]
    assert parts @ np.array(chances) == pytest.approx(1 - np.prod([1 - p for p in chances]))


@pytest.fixture(scope="module")
def mixed(model: Model) -> pl.DataFrame:
    """A thousand documents of all labels, two thousand of none and one of each label alone, in two cells."""
    together = simulated(model, [(1000, 1.0), (2000, 0.0)])
    alone = simulated(model, [(3000, 0.2)], seed=3).with_columns(cell=pl.lit("alone"))
    return pl.concat([together, alone])


def test_counted_labels_add_up_to_the_documents_with_any(model: Model, mixed: pl.DataFrame, path: Path) -> None:
    made = as_frame(tabled(mixed, model, path, by=("cell",), method="cc", split_labels=True))
    labels = model.labels.ids
    tags = mixed.with_columns(any=pl.max_horizontal(labels), several=pl.sum_horizontal(labels))
    any_ = dict(tags.group_by("cell").agg(pl.col("any").mean()).rows())
    assert dict(made.group_by("cell").agg(pl.col("counted").sum()).rows()) == pytest.approx(any_, rel=1e-5)
    for label in labels:
        mine = tags.group_by("cell").agg((pl.col(label) / pl.max_horizontal(1, "several")).mean())
        assert dict(made.filter(label=label).select("cell", "counted").rows()) == pytest.approx(dict(mine.rows()), rel=1e-5)
    assert made["counted"].to_list() == made["share"].fill_null(made["counted"]).to_list()


def test_estimated_labels_add_up_to_the_expected_documents_with_any(model: Model, mixed: pl.DataFrame, path: Path) -> None:
    whole, parts = (tabled(mixed, model, path, by=("cell",), split_labels=split) for split in (False, True))
    for cell in ("c000", "c001", "alone"):
        inside = mixed.filter(cell=cell)
        none = np.ones(len(inside))
        for label in model.labels.ids:
            calibration = model.targets[model.column(label, "strict")].calibration
            ratio = calibration.ratio_at(calibration.scores_of(inside[f"{label}_probability"].to_numpy()))
            none *= 1 - posterior(ratio, cells(whole, label)[cell].share.share)
        total = sum(cells(parts, label)[cell].share.share for label in model.labels.ids)
        assert total == pytest.approx(1 - none.mean(), rel=0.02)


def test_a_part_is_never_more_than_the_whole_and_lies_in_its_interval(model: Model, mixed: pl.DataFrame, path: Path) -> None:
    whole, parts = (tabled(mixed, model, path, by=("cell",), split_labels=split) for split in (False, True))
    for one, other in zip(whole.cells, parts.cells, strict=True):
        assert (one.label, one.group, one.share.n) == (other.label, other.group, other.share.n)
        assert other.share.share <= one.share.share
        assert other.share.naive <= one.share.naive
        assert 0 <= other.share.low <= other.share.share <= other.share.high <= 1
        assert other.share.high - other.share.low > 0
    full = cells(parts)["c000"].share
    assert full.low < 0.25 <= full.high, "all four labels, a quarter each"
    assert full.share == pytest.approx(0.25, rel=0.1)


def test_documents_of_one_label_count_whole(model: Model, path: Path) -> None:
    frame = simulated(model, [(2000, 0.2)])
    others = [
        pl.lit(value).alias(f"{label}{end}")
        for label in model.labels.ids[1:]
        for end, value in (("", 0), ("_probability", 1e-9))
    ]
    alone, name = frame.with_columns(others), model.labels.ids[0]
    made = [cells(tabled(alone, model, path, split_labels=split), name)[()].share for split in (False, True)]
    assert made[1].share == pytest.approx(made[0].share, rel=1e-3)
    assert (made[1].low, made[1].high) == pytest.approx((made[0].low, made[0].high), rel=1e-2)
    assert made[1].naive == made[0].naive


def test_the_labels_asked_for_are_parts_among_all_labels(model: Model, mixed: pl.DataFrame, path: Path) -> None:
    every = tabled(mixed, model, path, by=("cell",), split_labels=True)
    one = tabled(mixed, model, path, by=("cell",), split_labels=True, labels=("bci",))
    assert one.cells == tuple(cell for cell in every.cells if cell.label == "bci")


def test_tags_of_another_model_are_divided_too(model: Model, mixed: pl.DataFrame, path: Path) -> None:
    frame = mixed.with_columns(tagged_by=pl.lit(FOREIGN))
    made = as_frame(tabled(frame, model, path, by=("cell",), split_labels=True))
    any_ = frame.group_by("cell").agg(pl.max_horizontal(model.labels.ids).mean())
    assert dict(made.group_by("cell").agg(pl.col("counted").sum()).rows()) == pytest.approx(dict(any_.rows()), rel=1e-5)
    assert made["flags"].str.contains("b").all()


def test_unscored_documents_are_in_no_part(model: Model, small: pl.DataFrame, path: Path) -> None:
    for cell in tabled(small, model, path, by=("cell",), split_labels=True).cells:
        assert cell.share.n + cell.unscored == len(small.filter(cell=cell.group[0]))
    nothing: dict[str, Any] = {f"{label}_probability": None for label in model.labels.ids}
    gone = small.with_columns(pl.lit(value).alias(name) for name, value in nothing.items())
    (cell,) = tabled(gone, model, path, labels=("ai",), split_labels=True).cells
    assert (cell.share.n, cell.unscored, cell.share.method) == (0, 900, "-")


def test_the_table_says_that_documents_are_divided(model: Model, small: pl.DataFrame, path: Path) -> None:
    from ipclass.tables import described

    said = " ".join(described(tabled(small, model, path, split_labels=True)))
    assert "a document of several labels in equal parts" in said
    assert batch.TAGGED_BY == 12


def test_the_order_of_documents_does_not_matter(model: Model, mixed: pl.DataFrame, path: Path) -> None:
    frame = mixed.with_columns(country=pl.Series(["US;DE", "US", "DE;FR;US"] * 2000))
    request = {"by": ("cell", "country"), "fractional": True, "split_labels": True}
    made = tabled(frame, model, path, **request)
    assert tabled(frame.sample(fraction=1, shuffle=True, seed=2), model, path, **request).cells == made.cells
