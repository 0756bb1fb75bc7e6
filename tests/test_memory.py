"""Memory does not grow with a table, not even with one that whoever wrote it packed as a whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from conftest import environment

ROWS = 300_000
MEGABYTES = 700
"""A run with all rows at once takes 1,250, one with a tenth of them 260."""

# ru_maxrss counts what the parent has used before, too
CLASSIFY = """
import pathlib, sys
from ipclass.cli import main
try:
    main()
finally:
    peak = pathlib.Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
    print("peak:", int(peak) >> 10, file=sys.stderr)
"""


def varied(sentence: int) -> pl.Expr:
    """Return a sentence that is another in each row and for each number."""

    def word(salt: int, words: str) -> pl.Expr:
        known = pl.Series(words.split())
        return pl.lit(known).gather((pl.col("row").hash(10 * sentence + salt) % len(known)).cast(pl.UInt32))

    noun, verb = "kite loom ladle valve hinge spool gear", "holds turns lifts guides joins cools seals"
    numbers = [pl.col("row").hash(10 * sentence + salt) % most for salt, most in ((8, 1000), (9, 90))]
    words = (word(1, noun), numbers[0], word(2, verb), word(3, noun), numbers[1])
    return pl.format("The {} of part {} {} the {} while the machine runs under the load of {} others. ", *words)


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="only Linux tells the most memory of a process alone")
def test_a_parquet_file_of_one_huge_row_group_is_tagged_in_little_memory(tmp_path: Path, tiny_model: str) -> None:
    table, target = tmp_path / "in.parquet", tmp_path / "out.parquet"
    abstract = pl.concat_str(varied(number) for number in range(11))
    frame = pl.select(row=pl.int_range(ROWS)).select(id="row", title=pl.format("Machine {}", "row"), abstract=abstract)
    assert frame["abstract"].str.len_bytes().mean() > 900  # type: ignore[operator]
    frame.write_parquet(table, row_group_size=ROWS)
    del frame
    command = [sys.executable, "-c", CLASSIFY, "classify", table, "-o", target, "-m", tiny_model]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=300, check=True)
    told, peak = done.stderr.rsplit("peak:", 1)
    assert told.startswith(f"{ROWS:,} documents: ")
    assert pl.scan_parquet(target).select(pl.len()).collect().item() == ROWS
    assert int(peak) < MEGABYTES
