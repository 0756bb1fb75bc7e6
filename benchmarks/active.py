"""How many judgements it takes: random choice, plain margins and ``ipclass next``, replayed on judged patents.

    python benchmarks/active.py [--gold ../shared/gold] [--seeds 10] [--jobs 2] [--json out.json] [--charts folder]

Two questions. *All labels*: 100 documents of train.jsonl are judged, the others are the pool; macro-F1 on dev.jsonl against
the number of judgements. *A rare label*: of a corpus that is judged for everything, four fifths of the judgements for one
label are dropped, its positives and its negatives, and given back in steps of 20; its F1 on dev and dev_restated.

Models are made by ``training`` and documents chosen by ``committees`` and ``active``: the code of the commands. Each way to
choose was decided on on training texts alone (README). Needs the extra ``bench``; Markdown goes to standard output.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import hashlib
import json
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from joblib import Parallel, delayed
from sklearn.feature_extraction.text import TfidfTransformer

from ipclass import active, committees, joining, training
from ipclass import corpus as corpora
from ipclass.committees import Criterion, Signs
from ipclass.corpus import NOT_JUDGED, PICKED, REPRESENTATIVE, RESTATED, Corpus, Entry, Judged
from ipclass.counts import Counts, join, keep_terms, learn
from ipclass.errors import CorpusError
from ipclass.labels import LabelSet, read_labels
from ipclass.model import Model
from ipclass.records import DEFINITIONS, LEAST_GRADE, Definition
from ipclass.scores import average_precision, f1
from ipclass.training import Fitted, Recipe

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

ROOT = Path(__file__).resolve().parents[1]
RECIPE = Recipe(folds=10)
SEED_SET = 100
STEP = 20
KEPT = 0.2
EXPLORE = 0.1
GOAL = 0.95
DRAWS = 2000
RANDOM, MARGIN, OURS, NO_PHRASES = "random", "margin", "next", "next without phrases"
GOLD, WHOLE, REST = "gold", "whole", "rest"
SET_UPS = {
    GOLD: "train and restated, as the corpus ships them; their judgements for the label are dropped",
    WHOLE: "the whole shipped corpus (with its picked and authored texts); judgements for the label are dropped everywhere",
    REST: "the whole shipped corpus; judgements for the label are dropped in train and restated alone",
}


def main() -> None:
    options = arguments()
    needed = ("train.jsonl", "dev.jsonl", "dev_restated.jsonl")
    if not all((options.gold / name).is_file() for name in needed):
        sys.exit(f"{options.gold}: the gold standard is not here (it lies in ../shared, outside the repository)")
    started = time.perf_counter()
    record: dict[str, Any] = {"made_with": made_with(options.gold), "settings": settings(options)}
    if "all" in options.parts:
        record["all"] = all_labels(options.gold, options.seeds_all, options.jobs)
        say(f"all labels: {time.perf_counter() - started:.0f} s")
    for set_up in SET_UPS:
        if set_up in options.parts:
            record[set_up] = rare_label(options.gold, set_up, options.label, options.seeds, options.jobs)
            say(f"{set_up}: {time.perf_counter() - started:.0f} s")
    print(as_markdown(record, options.label))
    if options.json:
        earlier = json.loads(options.json.read_text("utf-8")) if options.json.is_file() else {}
        options.json.write_text(json.dumps({**earlier, **record}, indent=1, sort_keys=True) + "\n", "utf-8")
    if options.charts:
        charts(record, options.label, options.charts)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Judgements needed by random choice, margins and ipclass next.")
    parser.add_argument("--gold", type=Path, default=ROOT.parent / "shared" / "gold", help="the folder of the gold standard")
    parser.add_argument("--label", default="bci", help="the rare label")
    parser.add_argument("--seeds", type=int, default=10, help="repetitions for the rare label")
    parser.add_argument("--seeds-all", type=int, default=5, help="repetitions for all labels")
    parser.add_argument("--parts", nargs="+", default=["all", *SET_UPS], choices=["all", *SET_UPS])
    parser.add_argument("--jobs", type=int, default=1, help="repetitions at a time")
    parser.add_argument("--json", type=Path, help="also write the figures to this file (parts that were not run stay)")
    parser.add_argument("--charts", type=Path, help="also draw the curves into this folder")
    return parser.parse_args()


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def settings(options: argparse.Namespace) -> dict[str, Any]:
    return {"folds": RECIPE.folds, "seed_set": SEED_SET, "step": STEP, "kept": KEPT, "explore": EXPLORE, "goal": GOAL}


# All labels


@dataclass(frozen=True, eq=False)
class Texts:
    """Judged documents and their counts; the columns are those of the other texts of the run too."""

    judged: tuple[Judged, ...]
    corpus: Corpus


def read_texts(gold: Path, names: Sequence[str], labels: LabelSet) -> tuple[Texts, Texts]:
    """Return the documents of the first file, and those of the others, counted by the same terms."""
    parts = [corpora.read_judged(gold / name, labels) for name in names]
    first, rest = parts[0], tuple(each for part in parts[1:] for each in part)
    both = (*first, *rest)
    terms, counts = learn((each.document.text for each in both), labels.settings, corpora.TITLE_WEIGHT)

    def texts(judged: Sequence[Judged], rows: Ints) -> Texts:
        entries = tuple(each.entry for each in judged)
        return Texts(tuple(judged), Corpus(labels, entries, terms, joining.rows_of(counts, rows)))

    return texts(first, np.arange(len(first))), texts(rest, np.arange(len(first), len(both)))


def sizes(n: int) -> list[int]:
    """Return after how many judgements there is a model: every 50 at first, then farther apart, and all."""
    return [*range(SEED_SET, 600, 50), *range(600, 1200, 100), *range(1200, n, 300), n]


def all_labels(gold: Path, seeds: int, jobs: int) -> dict[str, Any]:
    labels = read_labels(corpora.shipped() / "labels")
    train, dev = read_texts(gold, ["train.jsonl", "dev.jsonl"], labels)
    work = [(strategy, seed) for seed in range(seeds) for strategy in (RANDOM, MARGIN, OURS, NO_PHRASES)]
    found = Parallel(n_jobs=jobs)(delayed(one_run)(train, dev, strategy, seed) for strategy, seed in work)
    curves = {
        strategy: [curve for (name, _), curve in zip(work, found, strict=True) if name == strategy]
        for strategy in (RANDOM, MARGIN, OURS, NO_PHRASES)
    }
    return {"n": len(train.judged), "curves": curves, **summary(curves, {name: f"f1 {name}" for name in DEFINITIONS})}


def one_run(train: Texts, dev: Texts, strategy: str, seed: int) -> list[dict[str, float]]:
    """Return the quality after each number of judgements, by one way to choose."""
    rng = np.random.default_rng([seed, 1])
    n = len(train.judged)
    chosen = rng.permutation(n)[:SEED_SET].tolist()
    drawn = set(chosen)
    corpus = sub_corpus(train, chosen, drawn)
    model = model_of(corpus)
    curve = [{"n": float(len(chosen)), **quality(model, dev, corpus.labels)}]
    for size in sizes(n)[1:]:
        fresh, random = next_of(train, model, corpus, chosen, size - len(chosen), strategy, rng, seed)
        chosen += fresh
        drawn |= set(random)
        corpus = sub_corpus(train, chosen, drawn)
        model = model_of(corpus)
        curve.append({"n": float(size), **quality(model, dev, corpus.labels)})
    say(f"{strategy} {seed}: {curve[0]['f1 strict']:.3f} to {curve[-1]['f1 strict']:.3f}")
    return curve


def sub_corpus(train: Texts, chosen: Sequence[int], drawn: set[int]) -> Corpus:
    """Return what is judged so far; documents that a model picked do not calibrate."""
    rows = np.array(sorted(chosen), np.int64)
    entries = [train.corpus.entries[row] for row in rows.tolist()]
    origins = [REPRESENTATIVE if row in drawn else PICKED for row in rows.tolist()]
    told = tuple(replace(entry, origin=origin) for entry, origin in zip(entries, origins, strict=True))
    terms, counts = keep_terms((train.corpus.terms, joining.rows_of(train.corpus.counts, rows)), RECIPE.least_documents)
    return Corpus(train.corpus.labels, told, terms, counts)


def model_of(corpus: Corpus) -> Model | None:
    """Return the model of the labels that can be learnt from so few judgements; of none there is no model."""
    able = [label for label in corpus.labels if can_learn(corpus, label.id)]
    while able:
        try:
            return training.train(replace(corpus, labels=LabelSet(tuple(able))), replace(RECIPE, folds=5))
        except CorpusError as error:  # all positives in one group
            able = [label for label in able if not str(error).startswith(label.id)][: len(able) - 1]
    return None


def can_learn(corpus: Corpus, label: str) -> bool:
    grades = corpus.grades(label)
    judged = grades[grades != NOT_JUDGED]
    positives = [int((judged >= LEAST_GRADE[definition]).sum()) for definition in DEFINITIONS]
    return all(training.FEWEST_POSITIVES <= n <= len(judged) - training.FEWEST_POSITIVES for n in positives)


def quality(model: Model | None, dev: Texts, labels: LabelSet) -> dict[str, float]:
    """Return macro-F1 and macro average precision; a label that has no model yet is assigned to nothing."""
    found: dict[str, float] = {}
    for definition in DEFINITIONS:
        hits, ranks = [], []
        for label in labels.ids:
            truth = dev.corpus.grades(label) >= LEAST_GRADE[definition]
            if model is None or label not in model.labels.ids:
                hits.append(0.0)
                ranks.append(float(truth.mean()))
                continue
            column = model.column(label, definition)
            target = model.targets[column]
            sure = target.platt(model.score(committees.aligned(dev.corpus, model), [column])[:, 0])
            hits.append(f1(sure >= target.threshold, truth))
            ranks.append(average_precision(sure, truth))
        found[f"f1 {definition}"] = float(np.mean(hits))
        found[f"ap {definition}"] = float(np.mean(ranks))
    return found


def next_of(
    train: Texts, model: Model | None, corpus: Corpus, chosen: Sequence[int], n: int, strategy: str, rng: Any, seed: int
) -> tuple[list[int], list[int]]:
    """Return which documents to judge next, and those of them that were drawn at random."""
    pool = np.setdiff1d(np.arange(len(train.judged)), chosen)
    drawn = active.random_part(n, EXPLORE) if strategy in (OURS, NO_PHRASES) else n if strategy == RANDOM else 0
    random = rng.choice(len(pool), min(drawn, len(pool)), replace=False).tolist()
    urgencies = urgencies_of(train, model, corpus, pool, strategy, seed)
    rows = length_one(joining.rows_of(train.corpus.counts, pool), len(train.corpus.terms))
    rest = n - len(random)
    alike = active.TOO_ALIKE if strategy in (OURS, NO_PHRASES) else 2.0
    picked = active.choose(urgencies, rows, rest, taken=random, alike=alike)[0].tolist() if urgencies.size else []
    left = [place for place in rng.permutation(len(pool)).tolist() if place not in {*random, *picked}]
    filled = left[: rest - len(picked)]  # where nothing is urgent, or all that is left is alike
    places = [*random, *picked, *filled]
    return pool[places].tolist(), pool[[*random, *(filled if strategy == RANDOM else [])]].tolist()


def urgencies_of(train: Texts, model: Model | None, corpus: Corpus, pool: Ints, strategy: str, seed: int) -> Floats:
    if strategy == RANDOM:
        return np.zeros((len(pool), 0))
    documents = [train.judged[place].document for place in pool.tolist()]
    known = model.labels.ids if model else ()
    parts = []
    if model and strategy == MARGIN:
        counts = model.lexicon.count([document.text for document in documents])
        cuts = tuple(committees.cut_of(target) for target in model.targets)
        scores = model.score(counts, list(range(len(model.targets))))
        parts.append(-np.abs(scores - np.array(cuts)))
    elif model:
        parts.append(committees.of_model(model, corpus, known, seed).urgencies(documents))
    if strategy == OURS:
        others = LabelSet(tuple(label for label in corpus.labels if label.id not in known))
        parts.append(Signs.of(others).urgencies(documents))
    return np.hstack(parts) if parts else np.zeros((len(pool), 0))


def length_one(counts: Counts, terms: int) -> sp.csr_matrix:
    matrix = sp.csr_matrix((counts.values, counts.terms, counts.starts), shape=(len(counts), terms))
    return TfidfTransformer(sublinear_tf=True).fit_transform(matrix)


# A rare label


@dataclass(frozen=True, eq=False)
class Replay:
    """A corpus judged for one label, and what its training needs whatever is dropped: features whole and by fold.

    ``dropped`` marks the documents whose judgements can be dropped; ``tests`` are the features of the documents to evaluate
    on and ``truths`` their truth by definition, "real" marks those that are no restatements.
    """

    label: str
    corpus: Corpus
    features: sp.csr_matrix
    unseen: Mapping[int, sp.csr_matrix]
    folds: Ints
    droppable: Bools
    tests: sp.csr_matrix
    truths: Mapping[Definition, Bools]
    real: Bools


def replay_of(gold: Path, set_up: str, label: str) -> Replay:
    whole = corpora.read_corpus(corpora.shipped())
    theirs = np.isin(whole.origins(), (REPRESENTATIVE, RESTATED))
    kept = np.flatnonzero(theirs) if set_up == GOLD else np.arange(len(whole))
    one = LabelSet((whole.labels[label],))
    entries = tuple(only_label(whole.entries[row], label) for row in kept.tolist())
    terms, counts = keep_terms((whole.terms, joining.rows_of(whole.counts, kept)), RECIPE.least_documents)
    corpus = Corpus(one, entries, terms, counts)
    tests = [each for name in ("dev.jsonl", "dev_restated.jsonl") for each in corpora.read_judged(gold / name, whole.labels)]
    matrix = sp.csr_matrix((counts.values, counts.terms, counts.starts), shape=(len(corpus), len(terms)))
    weighting = TfidfTransformer(sublinear_tf=True).fit(matrix)
    folds = training.fold_of(corpus.groups(), RECIPE.folds)
    return Replay(
        label,
        corpus,
        weighting.transform(matrix),
        {fold: training.features_without(matrix, folds == fold, RECIPE) for fold in range(RECIPE.folds)},
        folds,
        theirs[kept] if set_up == REST else np.ones(len(kept), bool),
        weighting.transform(columns_of(tests, terms, whole.labels)),
        {each: np.array([test.entry.grades[label] >= LEAST_GRADE[each] for test in tests]) for each in DEFINITIONS},
        np.arange(len(tests)) < len(corpora.read_judged(gold / "dev.jsonl", whole.labels)),
    )


def only_label(entry: Entry, label: str) -> Entry:
    return replace(entry, grades={name: grade for name, grade in entry.grades.items() if name == label})


def columns_of(tests: Sequence[Judged], terms: Sequence[str], labels: LabelSet) -> sp.csr_matrix:
    """Return counts of ``tests`` with the columns of ``terms``."""
    counted = learn((test.document.text for test in tests), labels.settings, corpora.TITLE_WEIGHT)
    none = joining.rows_of(counted[1], np.zeros(0, np.int64))
    everything, counts = join((tuple(terms), none), counted)
    place = {term: number for number, term in enumerate(everything)}
    matrix = sp.csr_matrix((counts.values, counts.terms, counts.starts), shape=(len(counts), len(everything)))
    return matrix[:, [place[term] for term in terms]]


def rare_label(gold: Path, set_up: str, label: str, seeds: int, jobs: int) -> dict[str, Any]:
    replay = replay_of(gold, set_up, label)
    grades = replay.corpus.grades(label)
    everyone = grades != NOT_JUDGED
    everything = measured(replay, everyone, fits(replay, everyone, np.zeros(0, np.int64)))
    work = [(strategy, seed) for seed in range(seeds) for strategy in (RANDOM, MARGIN, OURS)]
    found = Parallel(n_jobs=jobs)(delayed(one_replay)(replay, strategy, seed) for strategy, seed in work)
    curves = {
        strategy: [curve for (name, _), curve in zip(work, found, strict=True) if name == strategy]
        for strategy in (RANDOM, MARGIN, OURS)
    }
    shown = {definition: f"f1 {definition}" for definition in DEFINITIONS} | {f"{d} ap": f"ap {d}" for d in DEFINITIONS}
    return {
        "documents": len(replay.corpus),
        "judged": {str(grade): int((grades == grade).sum()) for grade in (0, 1, 2)},
        "test_positives": {definition: int(truth.sum()) for definition, truth in replay.truths.items()},
        "full": everything,
        "curves": curves,
        **summary(curves, shown, everything),
    }


def one_replay(replay: Replay, strategy: str, seed: int) -> list[dict[str, float]]:
    """Return the quality after each number of judgements that were given back."""
    rng = np.random.default_rng([seed, 2])
    judged = first_judged(replay, rng)
    pool_size = int((~judged).sum())
    picked: list[int] = []
    curve = []
    back = 0
    while True:
        fitted = fits(replay, judged, np.array(picked, np.int64))
        curve.append({"n": float(back), **measured(replay, judged, fitted)})
        step = min(step_after(back, strategy), pool_size - back)
        if not step or (strategy != RANDOM and back >= 600):
            break
        corpus = as_judged(replay, judged, np.array(picked, np.int64))
        fresh, random = give_back(replay, corpus, fitted, np.flatnonzero(~judged), step, strategy, rng, seed)
        judged[fresh] = True
        picked += [place for place in fresh if place not in random]
        back += step
    say(f"{strategy} {seed}: {curve[0]['f1 strict']:.3f} to {curve[-1]['f1 strict']:.3f}")
    return curve


def step_after(back: int, strategy: str) -> int:
    """Return how many judgements are given back: 20 at a time; random choice, which is slow, is looked at less often."""
    return STEP if strategy != RANDOM or back < 200 else 5 * STEP


def first_judged(replay: Replay, rng: np.random.Generator) -> Bools:
    """Return which documents keep their judgement: a fifth of the groups, and all that cannot be dropped."""
    groups = np.array(replay.corpus.groups())
    names = np.unique(groups[replay.droppable])
    kept = set(rng.choice(names, round(KEPT * len(names)), replace=False).tolist())
    return np.array([group in kept for group in groups.tolist()]) | ~replay.droppable


def measured(replay: Replay, judged: Bools, fitted: Mapping[Definition, Fitted]) -> dict[str, float]:
    """Return the quality of the model of what is judged."""
    found = {"positives": float((replay.corpus.grades(replay.label)[judged] == 2).sum())}
    for definition, each in fitted.items():
        truth = replay.truths[definition]
        sure = each.target.platt(replay.tests @ each.weights + each.intercept)
        assigned = sure >= each.target.threshold
        found[f"f1 {definition}"] = f1(assigned, truth)
        found[f"f1 real {definition}"] = f1(assigned[replay.real], truth[replay.real])
        found[f"ap {definition}"] = average_precision(sure, truth)
    return found


def fits(replay: Replay, judged: Bools, picked: Ints) -> dict[Definition, Fitted]:
    """Return the classifiers of what is judged, as training makes them; documents that were picked do not calibrate."""
    corpus = as_judged(replay, judged, picked)
    return {
        definition: training.fit_target(replay.features, replay.unseen, corpus, definition, replay.label, replay.folds, RECIPE)
        for definition in DEFINITIONS
    }


def as_judged(replay: Replay, judged: Bools, picked: Ints) -> Corpus:
    chosen = set(picked.tolist())
    entries = (
        replace(entry, origin=PICKED if place in chosen else entry.origin, grades=entry.grades if judged[place] else {})
        for place, entry in enumerate(replay.corpus.entries)
    )
    return replace(replay.corpus, entries=tuple(entries))


def give_back(
    replay: Replay,
    corpus: Corpus,
    fitted: Mapping[Definition, Fitted],
    pool: Ints,
    n: int,
    strategy: str,
    rng: np.random.Generator,
    seed: int,
) -> tuple[list[int], list[int]]:
    """Return the documents of ``pool`` whose judgements are given back next, and those of them that were drawn at random."""
    drawn = {RANDOM: n, MARGIN: 0, OURS: active.random_part(n, EXPLORE)}[strategy]
    random = rng.choice(len(pool), drawn, replace=False).tolist()
    urgencies = np.zeros((len(pool), 0))
    if strategy != RANDOM:
        columns = [
            urgency(replay, corpus, (replay.label, definition), each, pool, strategy, seed)
            for definition, each in fitted.items()
        ]
        urgencies = np.column_stack(columns)
    alike = active.TOO_ALIKE if strategy == OURS else 2.0
    fresh = active.choose(urgencies, replay.features[pool], n - drawn, taken=random, alike=alike)[0].tolist()
    left = [place for place in range(len(pool)) if place not in {*random, *fresh}]
    filled = rng.permutation(left)[: n - drawn - len(fresh)].tolist()
    return pool[[*random, *fresh, *filled]].tolist(), pool[random].tolist()


def urgency(
    replay: Replay, corpus: Corpus, criterion: Criterion, fitted: Fitted, pool: Ints, strategy: str, seed: int
) -> Floats:
    cut = committees.cut_of(fitted.target)
    rows = replay.features[pool]
    members = committees.members_of(replay.features, corpus, *criterion, seed) if strategy == OURS else []
    votes = [rows @ weights + intercept for weights, intercept in members or [(fitted.weights, fitted.intercept)]]
    return active.urgency(np.array(votes), cut)


# What it tells


def summary(
    curves: Mapping[str, Sequence[Sequence[Mapping[str, float]]]],
    shown: Mapping[str, str],
    full: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Return for each figure how many judgements the mean curve needs to reach the goal, with intervals over seeds."""
    found: dict[str, Any] = {}
    for name, figure in shown.items():
        goal = GOAL * (full[figure] if full else float(np.mean([curve[-1][figure] for curve in curves[RANDOM]])))
        needed = {strategy: resampled(runs, figure, goal) for strategy, runs in curves.items()}
        ratios = np.array(needed[OURS]) / np.array(needed[RANDOM])
        found[name] = {
            "goal": goal,
            "needed": {strategy: told(values) for strategy, values in needed.items()},
            "ratio": told(ratios.tolist()),
        }
    return {"reached": found}


def resampled(runs: Sequence[Sequence[Mapping[str, float]]], figure: str, goal: float) -> list[float]:
    """Return how many judgements the mean curve needs: first of all runs, then of resamples of them."""
    rng = np.random.default_rng(3)
    picks = [np.arange(len(runs)), *(rng.integers(0, len(runs), len(runs)) for _ in range(DRAWS))]
    numbers = np.array([point["n"] for point in runs[0]])
    values = np.array([[point[figure] for point in run] for run in runs])
    return [crossing(numbers, values[pick].mean(axis=0), goal) for pick in picks]


def crossing(numbers: Floats, values: Floats, goal: float) -> float:
    """Return the first number of judgements with which the goal is reached; infinite if it never is."""
    reached = np.flatnonzero(values >= goal)
    return float(numbers[reached[0]]) if len(reached) else float("inf")


def told(values: Sequence[float]) -> dict[str, float | None]:
    low, high = np.quantile(values[1:], [0.025, 0.975], method="nearest")
    return {
        name: float(each) if np.isfinite(each) else None for name, each in (("value", values[0]), ("low", low), ("high", high))
    }


def as_markdown(record: Mapping[str, Any], label: str) -> str:
    parts = []
    if "all" in record:
        parts.append(f"### All labels: {record['all']['n']} documents to choose from, macro-F1 on dev\n")
        parts += [curve_table(record["all"]["curves"], ("f1 strict", "f1 broad")), reached_table(record["all"]["reached"])]
    for set_up, meaning in SET_UPS.items():
        if set_up in record:
            part = record[set_up]
            full = ", ".join(f"{name} {part['full'][name]:.3f}" for name in ("f1 strict", "f1 broad", "ap strict", "ap broad"))
            graded = ", ".join(f"{n} x {grade}" for grade, n in part["judged"].items())
            parts.append(
                f"### {label}, {set_up}: {meaning}\n\n{part['documents']} documents ({graded}); with all of them {full}\n"
            )
            parts += [curve_table(part["curves"], ("f1 strict", "f1 broad", "ap strict")), reached_table(part["reached"])]
    return "\n".join(parts)


def curve_table(curves: Mapping[str, Sequence[Sequence[Mapping[str, float]]]], figures: Sequence[str]) -> str:
    heads = [f"{strategy}, {figure}" for figure in figures for strategy in curves]
    lines = [f"| judgements | {' | '.join(heads)} |", "|---:|" + "---:|" * len(heads)]
    means = {
        (strategy, figure): {
            point["n"]: float(np.mean([run[place][figure] for run in runs])) for place, point in enumerate(runs[0])
        }
        for strategy, runs in curves.items()
        for figure in figures
    }
    numbers = sorted({n for values in means.values() for n in values})
    for n in numbers:
        cells = [means[strategy, figure].get(n) for figure in figures for strategy in curves]
        if n % 100 == 0 or n < 200 or n == numbers[-1]:
            lines.append(f"| {n:.0f} | " + " | ".join("" if cell is None else f"{cell:.3f}" for cell in cells) + " |")
    return "\n".join([*lines, ""])


def reached_table(reached: Mapping[str, Any]) -> str:
    def shown(values: Mapping[str, float | None], form: str) -> str:
        value, low, high = (("never" if each is None else format(each, form)) for each in values.values())
        return f"{value} [{low}, {high}]"

    strategies = list(next(iter(reached.values()))["needed"])
    lines = [
        f"| {GOAL:.0%} of the full figure | goal | {' | '.join(strategies)} | next : random |",
        "|---|" + "---:|" * (len(strategies) + 2),
    ]
    for name, each in reached.items():
        cells = [shown(each["needed"][strategy], ".0f") for strategy in strategies]
        lines.append(f"| {name} | {each['goal']:.3f} | {' | '.join(cells)} | {shown(each['ratio'], '.2f')} |")
    return "\n".join([*lines, ""])


def charts(record: Mapping[str, Any], label: str, folder: Path) -> None:
    """Draw mean curves with the spread of the seeds."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    for part in ("all", *SET_UPS):
        if part not in record:
            continue
        figure, both = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", sharey=True)
        for axes, definition in zip(both, DEFINITIONS, strict=True):
            for strategy, runs in record[part]["curves"].items():
                numbers = [point["n"] for point in runs[0]]
                values = np.array([[point[f"f1 {definition}"] for point in run] for run in runs])
                (line,) = axes.plot(numbers, values.mean(axis=0), label=strategy)
                axes.fill_between(numbers, *np.quantile(values, [0.1, 0.9], axis=0), alpha=0.15, color=line.get_color())
            axes.axhline(record[part]["reached"][definition]["goal"], linestyle=":", color="grey", label="95 % of all")
            axes.set(title=definition, xlabel="judgements" if part == "all" else "judgements given back")
            axes.grid(alpha=0.3)
        both[0].set_ylabel("macro-F1" if part == "all" else f"F1 of {label}")
        both[0].legend()
        figure.savefig(folder / ("active.png" if part == "all" else f"active-{label}-{part}.png"), dpi=110)
        plt.close(figure)


def made_with(gold: Path) -> dict[str, Any]:
    files = [gold / "train.jsonl", gold / "dev.jsonl", gold / "dev_restated.jsonl", corpora.shipped() / "patents.npz"]
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in ("ipclass", "numpy", "scipy", "scikit-learn")},
        "sha256": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
    }


if __name__ == "__main__":
    main()
