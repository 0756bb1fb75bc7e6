"""Speed and memory of ``ipclass classify`` beside the tools a user would pick instead, in one run, on the same texts.

    python benchmarks/speed.py                       # everything: a quarter of an hour on two cores
    python benchmarks/speed.py --sizes 1000 10000 --skip spacy_lr memory
    python benchmarks/speed.py --equality            # only: does the fast path say what the plain one says?

Whole processes are measured: interpreter, imports, model, CSV in, CSV out. The alternatives' models are trained beforehand
(``alternatives.py``). Single-core rows are pinned to core 0, with one thread. Competitors take turns; what takes less than
``SHORT`` seconds is done three times (ipclass more often where its cost a document, or one job and two, are compared), and
the median counts. Where a machine is shared, CPU time is the fairer measure:
both are given. This process itself stays small: a child's peak memory begins with its parent's.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
NAMES = {
    "spacy_lr": "spaCy `nlp.pipe`, lookup lemmas + scikit-learn",
    "spacy_textcat": "spaCy `textcat_multilabel`, bag of words",
    "tfidf_lr": "TF-IDF(1,2) + logistic regression, plain script",
    "fasttext": "fastText `predict`",
    "ipclass": "`ipclass classify`",
}
PARTS = ("single", "flat", "jobs", "memory", "inprocess", "equality")
LARGEST = {"spacy_lr": 100_000, "spacy_textcat": 100_000}  # documents; the rest would take hours
SHORT = 15.0
TURNS = 3
NEW_WORD_EVERY = 3  # documents of a repeated pool; the pool's last 10,000 documents bring 0.44 new words each
FOREIGN = "Ein Ventil öffnet sich, sobald der Druck im Kessel über einen Wert steigt, den der Heizer eingestellt hat."
"""Stands in the table of one document too: start-up is what is loaded once a run, and the languages are loaded at the first
text that may not be English (half a second; the pool has one in 12,000)."""
TARGETS = {"spacy_lr": 10.0, "tfidf_lr": 2.0, "fasttext": 0.6}
HEADLINE = 100_000
PEAK_MB = 700
FLAT = 0.15
SMALL = range(10_000, 100_001)  # documents: sizes whose cost a document is measured nine times more
EFFICIENCY = 0.85


@dataclass(frozen=True)
class Run:
    """One process: what it did and what it took.

    ``peak`` is the largest resident set of any of its processes, in MB; ``load`` the machine's, the last minute's mean.
    """

    name: str
    size: int
    format: str
    jobs: int
    wall: float
    cpu: float
    peak: float
    load: float


# -- texts --------------------------------------------------------------------------------------------------------------


def make_tables(pool: Path, folder: Path, sizes: Sequence[int], formats: Sequence[str]) -> None:
    """Write the tables: CSV of each size, and the largest in ``formats`` too."""
    import polars as pl

    documents = _pool(pool)
    for size in sizes:
        parts = [_repeat(documents, turn, size) for turn in range(-(-size // documents.height))]
        if size == 1:
            parts.append(documents.head(1).with_columns(abstract=pl.lit(FOREIGN)))
        with (folder / f"{size}.csv").open("wb") as file:
            for turn, part in enumerate(parts):
                file.write(part.write_csv(include_header=not turn).encode())
    whole = pl.concat(parts)
    if "jsonl" in formats:
        whole.write_ndjson(folder / f"{size}.jsonl")
    if "parquet" in formats:
        whole.write_parquet(folder / f"{size}.parquet", row_group_size=50_000)
    if "csv.gz" in formats:
        subprocess.run(["gzip", "-1", "-k", f"{size}.csv"], cwd=folder, check=True)


def _pool(path: Path) -> Any:
    """Return the documents of the pool in random order, so that every size is of the same mixture."""
    import gzip

    import polars as pl

    with gzip.open(path, "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    random.Random(0).shuffle(records)
    names = ("id", "title", "abstract", "year")
    return pl.DataFrame({name: [each.get(name) or "" for each in records] for name in names}, dict.fromkeys(names, pl.String))


def _repeat(documents: Any, turn: int, size: int) -> Any:
    """Return the pool once more, cut to ``size`` documents in all; from the second time on with new words."""
    import polars as pl

    part = documents.head(size - turn * documents.height)
    if not turn:
        return part
    places = range(turn * documents.height, turn * documents.height + part.height)
    words = pl.Series([f" {_word(place)}" if place % NEW_WORD_EVERY == 0 else "" for place in places])
    return part.with_columns(pl.col("id") + f"-{turn}", pl.col("abstract") + words)


def _word(number: int) -> str:
    """Return a word of letters that no other number has.

    >>> _word(27)
    'xqbb'
    """
    letters = "xq"
    while number:
        number, digit = divmod(number, 26)
        letters += chr(ord("a") + digit)
    return letters


def aside(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return ``function(*arguments)``, worked out in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


# -- processes ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bench:
    """Where everything is, and what has been measured."""

    folder: Path
    runs: list[Run]
    passes: list[dict[str, Any]]

    def run(self, name: str, size: int, format: str = "csv", jobs: int = 1) -> Run:
        """Tag the table of ``size`` documents in a process of its own."""
        table, target = self.folder / f"{size}.{format}", self.folder / f"out.{format}"
        target.unlink(missing_ok=True)
        wall, cpu, peak = spend(_command(name, self.folder, table, target, jobs), pinned=jobs == 1)
        if not target.is_file():
            raise SystemExit(f"{name}: wrote nothing")
        run = Run(name, size, format, jobs, round(wall, 4), round(cpu, 4), round(peak, 1), round(os.getloadavg()[0], 2))
        self.runs.append(run)
        say(f"{name:<14} {size:>9,} {format:<8} jobs {jobs}: {wall:8.2f} s, cpu {cpu:8.2f} s, {peak:7.0f} MB")
        return run

    def take_turns(self, tasks: Iterable[tuple[str, int, str, int]], turns: int = TURNS, short: float = SHORT) -> None:
        """Run each task ``turns`` times, one after the other; those that take longer than ``short`` once."""
        left = list(tasks)
        for _ in range(turns):
            left = [task for task in left if self.run(*task).wall < short]

    def time_passes(self, name: str, size: int) -> None:
        """Time two passes over texts in memory, in one process."""
        script = ["time", name, self.folder / "models", self.folder / f"{size}.csv", size]
        found = json.loads(
            subprocess.run(_pinned(_alternatives(*script)), env=_environment(), capture_output=True, check=True).stdout
        )
        self.passes.append({"name": name, "size": size, **found})
        say(f"{name:<14} {size:>9,} in process: cold {size / found['cold']:,.0f}/s, warm {size / found['warm']:,.0f}/s")

    def median(self, name: str, size: int, what: str = "wall", format: str = "csv", jobs: int = 1) -> float | None:
        found = [
            getattr(run, what) for run in self.runs if (run.name, run.size, run.format, run.jobs) == (name, size, format, jobs)
        ]
        return statistics.median(found) if found else None

    def sizes(self, name: str) -> list[int]:
        return sorted({run.size for run in self.runs if (run.name, run.format, run.jobs) == (name, "csv", 1)})


def spend(command: Sequence[str], pinned: bool) -> tuple[float, float, float]:
    """Run ``command`` and return its seconds by the clock and of the processor, and its peak memory in MB."""
    with tempfile.TemporaryFile() as errors:
        clock = time.perf_counter()
        process = subprocess.Popen(
            _pinned(command) if pinned else command, env=_environment(), stdout=subprocess.DEVNULL, stderr=errors
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - clock
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            raise SystemExit(f"{' '.join(map(str, command))}\n{errors.read().decode()}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def _command(name: str, folder: Path, table: Path, target: Path, jobs: int) -> list[str]:
    if name != "ipclass":
        return _alternatives("tag", name, folder / "models", table, target)
    start = [sys.executable, "-c", "from ipclass.cli import main; main()", "classify"]
    return [*start, str(table), "-o", str(target), "--jobs", str(jobs), "--quiet"]


def _alternatives(*arguments: Any) -> list[str]:
    return [sys.executable, str(HERE / "alternatives.py"), *map(str, arguments)]


def _pinned(command: Sequence[str]) -> list[str]:
    return ["taskset", "-c", "0", *command] if shutil.which("taskset") else list(command)


def _environment() -> dict[str, str]:
    """Return the environment of a measured process: one thread, this checkout, compiled modules kept as for any user."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1")
    return {**kept, **threads, "PYTHONPATH": str(ROOT)}


# -- what is measured ---------------------------------------------------------------------------------------------------


def measure(bench: Bench, names: Sequence[str], sizes: Sequence[int], parts: Sequence[str]) -> None:
    largest = max(sizes)
    if "single" in parts:
        for size in (1, *sizes):
            bench.take_turns((name, size, "csv", 1) for name in names if size <= LARGEST.get(name, largest))
    if "inprocess" in parts:
        for size in {min(sizes, key=lambda size: abs(size - wanted)) for wanted in (10_000, HEADLINE)}:
            fast = [name for name in names if size <= 10_000 or name not in LARGEST]
            for _ in range(TURNS if size <= 10_000 else 1):
                for name in fast:
                    bench.time_passes(name, size)
    if "ipclass" not in names:
        return
    if "flat" in parts:  # what a document costs beyond start-up is a small difference where there are few
        bench.take_turns([("ipclass", size, "csv", 1) for size in (1, *sizes) if size == 1 or size in SMALL], turns=3 * TURNS)
    if "jobs" in parts:
        for size in (size for size in sizes if size >= HEADLINE or size == largest):
            bench.take_turns([("ipclass", size, "csv", jobs) for jobs in (2, 1)], turns=2 * TURNS, short=60)
    if "memory" in parts:
        for format in ("jsonl", "parquet", "csv.gz"):
            bench.run("ipclass", largest, format)


def equality(pool: Path, wanted: int) -> dict[str, Any]:
    """Compare the fast path with the plain one: spaCy's ``nlp.pipe``, and counts, TF-IDF and sums by hand."""
    sys.path.insert(0, str(ROOT))
    import numpy as np

    from ipclass import Model

    model = Model.load()
    documents = _pool(pool).head(wanted)
    texts = (documents["title"].str.replace_all("\n", " ") + "\n" + documents["abstract"].str.replace_all("\n", " ")).to_list()
    fast = model.tag(texts).probabilities
    plain = np.array(list(_plainly(model, texts)))
    furthest = float(np.abs(fast - plain).max())
    return {"documents": len(texts), "largest_difference": furthest, "equal": furthest <= 1e-6}


def _plainly(model: Any, texts: Sequence[str]) -> Iterator[list[float]]:
    import math
    from collections import Counter

    from ipclass.text import terms_of

    numbers = {term: number for number, term in enumerate(model.lexicon.terms)}
    columns = model.columns("strict")
    for title, abstract in terms_of(texts, model.lexicon.settings):
        counts = Counter(abstract)
        for term, times in Counter(title).items():
            counts[term] += model.lexicon.title_weight * times
        known = {numbers[term]: 1 + math.log(times) for term, times in counts.items() if term in numbers}
        vector = {number: value * model.idf[number] for number, value in known.items()}
        length = math.sqrt(math.fsum(value**2 for value in vector.values())) or 1.0
        logits = [
            model.intercepts[column] + math.fsum(value * model.weights[n, column] for n, value in vector.items()) / length
            for column in columns
        ]
        sure = [model.targets[column].platt for column in columns]
        yield [1 / (1 + math.exp(-(platt.slope * x + platt.offset))) for platt, x in zip(sure, logits, strict=True)]


# -- what is said -------------------------------------------------------------------------------------------------------


def tables(bench: Bench, names: Sequence[str], sizes: Sequence[int]) -> str:
    made = [
        _throughput(bench, names, sizes),
        _at_headline(bench, names, sizes),
        _in_process(bench, names),
        _formats(bench, sizes),
    ]
    return "\n\n".join(filter(None, made))


def _throughput(bench: Bench, names: Sequence[str], sizes: Sequence[int]) -> str:
    rows = []
    for name in names:
        start = bench.median(name, 1)
        if start is None:
            continue
        took = [(size, bench.median(name, size)) for size in sizes]
        rows.append([NAMES[name], f"{start:.2f}", *(f"{size / seconds:,.0f}" if seconds else "" for size, seconds in took)])
    two = [(size, bench.median("ipclass", size, jobs=2)) for size in sizes]
    if any(seconds for _, seconds in two):
        rows.append(
            [f"{NAMES['ipclass']} --jobs 2", "", *(f"{size / seconds:,.0f}" if seconds else "" for size, seconds in two)]
        )
    return _table("Documents/s, whole process, by the clock", ["", "start-up, s", *(f"{size:,}" for size in sizes)], rows)


def _at_headline(bench: Bench, names: Sequence[str], sizes: Sequence[int]) -> str:
    size = _headline(sizes)
    heads = ["", "s", "CPU s", "µs a document after start-up (CPU)", "peak MB", "ipclass is faster by (clock)", "by (CPU)"]
    rows = []
    for name in names:
        if (wall := bench.median(name, size)) is None:
            continue
        cpu, peak = bench.median(name, size, "cpu") or 0.0, bench.median(name, size, "peak") or 0.0
        each = (cpu - (bench.median(name, 1, "cpu") or 0.0)) / size * 1e6
        ratios = [f"{ratio:.2f}" if (ratio := _ratio(bench, name, size, what)) else "" for what in ("wall", "cpu")]
        rows.append([NAMES[name], f"{wall:.2f}", f"{cpu:.2f}", f"{each:.1f}", f"{peak:,.0f}", *ratios])
    return _table(f"{size:,} documents, one core, CSV in, CSV out, model load included", heads, rows)


def _in_process(bench: Bench, names: Sequence[str]) -> str:
    rows = []
    for size in sorted({each["size"] for each in bench.passes}):
        for name in names:
            found = [each for each in bench.passes if (each["name"], each["size"]) == (name, size)]
            speeds = [size / statistics.median(each[f"{turn}_cpu"] for each in found) for turn in ("cold", "warm") if found]
            if found:
                rows.append([f"{size:,}", NAMES[name], *(f"{speed:,.0f}" for speed in speeds)])
    return _table("Documents per CPU second, texts in memory", ["documents", "", "first pass", "second pass"], rows)


def _formats(bench: Bench, sizes: Sequence[int]) -> str:
    rows = []
    for format in ("csv", "jsonl", "parquet", "csv.gz"):
        if wall := bench.median("ipclass", max(sizes), format=format):
            peak = bench.median("ipclass", max(sizes), "peak", format) or 0.0
            rows.append([format, f"{wall:.1f}", f"{max(sizes) / wall:,.0f}", f"{peak:,.0f}"])
    return _table(f"ipclass, {max(sizes):,} documents, one job", ["format", "s", "documents/s", "peak MB"], rows)


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return f"**{title}**\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _headline(sizes: Sequence[int]) -> int:
    return min(sizes, key=lambda size: abs(size - HEADLINE))


def _ratio(bench: Bench, name: str, size: int, what: str = "wall") -> float | None:
    own, theirs = bench.median("ipclass", size, what), bench.median(name, size, what)
    return theirs / own if own and theirs else None


def verdicts(bench: Bench, sizes: Sequence[int], equal: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return what the project promises of speed, what was found, and whether it holds."""
    size, largest = _headline(sizes), max(sizes)
    found: list[dict[str, Any]] = []

    def add(what: str, value: float | None, wanted: str, holds: Callable[[float], bool]) -> None:
        if value is not None:
            found.append({"what": what, "value": value, "wanted": wanted, "holds": holds(value)})

    for name, least in TARGETS.items():
        for kind, what in (("CPU", "cpu"), ("clock", "wall")):
            ratio = _ratio(bench, name, size, what)
            add(f"times as fast as {NAMES[name]}, {size:,} ({kind})", ratio, f">= {least}", lambda x, least=least: x >= least)
    for kind, what in (("CPU", "cpu"), ("clock", "wall")):
        add(
            f"spread of the cost a document, 10^4 to {largest:,} ({kind})",
            _spread(bench, what),
            f"<= {FLAT}",
            lambda x: x <= FLAT,
        )
    for many in (size for size in sizes if size >= size_floor(sizes)):
        one, two = bench.median("ipclass", many), bench.median("ipclass", many, jobs=2)
        add(
            f"efficiency of 2 jobs, {many:,}",
            one / two / 2 if one and two else None,
            f">= {EFFICIENCY}",
            lambda x: x >= EFFICIENCY,
        )
    peaks = [run.peak for run in bench.runs if run.name == "ipclass" and run.size == largest and run.jobs == 1]
    add(f"peak MB, {largest:,}, any format", max(peaks, default=None), f"< {PEAK_MB}", lambda x: x < PEAK_MB)
    if equal:
        what = f"largest difference of a probability from the plain route, {equal['documents']:,}"
        add(what, equal["largest_difference"], "<= 1e-6", lambda x: x <= 1e-6)
    return found


def size_floor(sizes: Sequence[int]) -> int:
    return min(HEADLINE, max(sizes))


def _spread(bench: Bench, what: str) -> float | None:
    """Return by how much the dearest document costs more than the cheapest, over sizes from 10^4 on, start-up aside."""
    start = bench.median("ipclass", 1, what)
    sizes = [size for size in bench.sizes("ipclass") if size >= 10_000]
    if start is None or len(sizes) < 2:
        return None
    costs = [((bench.median("ipclass", size, what) or 0.0) - start) / size for size in sizes]
    return max(costs) / min(costs) - 1


def chart(bench: Bench, names: Sequence[str], path: Path) -> None:
    """Draw documents/s against the number of documents, on logarithmic axes."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    lines = [(name, 1) for name in names] + [("ipclass", 2)]
    for name, jobs in lines:
        sizes = sorted(
            {run.size for run in bench.runs if (run.name, run.format, run.jobs) == (name, "csv", jobs) and run.size > 1}
        )
        speeds = [size / (bench.median(name, size, jobs=jobs) or 1.0) for size in sizes]
        if sizes:
            label = NAMES[name].replace("`", "") + (" --jobs 2" if jobs > 1 else "")
            own = name == "ipclass"
            axes.plot(
                sizes,
                speeds,
                "o-" if jobs == 1 else "s--",
                label=label,
                linewidth=2.2 if own else 1.2,
                color="black" if own else None,
            )
    axes.set(xscale="log", yscale="log", xlabel="documents", ylabel="documents/s, whole process, CSV in, CSV out")
    axes.set_title("One core where nothing else is said; model load included", loc="left", fontsize=10)
    axes.grid(True, which="major", alpha=0.3)
    axes.legend(fontsize=8, frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)


def machine() -> dict[str, Any]:
    info = Path("/proc/cpuinfo")
    models = (
        [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        if info.is_file()
        else []
    )
    return {"cpu": models[0] if models else "", "cores": os.cpu_count(), "load": [round(each, 2) for each in os.getloadavg()]}


def versions() -> dict[str, str]:
    import hashlib
    import platform
    from importlib.metadata import PackageNotFoundError, version

    known = {"python": platform.python_version()}
    for name in ("spacy", "spacy-lookups-data", "scikit-learn", "fasttext-numpy2", "numpy", "polars", "joblib"):
        try:
            known[name] = version(name)
        except PackageNotFoundError:
            known[name] = "not installed"
    sources = b"".join(path.read_bytes() for path in sorted((ROOT / "ipclass").rglob("*.py")))
    manifest = json.loads((ROOT / "models" / "frontier" / "manifest.json").read_text("utf-8"))
    return {**known, "ipclass sources, sha256": hashlib.sha256(sources).hexdigest()[:16], "model": manifest["digest"][:12]}


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = ROOT.parent / "shared"
    parser.add_argument(
        "--pool", type=Path, default=shared / "pool" / "patents.jsonl.gz", help="real patents, JSON lines, gzipped"
    )
    parser.add_argument(
        "--gold", type=Path, default=shared / "gold" / "train.jsonl", help="judged patents, to train the alternatives"
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--out", type=Path, default=HERE / "results" / "speed.json")
    parser.add_argument("--chart", type=Path, default=HERE / "results" / "speed.png")
    parser.add_argument("--skip", nargs="+", default=[], choices=[*NAMES, *PARTS], help="competitors and parts to leave out")
    parser.add_argument("--equality", action="store_true", help="only compare the fast path with the plain one")
    parser.add_argument("--texts", type=int, default=20_000, help="texts to compare")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    if given.equality:
        found = equality(given.pool, given.texts)
        print(f"{found['documents']:,} texts: largest difference of a probability {found['largest_difference']:.1e}")
        raise SystemExit(0 if found["equal"] else 1)
    parts = [part for part in PARTS if part not in given.skip]
    names = [name for name in NAMES if name not in given.skip]
    sizes = sorted(set(given.sizes))
    began, before = time.perf_counter(), machine()
    with tempfile.TemporaryDirectory(prefix="ipclass-speed-") as folder:
        bench = Bench(Path(folder), [], [])
        say("making the tables, training the alternatives")
        aside(make_tables, given.pool, bench.folder, (1, *sizes), ("jsonl", "parquet", "csv.gz") if "memory" in parts else ())
        others = [name for name in names if name != "ipclass"]
        if others:
            subprocess.run(_alternatives("train", bench.folder / "models", given.gold, *others), env=_environment(), check=True)
        measure(bench, names, sizes, parts)
    equal = aside(equality, given.pool, given.texts) if "equality" in parts else None
    judged = verdicts(bench, sizes, equal)
    print(tables(bench, names, sizes), "\n")
    rows = [[each["what"], f"{each['value']:.3g}", each["wanted"], "yes" if each["holds"] else "**no**"] for each in judged]
    print(_table("What it must show", ["", "found", "wanted", "holds"], rows))
    record = {
        "machine": {**before, "load_after": machine()["load"], "seconds": round(time.perf_counter() - began)},
        "versions": versions(),
        "equality": equal,
        "verdicts": judged,
        "runs": [asdict(run) for run in bench.runs],
        "in_process": bench.passes,
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    chart(bench, names, given.chart)


if __name__ == "__main__":
    main()
