"""The recipe of docs/clusters.md, run as it stands there."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from ipclass import Model

pytest.importorskip("pyspark", reason="pyspark is not installed: the recipe for Spark is not run here")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # Spark's own libraries warn

PAGE = Path(__file__).parents[1] / "docs" / "clusters.md"


def test_the_recipe_gives_what_the_model_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    from pyspark.sql import SparkSession

    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    recipe: dict[str, Any] = {}
    exec(code, recipe)
    model = Model.load()
    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    rows = [(str(n), f"Qubit {n}", f"A resonator reads out qubit {n} of a processor.") for n in range(40)]
    rows.append(("none", "", ""))
    try:
        frame = spark.createDataFrame(rows, ["id", "title", "abstract"]).repartition(4)
        found = {row["id"]: row for row in recipe["classify"](frame, model.labels.ids).collect()}
    finally:
        spark.stop()
    tags = model.tag([f"{title}\n{abstract}" for _, title, abstract in rows])
    assert len(found) == len(rows)
    for place, (id, _, _) in enumerate(rows):
        assert found[id]["primary"] == tags.primary[place]
        assert found[id]["unscored"] == tags.unscored[place]
        for column, label in enumerate(tags.labels):
            assert found[id][f"{label}_probability"] == pytest.approx(tags.probabilities[place, column])
