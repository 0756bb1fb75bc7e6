"""Run by .ci/run beside the installed wheel, outside the checkout: what a first user would see."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import ipclass

assert "site-packages" in ipclass.__file__, ipclass.__file__
rows = list(csv.DictReader(Path("tagged.csv").read_text("utf-8").splitlines()))
given = list(csv.DictReader(Path("examples.csv").read_text("utf-8").splitlines()))
assert [row["id"] for row in rows] == [row["id"] for row in given]
wrong = [row["id"] for row, want in zip(rows, given, strict=True) if row["primary"] != want["expected"]]
assert not wrong, f"tagged otherwise than expected: {wrong}"
objects = [json.loads(line) for line in Path("tagged.jsonl").read_text("utf-8").splitlines()]
assert [each["primary"] for each in objects] == [row["primary"] for row in rows]
model = ipclass.Model.load()
document = ipclass.Document(given[0]["title"], given[0]["abstract"])
assert next(model.classify([document])).primary == rows[0]["primary"]
print(f"smoke: {len(rows)} documents tagged by the installed wheel as expected")
