"""How long retraining with 500 new judgements takes, and how much memory: the commands a user types, each in its own process.

    python benchmarks/retrain.py [--gold ../shared/gold] [--number 500] [--jobs 1 2] [--json out.json]

The judgements are texts of dev.jsonl, which the shipped corpus does not hold (a benchmark of time: the models are thrown
away). Memory is the sum over a command's processes of what each holds, looked at twenty times a second. CPU seconds tell
more than seconds where other work runs on the machine; the load is printed with them. Needs the extra ``bench``.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from ipclass import Model
from ipclass import corpus as corpora

ROOT = Path(__file__).resolve().parents[1]
MOST_SECONDS, MOST_MEGABYTES = 30, 1500


@dataclass(frozen=True)
class Run:
    """What one command took."""

    command: str
    jobs: int
    seconds: float
    cpu_seconds: float
    megabytes: float
    load: float


def main() -> None:
    options = arguments()
    if not (options.gold / "dev.jsonl").is_file():
        sys.exit(f"{options.gold}: the gold standard is not here (it lies in ../shared, outside the repository)")
    with tempfile.TemporaryDirectory() as folder:
        table = write_table(options.gold, options.number, Path(folder))
        runs = []
        for jobs in options.jobs:
            for command in (["--check"], ["-o", f"{folder}/m"], ["-o", f"{folder}/m", "--against", "shipped"]):
                runs.append(measured(["train", str(table), *command, "-j", str(jobs), "--force"], folder, jobs))
                print(f"{runs[-1]}", file=sys.stderr, flush=True)
    record = {
        "judgements": options.number,
        "runs": [asdict(run) for run in runs],
        "cores": os.cpu_count(),
        "limits": {"seconds": MOST_SECONDS, "megabytes": MOST_MEGABYTES},
    }
    print(as_markdown(runs))
    if options.json:
        options.json.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", "utf-8")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time and memory of retraining.")
    parser.add_argument("--gold", type=Path, default=ROOT.parent / "shared" / "gold", help="the folder of the gold standard")
    parser.add_argument("--number", type=int, default=500, help="new judgements")
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2], help="processes to use")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    return parser.parse_args()


def write_table(gold: Path, number: int, folder: Path) -> Path:
    """Write judged documents as an analyst would have them: a column a label."""
    labels = Model.load().labels
    judged = corpora.read_judged(gold / "dev.jsonl", labels)[:number]
    with (folder / "mine.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "title", "abstract", *labels.ids])
        for each in judged:
            document = each.document
            grades = (each.entry.grades.get(label, "") for label in labels.ids)
            writer.writerow([document.id, document.title, document.abstract, *grades])
    return folder / "mine.csv"


def measured(command: Sequence[str], folder: str, jobs: int) -> Run:
    """Run a command of ipclass and return what it took."""
    started = time.perf_counter()
    before = os.times()
    running = subprocess.Popen(
        [sys.executable, "-c", "from ipclass.cli import main; main()", *command], stderr=subprocess.PIPE, text=True
    )
    peak = 0
    while running.poll() is None:
        peak = max(peak, held(running.pid))
        time.sleep(0.05)
    assert running.stderr
    told = running.stderr.read()
    if running.returncode:
        sys.exit(told)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    shown = " ".join(["ipclass", *command]).replace(f"{folder}/", "")
    seconds = time.perf_counter() - started
    return Run(shown, jobs, round(seconds, 1), round(cpu, 1), round(peak / 1e6), round(os.getloadavg()[0], 1))


def held(pid: int) -> int:
    """Return the bytes that a process and those that it started hold."""
    try:
        parent = psutil.Process(pid)
        return sum(process.memory_info().rss for process in [parent, *parent.children(recursive=True)])
    except psutil.NoSuchProcess:
        return 0


def as_markdown(runs: Sequence[Run]) -> str:
    lines = ["| command | processes | seconds | CPU seconds | peak MB | load |", "|---|---:|---:|---:|---:|---:|"]
    for run in runs:
        figures = f"{run.jobs} | {run.seconds} | {run.cpu_seconds} | {run.megabytes:,.0f} | {run.load}"
        lines.append(f"| `{run.command}` | {figures} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
