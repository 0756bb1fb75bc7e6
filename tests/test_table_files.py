"""Tables of shares as files, and whether they come out the same again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from simulation import tabled

from ipclass import table_files, tables
from ipclass.errors import InputError
from ipclass.model import Model

# What differs from a stored table


def test_a_stored_table_that_comes_out_the_same_differs_in_nothing(model: Model, small: pl.DataFrame, tmp_path: Path) -> None:
    made = tabled(small, model, tmp_path / "tagged.csv", by=("cell",))
    frame = tables.as_frame(made)
    stored = tmp_path / "shares.csv"
    content = table_files.table_bytes(made, frame, stored)
    stored.write_bytes(content)
    stated = table_files.stated(made, frame, content)
    assert table_files.verified(made, frame, stored, stated) == []
    assert "input_sha256" in table_files.verified(made, frame, stored, {**stated, "input_sha256": "0"})[0]
    assert "model_digest" in table_files.verified(made, frame, stored, {**stated, "model_digest": "0"})[0]
    other = replace(made, cells=made.cells[1:])
    assert table_files.verified(other, tables.as_frame(other), stored, stated) == ["the figures come out differently"]
    stored.write_bytes(stored.read_bytes() + b"\n")
    assert table_files.verified(made, frame, stored, stated) == [f"{stored}: changed since it was written"]
    stored.unlink()
    with pytest.raises(InputError, match="cannot be read: No such file"):
        table_files.verified(made, frame, stored, stated)
