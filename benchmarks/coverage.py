"""Do the intervals hold what they promise, on real judged patents? Bias and coverage of count, EMQ and audit.

    python benchmarks/coverage.py [--gold ../shared/gold] [--draws 300] [--json benchmarks/results/coverage.json]

The real texts are halved at random (near-duplicates together), a model learns from one half and the project's own texts,
and target populations of a known share are drawn from the other half, first without replacement: a target is then
exactly as unlike the calibration texts as new documents are. Each half takes both parts, and there are many halvings,
because one calibration sample is one roll of the dice however many targets are drawn. Where calibration scores should
come from is measured on the same targets. A second part judges the estimates on random US grants.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import hashlib
import json
import math
import platform
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from joblib import Parallel, delayed
from sklearn.feature_extraction.text import TfidfTransformer

from ipclass import audit
from ipclass import corpus as corpora
from ipclass.calibration import Calibration, score_at
from ipclass.counts import learn
from ipclass.errors import ShareError
from ipclass.estimators import Method, estimate, estimate_cells
from ipclass.figures import Share, wilson
from ipclass.labels import LabelSet, read_labels
from ipclass.records import DEFINITIONS, LEAST_GRADE
from ipclass.scores import average_precision, best_threshold, calibration_error, f1, fit_platt
from ipclass.training import Linear, Recipe, fit_linear, fold_of

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Target = tuple[str, str]
"""A definition and a label."""

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("train.jsonl", "dev.jsonl")
SHARES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
LARGEST, SMALLEST = 2000, 500
WITH_REPLACEMENT = 5000
AUDIT = 300
BOOTSTRAP = 200
SEED = 0
NATURAL = ("nat_api", "nat_gabe")

SOURCES = {
    "a": "out of fold, the usual way: vocabulary and idf of all training texts; restated texts calibrate too",
    "a real": "the same, only real texts calibrate",
    "b": "half of the real training texts never trained on, scored by the model of the rest",
    "c": "a real, each fold's scores mapped onto the final model's scale (affine, by texts without labels)",
    "d": "a real, and the mean of the fold classifiers is the model",
    "e": "out of fold, vocabulary and idf without the fold too; only real texts calibrate",
    "e all": "the same, restated texts calibrate too",
}
CHOSEN = "e"
COMPARED = 3
"""One in so many draws is given to the sources that are only compared."""


@dataclass(frozen=True)
class Texts:
    """Judged texts row by row: real ones first, then the project's own. ``counts`` has all terms of all texts."""

    labels: LabelSet
    counts: sp.csr_matrix
    grades: Mapping[str, npt.NDArray[np.int8]]
    origins: npt.NDArray[np.str_]
    groups: tuple[str, ...]
    strata: npt.NDArray[np.str_]
    years: npt.NDArray[np.str_]

    @property
    def real(self) -> Bools:
        return np.asarray(self.origins == corpora.REPRESENTATIVE)

    def truth(self, target: Target) -> Bools:
        definition, label = target
        return np.asarray(self.grades[label] >= LEAST_GRADE[definition])


@dataclass(frozen=True)
class Scored:
    """What a calibration source yields: held-out scores with their truth, and the shipped model's scores of new texts."""

    held_out: Floats
    known: Bools
    new: Floats

    def calibration(self) -> Calibration:
        """Return the calibration with the threshold of best expected F1, as training finds it."""
        platt = fit_platt(self.held_out, self.known)
        threshold = float(score_at(best_threshold(platt(self.held_out)), platt))
        return Calibration.of(self.held_out, self.known, platt, threshold)


@dataclass(frozen=True)
class Outcome:
    """One estimate beside the truth."""

    true: float
    share: float
    low: float
    high: float
    warned: bool
    shift: float
    n: int


Key = tuple[str, ...]
"""Setting, source, definition, label, share, method."""


def main() -> None:
    options = arguments()
    missing = [name for name in PARTS if not (options.gold / name).is_file()]
    if missing:
        sys.exit(f"{options.gold}: the gold standard is not here (it lies in ../shared, outside the repository)")
    started = time.perf_counter()
    texts = read_texts(options.gold)
    say(f"{len(texts.groups)} texts read: {time.perf_counter() - started:.0f} s")
    splits = 2 * options.halvings
    per_split = math.ceil(options.draws / splits)
    done = Parallel(n_jobs=options.jobs)(delayed(one_split)(texts, number, per_split) for number in range(splits))
    say(f"{splits} splits: {time.perf_counter() - started:.0f} s")
    cells = summaries([each.outcomes for each in done])
    record = {
        "cells": cells,
        "quality": qualities([each.quality for each in done]),
        "refused": refused([each.refused for each in done], splits),
        "natural": natural(texts),
        "sources": SOURCES,
        "settings": {
            "draws": per_split * splits,
            "splits": splits,
            "bootstrap": BOOTSTRAP,
            "audit": AUDIT,
            "seed": SEED,
            "recipe": asdict(Recipe()),
        },
        "made_with": made_with(options.gold),
    }
    print(as_markdown(record))
    say(f"all: {time.perf_counter() - started:.0f} s")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", "utf-8")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Bias and coverage of share estimates on real judged patents.")
    parser.add_argument("--gold", type=Path, default=ROOT.parent / "shared" / "gold", help="the folder of the gold standard")
    parser.add_argument("--draws", type=int, default=300, help="target populations of each cell, over all splits")
    parser.add_argument("--halvings", type=int, default=10, help="random halvings; each gives two splits")
    parser.add_argument("--jobs", type=int, default=1, help="splits at a time")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    return parser.parse_args()


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


# Texts


def read_texts(gold: Path) -> Texts:
    labels = read_labels(corpora.shipped() / "labels")
    real = [each for name in PARTS for each in corpora.read_judged(gold / name, labels)]
    own = corpora.read_judged(corpora.shipped() / "authored.jsonl", labels)
    drawn = [json.loads(line) for name in PARTS for line in (gold / name).read_text("utf-8").splitlines() if line.strip()]
    together = [*real, *own]
    terms, counts = learn([each.document.text for each in together], labels.settings, corpora.TITLE_WEIGHT)
    group_of = {bare_number(each.entry.id): each.entry.group for each in real}
    return Texts(
        labels,
        sp.csr_matrix((counts.values, counts.terms, counts.starts), shape=(len(together), len(terms))),
        {label: np.array([each.entry.grades[label] for each in together], np.int8) for label in labels.ids},
        np.array([each.entry.origin for each in together]),
        tuple(group_of.get(bare_number(each.entry.group), each.entry.group) for each in together),
        np.array([*(str(each["stratum"]) for each in drawn), *[""] * len(own)]),
        np.array([each.entry.year for each in together]),
    )


def bare_number(id: str) -> str:
    """Return a publication number without its kind: a restatement names the patent, not the printing."""
    text = "".join(sign for sign in id if sign.isalnum())
    return text[:-2] if text[-2:-1].isalpha() else text[:-1] if text[-1:].isalpha() else text


def halves(texts: Texts, number: int) -> tuple[Ints, Ints]:
    """Return the rows to train on and those to draw targets from; splits 2i and 2i + 1 are one halving both ways."""
    side = (fold_of([f"{SEED} {number // 2} {group}" for group in texts.groups], 2) == number % 2).astype(bool)
    elsewhere = {group for group, far, real in zip(texts.groups, ~side, texts.real, strict=True) if far and real}
    apart = np.array([group in elsewhere for group in texts.groups])  # restatements of target patents
    return np.flatnonzero(np.where(texts.real, side, ~apart)), np.flatnonzero(~side & texts.real)


# Models


@dataclass(frozen=True)
class Weighting:
    """The terms and inverse document frequencies that some rows teach, as training learns them."""

    kept: Ints
    tfidf: TfidfTransformer

    @classmethod
    def of(cls, counts: sp.csr_matrix) -> Weighting:
        seen = np.bincount(counts.indices, minlength=counts.shape[1])
        kept = np.flatnonzero(seen >= Recipe().least_documents)
        return cls(kept, TfidfTransformer(sublinear_tf=True).fit(counts[:, kept]))

    def __call__(self, counts: sp.csr_matrix) -> sp.csr_matrix:
        return self.tfidf.transform(counts[:, self.kept])


def targets_of(texts: Texts) -> list[Target]:
    return [(definition, label) for definition in DEFINITIONS for label in texts.labels.ids]


def scored(texts: Texts, train: Ints, new: Ints, sources: Iterable[str] = SOURCES) -> dict[Target, dict[str, Scored]]:
    """Return the scores of every target by every source of calibration."""
    counts = texts.counts[train]
    fold = fold_of([texts.groups[row] for row in train], Recipe().folds)
    shared = Weighting.of(counts)
    rows, others = shared(counts), shared(texts.counts[new])
    origins = texts.origins[train]
    own = np.isin(origins, (corpora.REPRESENTATIVE, corpora.RESTATED))
    real = origins == corpora.REPRESENTATIVE
    inside = by_folds_inside(texts, train, fold) if {"e", "e all"} & set(sources) else {}
    found: dict[Target, dict[str, Scored]] = {}
    for target in targets_of(texts):
        truth = texts.truth(target)[train]
        final = fit_linear(rows, truth, Recipe())(others)
        each: dict[str, Scored] = {}
        if {"a", "a real", "c", "d"} & set(sources):
            models = {k: fit_linear(rows[fold != k], truth[fold != k], Recipe()) for k in np.unique(fold)}
            held_out, mapped, mean = out_of_fold(models, rows, fold, others, final)
            each["a"] = Scored(held_out[own], truth[own], final)
            each["a real"] = Scored(held_out[real], truth[real], final)
            each["c"] = Scored(mapped[real], truth[real], final)
            each["d"] = Scored(held_out[real], truth[real], mean)
        if {"e", "e all"} & set(sources):
            each["e"] = Scored(inside[target][real], truth[real], final)
            each["e all"] = Scored(inside[target][own], truth[own], final)
        if "b" in sources:
            each["b"] = never_trained_on(texts, train, new, target)
        found[target] = each
    return found


def out_of_fold(
    models: Mapping[int, Linear], rows: sp.csr_matrix, fold: Ints, others: sp.csr_matrix, final: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return out-of-fold scores as they are, the same on the final model's scale, and the fold models' mean of ``others``."""
    held_out, mapped, mean = np.empty(len(fold)), np.empty(len(fold)), np.zeros(len(final))
    for k, model in models.items():
        inside = fold == k
        held_out[inside] = model(rows[inside])
        unlabelled = model(others)
        slope, offset = np.polyfit(unlabelled, final, 1)
        mapped[inside] = slope * held_out[inside] + offset
        mean += unlabelled / len(models)
    return held_out, mapped, mean


def by_folds_inside(texts: Texts, train: Ints, fold: Ints) -> dict[Target, Floats]:
    """Return out-of-fold scores for which not even vocabulary and idf have seen the fold."""
    counts = texts.counts[train]
    found = {target: np.empty(len(train)) for target in targets_of(texts)}
    for k in np.unique(fold):
        inside = fold == k
        weighting = Weighting.of(counts[~inside])
        rows, unseen = weighting(counts[~inside]), weighting(counts[inside])
        for target, scores in found.items():
            scores[inside] = fit_linear(rows, texts.truth(target)[train][~inside], Recipe())(unseen)
    return found


def never_trained_on(texts: Texts, train: Ints, new: Ints, target: Target) -> Scored:
    part = fold_of([f"part {texts.groups[row]}" for row in train], 2).astype(bool)
    apart = train[part & texts.real[train]]
    hidden = {texts.groups[row] for row in apart}
    rest = np.array([row for row in train if texts.groups[row] not in hidden])
    weighting, truth = Weighting.of(texts.counts[rest]), texts.truth(target)
    model = fit_linear(weighting(texts.counts[rest]), truth[rest], Recipe())
    return Scored(model(weighting(texts.counts[apart])), truth[apart], model(weighting(texts.counts[new])))


# Targets


@dataclass(frozen=True)
class Done:
    """What one split found."""

    outcomes: dict[Key, list[Outcome]]
    quality: dict[Key, dict[str, float]]
    refused: dict[Key, str]


def one_split(texts: Texts, number: int, draws: int) -> Done:
    train, new = halves(texts, number)
    done = Done({}, {}, {})
    for target, sources in scored(texts, train, new).items():
        truth = texts.truth(target)[new]
        once = {share: drawn_rows(truth, share, draws, [number, *codes(target, share)]) for share in SHARES}
        again = {share: drawn_again(truth, share, draws, [number, *codes(target, share)]) for share in SHARES}
        some = {share: rows[: math.ceil(draws / COMPARED)] for share, rows in once.items()}
        for source, each in sources.items():
            done.quality[(source, *target)] = quality(each, truth)
            label_free(done, ("compared", source, *target), each, truth, some, ("emq",), number)
        for setting, drawn in (("once", once), ("again", again)):
            key = (setting, CHOSEN, *target)
            methods: tuple[Method, ...] = ("emq", "acc", "pacc") if setting == "once" else ("emq",)
            label_free(done, key, sources[CHOSEN], truth, drawn, methods, number)
            by_hand(done, key, sources[CHOSEN], truth, drawn, number)
    return done


def quality(scored: Scored, truth: Bools) -> dict[str, float]:
    """Return how well the tags and probabilities fit the texts not trained on, as they are."""
    calibration = scored.calibration()
    return {
        "average_precision": average_precision(scored.new, truth),
        "f1": f1(scored.new >= calibration.threshold, truth),
        "calibration_error": calibration_error(calibration.platt(scored.new), truth),
    }


def codes(target: Target, share: float) -> list[int]:
    return [zlib.crc32(" ".join(target).encode()), round(share * 1000)]


def drawn_rows(truth: Bools, share: float, draws: int, seed: Sequence[int]) -> list[Ints]:
    """Return targets drawn without replacement, or none where they would be too small."""
    n = min(LARGEST, int(truth.sum() / share), int((~truth).sum() / (1 - share)))
    return [] if n < SMALLEST else [mixed(truth, share, n, [*seed, draw], False) for draw in range(draws)]


def drawn_again(truth: Bools, share: float, draws: int, seed: Sequence[int]) -> list[Ints]:
    """Return large targets drawn with replacement."""
    return [mixed(truth, share, WITH_REPLACEMENT, [*seed, draw], True) for draw in range(draws)]


def mixed(truth: Bools, share: float, n: int, seed: Sequence[int], again: bool) -> Ints:
    rng = np.random.default_rng([SEED, *seed])
    positives = round(share * n)
    inside = rng.choice(np.flatnonzero(truth), positives, replace=again)
    return np.concatenate([inside, rng.choice(np.flatnonzero(~truth), n - positives, replace=again)])


Drawn = Mapping[float, list[Ints]]


def label_free(done: Done, key: Key, scored: Scored, truth: Bools, drawn: Drawn, methods: Sequence[Method], seed: int) -> None:
    """Note the estimates of all targets: one bootstrap of the calibration for all of them, as in a table of many cells."""
    calibration = scored.calibration()
    targets = [(share, rows) for share, listed in drawn.items() for rows in listed]
    if not targets:
        return
    rows = np.concatenate([rows for _, rows in targets])
    cells = np.repeat(np.arange(len(targets)), [len(rows) for _, rows in targets])
    for share, each in targets:
        note_count(done, key, share, scored.new[each] >= calibration.threshold, truth[each])
    for method in methods:
        try:
            found = estimate_cells(scored.new[rows], cells, calibration, method, draws=BOOTSTRAP, seed=seed, texts=rows)
        except ShareError as error:
            done.refused[(*key, method)] = str(error)
            continue
        for (share, each), cell in zip(targets, found, strict=True):
            note(done, (*key, str(share), method), cell, float(truth[each].mean()))


def note(done: Done, key: Key, cell: Share, true: float) -> None:
    warned = cell.below_floor or "u" in cell.flags or not cell.printable
    outcome = Outcome(true, cell.share, cell.low, cell.high, warned, cell.shift, round(cell.n))
    done.outcomes.setdefault(key, []).append(outcome)


def note_count(done: Done, key: Key, share: float, tagged: Bools, truth: Bools) -> None:
    """Note the share of tags with Wilson's interval, as if tags were truth."""
    low, high = wilson(float(tagged.sum()), len(tagged))
    outcome = Outcome(float(truth.mean()), float(tagged.mean()), low, high, False, math.nan, len(tagged))
    done.outcomes.setdefault((*key, str(share), "count"), []).append(outcome)


def by_hand(done: Done, key: Key, scored: Scored, truth: Bools, drawn: Drawn, seed: int) -> None:
    """Note the audits, judged by the grades of the gold standard."""
    calibration = scored.calibration()
    for share, listed in drawn.items():
        for draw, rows in enumerate(listed):
            new, known = scored.new[rows], truth[rows]
            plan = audit.plan(new, calibration, AUDIT, seed=1000 * seed + draw)
            found = audit.estimate(plan, known[plan.rows], new, calibration)
            note(done, (*key, str(share), "audit"), found.share, float(known.mean()))


def summaries(parts: Sequence[dict[Key, list[Outcome]]]) -> list[dict[str, Any]]:
    together: dict[Key, list[list[Outcome]]] = {}
    for part in parts:
        for key, outcomes in part.items():
            together.setdefault(key, []).append(outcomes)
    names = ("drawn", "source", "definition", "label", "share", "method")
    return [dict(zip(names, key, strict=True)) | summary(by_split) for key, by_split in sorted(together.items())]


def summary(by_split: Sequence[Sequence[Outcome]]) -> dict[str, float | int | None]:
    """Return the figures of a cell; the targets of one split share its model, so errors are those between splits."""
    outcomes = [outcome for each in by_split for outcome in each]
    true, share, low, high, shift = (
        np.array([getattr(each, name) for each in outcomes]) for name in ("true", "share", "low", "high", "shift")
    )
    covered = (low <= true) & (true <= high)
    warned = np.array([each.warned for each in outcomes])
    return {
        "draws": len(outcomes),
        "splits": len(by_split),
        "documents": int(np.median([each.n for each in outcomes])),
        "bias_error": between([np.mean([o.share / o.true - 1 for o in each]) for each in by_split]),
        "coverage_error": between([np.mean([o.low <= o.true <= o.high for o in each]) for each in by_split]),
        "bias": float(np.mean(share / true) - 1),
        "error": float(np.sqrt(np.mean((share / true - 1) ** 2))),
        "coverage": float(covered.mean()),
        "covered_or_warned": float((covered | warned).mean()),
        "warned": float(warned.mean()),
        "width": float(np.median((high - low) / true)),
        "shift": nan_free(float(np.median(shift))),
        "shifted": float(np.mean(shift > 2)),
    }


def between(means: Sequence[float | np.floating[Any]]) -> float:
    """Return the standard error of the mean over splits."""
    return float(np.std(means, ddof=1) / math.sqrt(len(means))) if len(means) > 1 else math.inf


def nan_free(value: float) -> float | None:
    return None if math.isnan(value) else value


def qualities(parts: Sequence[dict[Key, dict[str, float]]]) -> list[dict[str, Any]]:
    return [
        dict(zip(("source", "definition", "label"), key, strict=True))
        | {name: float(np.mean([part[key][name] for part in parts])) for name in parts[0][key]}
        for key in parts[0]
    ]


def refused(parts: Sequence[dict[Key, str]], splits: int) -> list[dict[str, Any]]:
    keys = sorted({key for part in parts for key in part})
    names = ("drawn", "source", "definition", "label", "method")
    return [
        dict(zip(names, key, strict=True))
        | {"part": sum(key in part for part in parts) / splits, "for": next(part[key] for part in parts if key in part)}
        for key in keys
    ]


# The natural sample


def natural(texts: Texts) -> list[dict[str, Any]]:
    """Return estimated and judged shares of the random grants, by models that saw none of them, and by such that saw half."""
    chosen = np.isin(texts.strata, NATURAL)
    half = fold_of([f"natural {group}" for group in texts.groups], 2).astype(bool)
    rows = natural_rows(texts, chosen, "none", year_groups(texts))
    for name, side in (("the other half", half), ("the first half", ~half)):
        rows += natural_rows(texts, chosen & side, name, [("one half", chosen & side)])
    return rows


def year_groups(texts: Texts) -> list[tuple[str, Bools]]:
    years = np.array([int(year) if year else 0 for year in texts.years])
    api = texts.strata == NATURAL[0]
    spans = ((2005, 2008), (2009, 2012), (2013, 2016))
    groups = [(f"{NATURAL[0]} {first}-{last}", api & (years >= first) & (years <= last)) for first, last in spans]
    return [*groups, (f"{NATURAL[0]}, all", api), (f"{NATURAL[1]}, all", texts.strata == NATURAL[1])]


def natural_rows(texts: Texts, new: Bools, trained: str, groups: Sequence[tuple[str, Bools]]) -> list[dict[str, Any]]:
    hidden = {group for group, there in zip(texts.groups, new, strict=True) if there}
    train = np.array([row for row, group in enumerate(texts.groups) if group not in hidden])
    places = np.flatnonzero(new)
    rows = []
    for target, sources in scored(texts, train, places, (CHOSEN,)).items():
        calibration, truth = sources[CHOSEN].calibration(), texts.truth(target)[places]
        for name, members in groups:
            inside = members[places]
            found = estimate(sources[CHOSEN].new[inside], calibration, "emq", draws=1000, seed=SEED)
            judged = int(truth[inside].sum())
            rows.append(
                dict(zip(("definition", "label"), target, strict=True))
                | {"trained_on": trained, "group": name, "n": int(inside.sum()), "judged": judged}
                | {"judged_interval": wilson(judged, int(inside.sum())), "count": found.naive}
                | {"emq": found.share, "emq_interval": (found.low, found.high)}
                | {"flags": found.flags, "floor": found.floor, "shift": found.shift}
            )
    return rows


# Tables


def as_markdown(record: Mapping[str, Any]) -> str:
    settings = record["settings"]
    parts = [
        f"{settings['draws']} targets a cell over {settings['splits']} splits; {settings['bootstrap']} bootstrap draws.",
        "### Are the goals met?",
        verdicts(record["cells"]),
        "### Where calibration should come from",
        sources_table(record),
        "### Count, EMQ and audit: targets drawn without replacement",
        shares_table(record["cells"], "once", ("count", "emq", "audit")),
        f"### The same with {WITH_REPLACEMENT:,} documents drawn with replacement",
        shares_table(record["cells"], "again", ("count", "emq", "audit")),
        "### Appendix: ACC and PACC",
        shares_table(record["cells"], "once", ("acc", "pacc")),
        refusals(record["refused"]),
        "### Random US grants",
        natural_table(record["natural"]),
    ]
    return "\n\n".join(parts)


Cells = Sequence[Mapping[str, Any]]


def picked(cells: Cells, **wanted: str) -> list[Mapping[str, Any]]:
    return [cell for cell in cells if all(cell[name] == value for name, value in wanted.items())]


def verdicts(cells: Cells) -> str:
    lines = ["| goal | targets drawn | cells | met in | misses |", "|---|---|---|---|---|"]
    goals: list[tuple[str, str, float, float, Callable[[Mapping[str, Any]], bool]]] = [
        ("audit of 300: relative bias within 5 %, from 1 %", "audit", 0.01, 1, lambda c: abs(c["bias"]) <= 0.05),
        ("audit of 300: coverage at least 93 %, from 1 %", "audit", 0.01, 1, lambda c: c["coverage"] >= 0.93),
        ("EMQ: coverage at least 88 %, from 2 %", "emq", 0.02, 1, lambda c: c["coverage"] >= 0.88),
        ("EMQ below 2 %: covers, or warned of, in 88 %", "emq", 0, 0.01, lambda c: c["covered_or_warned"] >= 0.88),
    ]
    for name, method, least, most, met in goals:
        for drawn in ("once", "again"):
            own = [cell for cell in picked(cells, drawn=drawn, method=method) if least <= float(cell["share"]) <= most]
            misses = [cell for cell in own if not met(cell)]
            listed = "; ".join(missed(cell) for cell in misses)
            row = (name, {"once": "without replacement", "again": "with"}[drawn], len(own), len(own) - len(misses), listed)
            lines.append(f"| {' | '.join(map(str, row))} |")
    return "\n".join(lines)


def missed(cell: Mapping[str, Any]) -> str:
    place = f"{cell['label']} {cell['definition']} {percent(cell['share'])}"
    bias, coverage, error = (100 * cell[name] for name in ("bias", "coverage", "coverage_error"))
    return f"{place} (bias {bias:+.1f}, coverage {coverage:.1f}, standard error {error:.1f})"


def percent(share: str) -> str:
    return f"{100 * float(share):g} %"


def short(cell: Mapping[str, Any]) -> str:
    return f"{100 * cell['bias']:+.0f} / {100 * cell['coverage']:.0f} / {100 * cell['width']:.0f}"


def shares_table(cells: Cells, drawn: str, methods: Sequence[str]) -> str:
    lines = [f"| label | method | {' | '.join(percent(str(share)) for share in SHARES)} |", "|---|---|" + "---|" * len(SHARES)]
    for definition in DEFINITIONS:
        for label in labels_of(cells):
            for method in methods:
                own = picked(cells, drawn=drawn, definition=definition, label=label, method=method)
                found = {cell["share"]: short(cell) for cell in own}
                row = " | ".join(found.get(str(share), "-") for share in SHARES)
                lines.append(f"| {label} {definition} | {method} | {row} |")
    return "\n".join(lines)


def labels_of(rows: Cells) -> list[str]:
    return sorted({row["label"] for row in rows})


def sources_table(record: Mapping[str, Any]) -> str:
    shares = ("0.01", "0.02", "0.05")
    names = " | ".join(f"EMQ {percent(share)}" for share in shares)
    lines = [
        f"| label | calibration | shift test: median, above 2 | {names} | AP | F1 | ECE |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for definition in DEFINITIONS:
        for label in labels_of(record["quality"]):
            for source in SOURCES:
                key = {"source": source, "definition": definition, "label": label}
                own = picked(record["cells"], drawn="compared", method="emq", **key)
                found = {cell["share"]: cell for cell in own}
                values = [short(found[share]) if share in found else "-" for share in shares]
                at = found.get("0.02")
                shift = f"{at['shift']:.1f}, {100 * at['shifted']:.0f} %" if at else "-"
                (fit,) = picked(record["quality"], **key)
                good = (f"{fit[name]:.3f}" for name in ("average_precision", "f1", "calibration_error"))
                lines.append(f"| {label} {definition} | {source} | {shift} | {' | '.join(values)} | {' | '.join(good)} |")
    return "\n".join([*lines, "", *(f"- **{name}**: {text}" for name, text in SOURCES.items())])


def refusals(rows: Cells) -> str:
    own = [row for row in rows if row["drawn"] != "compared"]
    lines = [
        f"- {row['label']} {row['definition']}, {row['method']}: refused in {100 * row['part']:.0f} % of splits ({row['for']})"
        for row in own
        if row["drawn"] == "once"
    ]
    return "\n".join(lines)


def natural_table(rows: Cells) -> str:
    lines = [
        "| label | grants | random grants in training | n | judged | count | EMQ | flags | shift |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if row["judged"] or row["group"] in (f"{NATURAL[0]}, all", "one half"):
            judged = f"{row['judged']} = {100 * row['judged'] / row['n']:.1f} % {interval(row['judged_interval'])}"
            emq = f"{100 * row['emq']:.1f} % {interval(row['emq_interval'])}"
            first = f"{row['label']} {row['definition']} | {row['group']} | {row['trained_on']} | {row['n']}"
            lines.append(f"| {first} | {judged} | {100 * row['count']:.1f} % | {emq} | {row['flags']} | {row['shift']:.1f} |")
    return "\n".join(lines)


def interval(ends: Sequence[float]) -> str:
    return f"[{100 * ends[0]:.1f}, {100 * ends[1]:.1f}]"


def made_with(gold: Path) -> dict[str, Any]:
    files = [*(gold / name for name in PARTS), corpora.shipped() / "authored.jsonl"]
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in ("ipclass", "numpy", "scipy", "scikit-learn")},
        "sha256": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
    }


if __name__ == "__main__":
    main()
