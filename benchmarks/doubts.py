"""Are wrong judgements found? Errors put into judged patents, and how many of them ``ipclass labels doubts`` tells.

    python benchmarks/doubts.py [--gold ../shared/gold] [--seeds 5] [--json out.json]

Of train.jsonl 5 % of the judgements of each label are changed at random (0 becomes 2, 2 becomes 0, 1 becomes 0 or 2). The
judgements that were wrong before count as sound here, so precision is a lower bound. Nothing but training texts is used.
Markdown goes to standard output.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ipclass import corpus as corpora
from ipclass import doubts
from ipclass.corpus import TITLE_WEIGHT, Corpus
from ipclass.counts import learn
from ipclass.labels import read_labels

ROOT = Path(__file__).resolve().parents[1]
WRONG = 0.05
TOP = 50


def main() -> None:
    parser = argparse.ArgumentParser(description="How many wrong judgements are found.")
    parser.add_argument("--gold", type=Path, default=ROOT.parent / "shared" / "gold", help="the folder of the gold standard")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    if not (options.gold / "train.jsonl").is_file():
        sys.exit(f"{options.gold}: the gold standard is not here (it lies in ../shared, outside the repository)")
    sound = read_corpus(options.gold / "train.jsonl")
    found = [measured(sound, seed) for seed in range(options.seeds)]
    record = {
        "documents": len(sound),
        "seeds": options.seeds,
        "labels": {label: means([each[label] for each in found]) for label in found[0]},
        "as_it_is": as_it_is(sound),
    }
    print(as_markdown(record))
    if options.json:
        options.json.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", "utf-8")


def read_corpus(path: Path) -> Corpus:
    labels = read_labels(corpora.shipped() / "labels")
    judged = corpora.read_judged(path, labels)
    terms, counts = learn((each.document.text for each in judged), labels.settings, TITLE_WEIGHT)
    return Corpus(labels, tuple(each.entry for each in judged), terms, counts)


def measured(sound: Corpus, seed: int) -> dict[str, dict[str, float]]:
    """Return by label what was found of the errors put in, and over all labels together."""
    corpus, wrong = with_errors(sound, np.random.default_rng(seed))
    told = doubts.find(corpus).doubts
    figures = {}
    for label in (*sound.labels.ids, "all"):
        hits = [(each.place, each.label) in wrong for each in told if label in (each.label, "all")]
        n = sum(label in (name, "all") for _, name in wrong)
        figures[label] = {
            "put_in": n,
            "told": len(hits),
            "precision": float(np.mean(hits)),
            "recall": sum(hits) / n,
            "precision_top": float(np.mean(hits[:TOP])),
            "recall_top": sum(hits[:n]) / n,
        }
    return figures


def with_errors(sound: Corpus, rng: np.random.Generator) -> tuple[Corpus, set[tuple[int, str]]]:
    """Return the corpus with wrong judgements, and where they are: document and label."""
    grades = [dict(entry.grades) for entry in sound.entries]
    wrong = set()
    for label in sound.labels.ids:
        for place in rng.choice(len(sound), round(WRONG * len(sound)), replace=False).tolist():
            before = grades[place][label]
            grades[place][label] = {0: 2, 1: int(rng.choice([0, 2])), 2: 0}[before]
            wrong.add((place, label))
    entries = (replace(entry, grades=given) for entry, given in zip(sound.entries, grades, strict=True))
    return replace(sound, entries=tuple(entries)), wrong


def as_it_is(sound: Corpus) -> dict[str, Any]:
    """Return how many judgements are doubted as they stand: counts, and the ids of the worst."""
    found = doubts.find(sound)
    return {
        "doubted": {f"{label} {definition}": n for (label, definition), n in found.doubted.items()},
        "judgements": len(found.doubts),
        "worst": [
            {"id": sound.entries[each.place].id, "label": each.label, "grade": each.grade, "suggested": each.suggested}
            for each in found.doubts[:20]
        ],
    }


def means(figures: list[dict[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([each[name] for each in figures])) for name in figures[0]}


def as_markdown(record: Mapping[str, Any]) -> str:
    lines = [
        f"| label | errors put in | told | precision | recall | precision of the first {TOP} | recall of as many as put in |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for label, each in record["labels"].items():
        counts = f"{each['put_in']:.0f} | {each['told']:.0f}"
        figures = " | ".join(f"{each[name]:.2f}" for name in ("precision", "recall", "precision_top", "recall_top"))
        lines.append(f"| {label} | {counts} | {figures} |")
    now = record["as_it_is"]
    doubted = ", ".join(f"{name} {n}" for name, n in now["doubted"].items())
    lines += ["", f"As it stands: {now['judgements']} judgements of {record['documents']} documents are doubted ({doubted})."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
