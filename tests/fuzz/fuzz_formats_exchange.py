"""Fuzzes DOCDB, and OPS in XML and JSON. See ``formats_harness``."""

from __future__ import annotations

from formats_harness import fuzz, written

if __name__ == "__main__":
    fuzz(("docdb", "ops"), lambda: written("docdb XML", "ops XML", "ops JSON"))
