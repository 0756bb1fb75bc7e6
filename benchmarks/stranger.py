"""A technology that the shipped corpus does not know: how good its label gets with how many judgements.

    python benchmarks/stranger.py [--gold ../shared/gold] [--seeds 10] [--json out.json] [--png out.png]

Each of the four labels in turn is left out of the corpus altogether: its judgements, and every document that carries it.
Then a stranger brings it back as a label of his own, with positives (grade 2) and five negatives (grade 0 or 1) for each,
drawn from the texts of train.jsonl by a seed, up to all of them. F1 is on dev.jsonl and dev_restated.jsonl together. What
the new label does to the others is measured too. Needs the extra ``bench``; Markdown goes to standard output.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ipclass import corpus as corpora
from ipclass import scores
from ipclass.corpus import PICKED, Corpus, Judged
from ipclass.counts import rows_of
from ipclass.labels import LabelSet
from ipclass.model import Model
from ipclass.records import DEFINITIONS, LEAST_GRADE, Definition
from ipclass.training import train

ROOT = Path(__file__).resolve().parents[1]
POSITIVES = (10, 20, 40, 80, 160, 320)
NEGATIVES = 5  # for each positive
ASKED = 40
ALL = -1  # stands for a seed where nothing is drawn
TESTS = ("dev.jsonl", "dev_restated.jsonl")

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Point:
    """How good a label is with so many judgements: one draw."""

    label: str
    definition: Definition
    positives: int
    negatives: int
    seed: int
    f1: float
    f1_real: float
    average_precision: float


def main() -> None:
    options = arguments()
    if not all((options.gold / name).is_file() for name in TESTS):
        sys.exit(f"{options.gold}: the gold standard is not here (it lies in ../shared, outside the repository)")
    started = time.perf_counter()
    whole = corpora.read_corpus(corpora.shipped())
    tests = [each for name in TESTS for each in corpora.read_judged(options.gold / name, whole.labels)]
    known = {each.entry.id for each in corpora.read_judged(options.gold / "train.jsonl", whole.labels)}
    points: list[Point] = []
    others = {}
    for label in whole.labels.ids:
        points += curve(whole, label, known, tests, options.seeds)
        others[label] = effect_on_others(whole, label, known, tests)
    record = {
        "points": [vars(point) for point in points],
        "summary": summary(points),
        "shipped": shipped(tests),
        "others": others,
        "seeds": options.seeds,
        "seconds": round(time.perf_counter() - started),
    }
    print(as_markdown(record))
    if options.json:
        options.json.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", "utf-8")
    if options.png:
        draw(record, options.png)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A new technology from few judgements.")
    parser.add_argument("--gold", type=Path, default=ROOT.parent / "shared" / "gold", help="the folder of the gold standard")
    parser.add_argument("--seeds", type=int, default=10, help="draws for each number of judgements")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--png", type=Path, help="also draw the curves into this file")
    return parser.parse_args()


# What a stranger has


def curve(whole: Corpus, label: str, known: set[str], tests: Sequence[Judged], seeds: int) -> list[Point]:
    """Return the points of one label: each number of positives with each seed, and all judgements there are."""
    points = []
    for positives in POSITIVES:
        for seed in range(seeds):
            rows = drawn(whole, label, known, positives, seed)
            if rows is not None:
                points += measured(without(whole, label, rows), label, rows, tests, seed)
        print(f"{label}: {positives} positives", file=sys.stderr, flush=True)
    rows = np.array([row for row, entry in enumerate(whole.entries) if entry.id in known], np.int64)
    return points + measured(without(whole, label, rows), label, rows, tests, ALL)


def drawn(whole: Corpus, label: str, known: set[str], positives: int, seed: int) -> Ints | None:
    """Return the rows that the stranger judges, or nothing if there are not so many."""
    grades = whole.grades(label)
    mine = np.array([entry.id in known for entry in whole.entries])
    rng = np.random.default_rng([seed, positives])
    pools = np.flatnonzero(mine & (grades == 2)), np.flatnonzero(mine & (grades < 2))
    if len(pools[0]) < positives or len(pools[1]) < NEGATIVES * positives:
        return None
    wanted = positives, NEGATIVES * positives
    return np.sort(np.concatenate([rng.choice(pool, n, replace=False) for pool, n in zip(pools, wanted, strict=True)]))


def without(whole: Corpus, label: str, rows: Ints) -> Corpus:
    """Return the corpus as if ``label`` had never been, but for the judgements of ``rows``, which no model calibrates on."""
    grades = whole.grades(label)
    judged = np.isin(np.arange(len(whole)), rows)
    kept = np.flatnonzero((grades <= 0) | judged)
    entries = []
    for row in kept.tolist():
        entry = whole.entries[row]
        left = {name: grade for name, grade in entry.grades.items() if name != label}
        if not judged[row]:
            entries.append(replace(entry, grades=left))
        elif grades[row] > 0:  # what the corpus did not have comes with no other judgement
            entries.append(replace(entry, grades={label: int(grades[row])}, origin=PICKED))
        else:
            entries.append(replace(entry, grades={**left, label: int(grades[row])}))
    return Corpus(whole.labels, tuple(entries), whole.terms, rows_of(whole.counts, kept))


def measured(corpus: Corpus, label: str, rows: Ints, tests: Sequence[Judged], seed: int) -> list[Point]:
    """Return how good ``label`` is when it is learnt from ``corpus``, alone: its targets do not depend on other labels."""
    model = train(replace(corpus, labels=LabelSet((corpus.labels[label],))))
    grades = corpus.grades(label)
    positives = int((grades == 2).sum())
    texts = [each.document.text for each in tests]
    truths = np.array([each.entry.grades[label] for each in tests])
    real = np.array([not each.entry.id.startswith("R-") for each in tests])
    points = []
    for definition in DEFINITIONS:
        tags = model.tag(texts, definition)
        truth, assigned = truths >= LEAST_GRADE[definition], tags.assigned[:, 0]
        points.append(
            Point(
                label,
                definition,
                positives,
                len(rows) - positives,
                seed,
                scores.f1(assigned, truth),
                scores.f1(assigned[real], truth[real]),
                scores.average_precision(tags.probabilities[:, 0], truth),
            )
        )
    return points


def effect_on_others(whole: Corpus, label: str, known: set[str], tests: Sequence[Judged]) -> dict[str, Any]:
    """Return what 40 positives and 200 negatives of a new label change in the predictions of the others on the tests."""
    rest = LabelSet(tuple(each for each in whole.labels if each.id != label))
    rows = drawn(whole, label, known, ASKED, 0)
    assert rows is not None
    before = train(replace(without(whole, label, rows[:0]), labels=rest))
    after = train(without(whole, label, rows))
    texts = [each.document.text for each in tests]
    found = {}
    for definition in DEFINITIONS:
        was, now = before.tag(texts, definition), after.tag(texts, definition)
        for place, other in enumerate(was.labels):
            column = now.labels.index(other)
            moved = np.abs(was.probabilities[:, place] - now.probabilities[:, column])
            truth = np.array([each.entry.grades[other] >= LEAST_GRADE[definition] for each in tests])
            found[f"{definition} {other}"] = {
                "largest": float(moved.max()),
                "mean": float(moved.mean()),
                "tags_changed": int((was.assigned[:, place] != now.assigned[:, column]).sum()),
                "f1": [scores.f1(tags.assigned[:, at], truth) for tags, at in ((was, place), (now, column))],
            }
    return found


# What came out


def shipped(tests: Sequence[Judged]) -> dict[str, float]:
    """Return the F1 of the shipped model, which learnt from more: the corpus has further texts for each label."""
    model = Model.load()
    texts = [each.document.text for each in tests]
    found = {}
    for definition in DEFINITIONS:
        tags = model.tag(texts, definition)
        for place, label in enumerate(tags.labels):
            truth = np.array([each.entry.grades[label] >= LEAST_GRADE[definition] for each in tests])
            found[f"{definition} {label}"] = scores.f1(tags.assigned[:, place], truth)
    return found


def summary(points: Sequence[Point]) -> list[dict[str, Any]]:
    """Return mean and spread over the seeds of each label, definition and number of judgements."""
    keys = dict.fromkeys((each.label, each.definition, each.positives, each.negatives, each.seed == ALL) for each in points)
    found = []
    for key in keys:
        values = np.array([p.f1 for p in points if (p.label, p.definition, p.positives, p.negatives, p.seed == ALL) == key])
        names = dict(zip(("label", "definition", "positives", "negatives", "all"), key, strict=True))
        spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        found.append({**names, "draws": len(values), "f1": float(values.mean()), "sd": spread, "lowest": low, "highest": high})
    return found


def as_markdown(record: Mapping[str, Any]) -> str:
    rows = record["summary"]
    lines = []
    for definition in DEFINITIONS:
        labels = list(dict.fromkeys(row["label"] for row in rows))
        numbers = sorted({(row["positives"], row["negatives"]) for row in rows if not row["all"]})
        lines += [
            f"### {definition}",
            "",
            "| positives + negatives | " + " | ".join(labels) + " |",
            "|---|" + "---|" * len(labels),
        ]
        for number in numbers:
            cells = [told(rows, label, definition, number) for label in labels]
            lines.append(f"| {number[0]} + {number[1]} | " + " | ".join(cells) + " |")
        whole = [next(r for r in rows if (r["label"], r["definition"]) == (label, definition) and r["all"]) for label in labels]
        cells = [f"{row['f1']:.3f} ({row['positives']} + {row['negatives']})" for row in whole]
        lines.append("| all of train.jsonl | " + " | ".join(cells) + " |")
        lines.append(
            "| shipped model | " + " | ".join(f"{record['shipped'][f'{definition} {label}']:.3f}" for label in labels) + " |"
        )
        lines.append("")
    lines += [
        "### The other labels when one is added with 40 + 200",
        "",
        "| new label | largest change of a probability | mean | tags changed of all | largest change of an F1 |",
        "|---|---:|---:|---:|---:|",
    ]
    for label, effects in record["others"].items():
        largest = max(each["largest"] for each in effects.values())
        mean = float(np.mean([each["mean"] for each in effects.values()]))
        tags = sum(each["tags_changed"] for each in effects.values())
        gain = max((each["f1"][1] - each["f1"][0] for each in effects.values()), key=abs)
        lines.append(f"| {label} | {largest:.3f} | {mean:.4f} | {tags} | {gain:+.3f} |")
    return "\n".join(lines)


def told(rows: Sequence[Mapping[str, Any]], label: str, definition: str, number: tuple[int, int]) -> str:
    for row in rows:
        found = (row["label"], row["definition"], (row["positives"], row["negatives"]))
        if found == (label, definition, number) and not row["all"]:
            return f"{row['f1']:.3f} ± {row['sd']:.3f}"
    return "-"


def draw(record: Mapping[str, Any], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4), sharey=True)
    for axis, definition in zip(axes, DEFINITIONS, strict=True):
        for number, label in enumerate(dict.fromkeys(row["label"] for row in record["summary"])):
            rows = [row for row in record["summary"] if (row["label"], row["definition"]) == (label, definition)]
            steps = [row for row in rows if not row["all"]]
            judgements = [row["positives"] + row["negatives"] for row in steps]
            means = np.array([row["f1"] for row in steps])
            spread = np.array([row["sd"] for row in steps])
            line = axis.plot(judgements, means, marker="o", markersize=4, label=label, color=f"C{number}")[0]
            axis.fill_between(judgements, means - spread, means + spread, alpha=0.15, color=line.get_color())
            last = next(row for row in rows if row["all"])
            axis.plot(last["positives"] + last["negatives"], last["f1"], marker="*", markersize=10, color=line.get_color())
        axis.axvline((1 + NEGATIVES) * ASKED, color="grey", linewidth=0.8, linestyle=":")
        axis.set_xscale("log")
        axis.set_xlabel("judgements (one positive in six; star: all there are)")
        axis.set_title(definition)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("F1 on dev and dev_restated")
    axes[0].legend(title="the label left out and added again")
    figure.suptitle("A technology that the corpus did not know: mean and standard deviation over draws", fontsize=10)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
