"""Fuzzes the tables of PatentsView and PATSTAT. See ``formats_harness``."""

from __future__ import annotations

from formats_harness import SPLIT, fuzz, written

if __name__ == "__main__":
    fuzz(("patentsview", "patstat"), lambda: written("patentsview TSV", "patstat CSV"), SPLIT)
