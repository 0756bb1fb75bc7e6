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
import io
import json
import random
import re
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "formats"), str(HERE)]

import sources  # the writers of the tests
from speed import aside, machine, say, spend

from ipclass.formats import Input, read, values
from ipclass.formats.unslashed import splits

POOL = ROOT.parent / "shared" / "pool" / "patents.jsonl.gz"
DOCUMENTS = 200_000
CITATIONS = 10
DESCRIPTION = 4_000  # characters; real ones are ten times longer, and are passed over at the speed of a search
FASTEST_WANTED = 5_000
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def pool() -> Iterator[dict[str, Any]]:
    with gzip.open(POOL, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def shuffled_pool() -> list[dict[str, Any]]:
    documents = list(pool())
    random.Random(0).shuffle(documents)
    return documents


def patent_of(document: dict[str, Any], n: int) -> sources.Patent:
    """Return a document of the pool as a grant of the US: its texts and codes, and numbers made for it."""
    codes = tuple(filter(None, map(values.code, document["cpc"])))[:12] or ("G06N3/08", "A63H27/08")
    return sources.Patent(
        *("US", str(20_000_000 + n), "B2", _legal(document["title"]), _legal(document["abstract"])),
        family=str(990_000_000 + n),
        filing="2015-01-05",
        priority="2014-01-06",
        publication="2018-11-13",
        grant="2018-11-13",
        applicants=((values.name(_legal(document["assignee"] or "")) or "Nobody Inc.", "US", "enterprise"),),
        cpc=codes,
        ipc=codes[:3],
    )


def _legal(text: str) -> str:
    """Return ``text`` without the signs that XML cannot hold: control characters and halves of surrogate pairs."""
    return "".join(
        sign for sign in text if sign in "\t\n\r" or " " <= sign < "\ud800" or "\ue000" <= sign <= "\ufffd" or sign > "\uffff"
    )


# -- speed --------------------------------------------------------------------------------------------------------------


def speed() -> dict[str, Any]:
    """Measure the reader alone, and with the model behind it, on one core, on files of two sizes: memory must not grow."""
    runs = []
    with tempfile.TemporaryDirectory(prefix="ipclass-formats-") as folder:
        for size in (DOCUMENTS // 10, DOCUMENTS):
            path = Path(folder) / f"{size}.xml"
            aside(write_weekly, path, size)  # a child's peak memory begins with its parent's
            for what in ("nothing", "read", "tag"):
                wall, cpu, peak = spend([sys.executable, str(HERE / "formats.py"), f"_{what}", str(path)], pinned=True)
                mb = path.stat().st_size / 1e6
                runs.append({"documents": size, "what": what, "wall": wall, "cpu": cpu, "peak_mb": peak, "file_mb": mb})
                say(f"{size:>9,} {what:<8} {wall:7.1f} s, cpu {cpu:7.1f} s, peak {peak:5.0f} MB, file {mb:,.0f} MB")
            path.unlink()
    return {"machine": machine(), "runs": runs}


def write_weekly(path: Path, size: int) -> None:
    documents = islice(cycle(shuffled_pool()), size)
    with path.open("w", encoding="utf-8") as file:
        for n, document in enumerate(documents):
            patent = patent_of(document, n)
            file.write(sources.uspto_document(patent, citations=CITATIONS, description=DESCRIPTION))


def consume(what: str, path: Path) -> None:
    """Read a file, and tag what is in it or not: the process that is measured."""
    from ipclass.model import Model

    model = Model.load()
    model.tag(["A pump\nA pump that pumps water out of a well with little noise and much power"])
    if what == "nothing":
        return
    found = rejected = 0
    for batch in read("uspto", [Input(path.name, lambda: path.open("rb"))]):
        found, rejected = found + batch.frame.height, rejected + len(batch.rejects)
        if what == "tag":
            model.tag(texts_of(batch.frame))
    if found + rejected != int(path.stem) or rejected:
        raise SystemExit(f"{found:,} documents and {rejected:,} rejects of {path.stem}")


def texts_of(frame: Any) -> list[str]:
    return (frame["title"] + "\n" + frame["abstract"]).to_list()


# -- round trip ---------------------------------------------------------------------------------------------------------

ROUND_TRIP = ("lens CSV", "bigquery JSON", "patentsview TSV", "uspto XML", "docdb XML", "incopat XLSX")


def round_trip() -> dict[str, Any]:
    """Tag the pool as it is, and as it comes back from each format: the probabilities must be the same to the last bit."""
    import numpy as np

    from ipclass.model import Model
    from ipclass.records import join_fields

    documents = list(pool())
    patents = [patent_of(document, n) for n, document in enumerate(documents)]
    model = Model.load()
    plain = model.tag([join_fields(document["title"], document["abstract"]) for document in documents])
    found: dict[str, Any] = {"documents": len(documents)}
    for variant in ROUND_TRIP:
        format, began = variant.split()[0], time.process_time()
        inputs = [
            Input(name, lambda content=content: io.BytesIO(content))
            for name, content in sources.WRITERS[variant](patents).items()
        ]
        written, began = time.process_time() - began, time.process_time()
        batches = list(read(format, inputs))
        took = time.process_time() - began
        texts = [text for batch in batches for text in texts_of(batch.frame)]
        rejects = sum(len(batch.rejects) for batch in batches)
        if len(texts) != len(documents):
            raise SystemExit(f"{variant}: {len(texts):,} documents and {rejects:,} rejects of {len(documents):,}")
        tags = model.tag(texts)
        same = (tags.probabilities == plain.probabilities).all(axis=1) & (np.array(tags.unscored) == np.array(plain.unscored))
        other = [documents[row]["id"] for row in np.flatnonzero(~same)]
        found[variant] = {"different": other, "rejects": rejects, "cpu_written": written, "cpu_read": took}
        say(f"{variant:<16} {len(texts):,} back, {len(other)} tagged otherwise, read at {len(texts) / took:,.0f}/s (CPU)")
        for row in np.flatnonzero(~same)[:5]:
            given = join_fields(documents[row]["title"], documents[row]["abstract"])
            say(f"    {documents[row]['id']}: {_first_difference(given, texts[row])}")
    return found


def _first_difference(one: str, other: str) -> str:
    place = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return f"{one[max(0, place - 20) : place + 20]!r} / {other[max(0, place - 20) : place + 20]!r}"


# -- symbols ------------------------------------------------------------------------------------------------------------


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
    if len(sys.argv) == 3 and sys.argv[1].startswith("_"):
        consume(sys.argv[1][1:], Path(sys.argv[2]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "round-trip", "symbols"])
    given = parser.parse_args()
    if given.what == "symbols":
        symbols()
        return
    path = HERE / "results" / "formats.json"
    known = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    known[given.what] = {"speed": speed, "round-trip": round_trip}[given.what]()
    path.write_text(json.dumps(known, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
