"""Fuzzes the JSON of Lens, BigQuery and HUPD. See ``formats_harness``."""

from __future__ import annotations

from formats_harness import SPLIT, fuzz, written

if __name__ == "__main__":
    fuzz(("lens", "bigquery", "hupd"), lambda: written("lens JSON", "bigquery JSON", "hupd JSON"), SPLIT)
