"""What a data frame and a spaCy pipeline cost beside the command line, on the same documents, in turns within one run.

    python benchmarks/bindings.py            # 100,000 abstracts of ../shared/pool; about two minutes

Processor seconds of this process and its children are compared: other loads of the machine hardly move them.
"""

from __future__ import annotations

import argparse
import os

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ.setdefault(_threads, "1")

import gzip
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import polars as pl
import spacy

import ipclass
from ipclass import Document, Model

POOL = Path(__file__).parents[2] / "shared" / "pool" / "patents.jsonl.gz"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pool", type=Path, default=POOL)
    options.add_argument("--documents", type=int, default=100_000)
    options.add_argument("--repeats", type=int, default=3)
    asked = options.parse_args()
    if not asked.pool.is_file():
        sys.exit(f"{asked.pool}: no such file; name a JSON lines file of patents with --pool")
    with gzip.open(asked.pool, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line, _ in zip(file, range(asked.documents), strict=False)]
    table = pd.DataFrame(rows)[["id", "title", "abstract", "year"]]
    Model.load()
    with tempfile.TemporaryDirectory() as folder:
        frames(table, Path(folder), asked.repeats)
    pipelines([Document(row["title"], row["abstract"]).text for row in rows[: asked.documents // 10]], asked.repeats)


def frames(table: pd.DataFrame, folder: Path, repeats: int) -> None:
    source = folder / "in.csv"
    table.to_csv(source, index=False)
    command = [sys.executable, "-c", "from ipclass.cli import main; main()", "classify", str(source), "--force", "-q"]
    ways: dict[str, Callable[[], object]] = {
        "ipclass classify in.csv -o out.csv": lambda: subprocess.run([*command, "-o", str(folder / "out.csv")], check=True),
        "ipclass.classify(pandas)": lambda: ipclass.classify(table),
        "ipclass.classify(polars)": lambda frame=pl.from_dict(table.to_dict("list")): ipclass.classify(frame),
        "read_csv, ipclass.classify, to_csv": lambda: ipclass.classify(pd.read_csv(source)).to_csv(folder / "out2.csv"),
    }
    told(ways, len(table), repeats)


def pipelines(texts: list[str], repeats: int) -> None:
    ways: dict[str, Callable[[], object]] = {}
    for name, parts in (
        ("blank('en')", []),
        ("blank('en'), sentencizer", ["sentencizer"]),
        ("blank('en'), ipclass", ["ipclass"]),
        ("blank('en'), sentencizer, ipclass", ["sentencizer", "ipclass"]),
    ):
        nlp = spacy.blank("en")
        for part in parts:
            nlp.add_pipe(part)
        list(nlp.pipe(texts[:100]))
        ways[name] = lambda nlp=nlp: [None for _ in nlp.pipe(texts)]
    told(ways, len(texts), repeats)


def told(ways: dict[str, Callable[[], object]], documents: int, repeats: int) -> None:
    """Run the ways in turns and print the median of their processor seconds, and what it is of the first way's."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            start, _ = cpu(), way()
            taken[name].append(cpu() - start)
    first = statistics.median(next(iter(taken.values())))
    for name, seconds in taken.items():
        median = statistics.median(seconds)
        print(f"{name:<38} {median:7.2f} s  {documents / median:>9,.0f} documents/s  {median / first:5.2f} of the first")


def cpu() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


if __name__ == "__main__":
    main()
