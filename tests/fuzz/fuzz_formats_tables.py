"""Fuzzes the exports that are one table, as text. See ``formats_harness``."""

from __future__ import annotations

from formats_harness import fuzz, written

FORMATS = ("lens", "google", "espacenet", "patentscope", "derwent", "incopat", "patsnap", "cnipa")


def seeds() -> dict[str, list[bytes]]:
    found = written("lens CSV", "google CSV", "espacenet CSV", "patentscope CSV", "derwent TXT", "cnipa CSV")
    from sources import INVENTED, incopat_csv, table  # found by what written() did

    found["incopat"] = list(incopat_csv(INVENTED).values())
    found["patsnap"] = [table([["公开(公告)号", "[标]当前申请(专利权)人", "摘要"], ["XX1A", "甲 | 乙", "A kite."]]).encode()]
    return found


if __name__ == "__main__":
    fuzz(FORMATS, seeds)
