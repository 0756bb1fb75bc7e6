"""A table whose titles, names and texts are an attacker's."""

from __future__ import annotations

from pathlib import Path

from conftest import document, patents, write_csv

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def hostile_table(folder: Path, n: int = 360) -> Path:
    """Write documents of three themes over years, countries and applicants, a third of them hostile."""
    rows = []
    for number, row in enumerate(patents(n)):
        row["abstract"] += f" {document('', number // 3)[1]} {document('', number // 90)[1]}"  # no two texts are alike
        evil = number % 3 == 0
        rows.append(
            row
            | {
                "title": f"{EVIL} {row['title']}" if evil else row["title"],
                "abstract": f'{row["abstract"]} {EVIL} & "so on" \x07\u202eabc' if evil else row["abstract"],
                "year": str(2015 + number % 6),
                "country": (EVIL, "US", "CN;DE", "")[number % 4],
                "applicant": (f"{EVIL} Inc", "=HYPERLINK(1)", "Kite Co., Ltd.", "KITE CO LTD")[number % 4],
            }
        )
    return write_csv(folder / "patents.csv", rows)
