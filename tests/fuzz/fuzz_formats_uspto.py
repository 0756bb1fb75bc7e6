"""Fuzzes the XML of the USPTO. See ``formats_harness``."""

from __future__ import annotations

from formats_harness import SPLIT, fuzz, written

if __name__ == "__main__":
    fuzz(("uspto",), lambda: written("uspto XML"), SPLIT)
