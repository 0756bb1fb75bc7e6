"""Reading exports: how fast and in how much memory, and whether every format gives the same tags for the same texts.

    python benchmarks/formats.py speed                # 200,000 documents as USPTO XML: the reader alone, then with tagging
    python benchmarks/formats.py round-trip           # the pool written in five formats and read back
    python benchmarks/formats.py symbols              # makes ipclass/formats/symbols.txt anew from the codes in the pool

Texts come from the pool of real abstracts beside the repository; what is written lies in a temporary folder.
"""

from __future__ import annotations

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1"))

import argparse
import gzip
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

from ipclass.formats import values
from ipclass.formats.unslashed import splits

POOL = ROOT.parent / "shared" / "pool" / "patents.jsonl.gz"


def pool() -> Iterator[dict[str, Any]]:
    with gzip.open(POOL, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def symbols() -> None:
    """Write the main groups of each subclass, and those symbols that without their slash could be read in several ways."""
    known: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for document in pool():
        for code in map(values.code, (*document["cpc"], *document["ipc"])):
            group, slash, subgroup = code[4:].partition("/")
            if slash:
                known[code[:4]][group].add(subgroup)
    lines = []
    for subclass, groups in sorted(known.items()):
        doubtful = [
            f"{group}/{subgroup}"
            for group in sorted(groups, key=int)
            for subgroup in sorted(groups[group])
            if sum((group + subgroup)[:n] in groups for n in splits(group + subgroup)) > 1
        ]
        lines.append(f"{subclass} {' '.join(sorted(groups, key=int))} | {' '.join(doubtful)}".strip())
    path = ROOT / "ipclass" / "formats" / "symbols.txt"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{path}: {len(lines)} subclasses, {sum(map(len, known.values())):,} main groups, {path.stat().st_size >> 10} KB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "round-trip", "symbols"])
    given = parser.parse_args()
    {"symbols": symbols}[given.what]()


if __name__ == "__main__":
    main()
