"""A table to practise on: invented patents whose true grades are known, so that estimates can be held against the truth.

The patterns in ``corpora/demo.toml`` were written for it; no model has trained on them. Being composed, the texts are far
more alike than real patents: what comes out of them shows how the program works and not how good it is.
"""

from __future__ import annotations

import csv
import io
import json
import random
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from ipclass.errors import InputError

COLUMNS = ("id", "title", "abstract", "filing_date", "year", "country", "applicant", "cpc", "family")

_TWICE, _TOGETHER, _EMPTY, _FOREIGN = 0.12, 0.04, 0.004, 0.004
"""Parts of the documents that repeat an earlier one of their family, have two applicants, no text, another language."""


@dataclass(frozen=True, slots=True)
class Invented:
    """One invented patent: what a table shows of it, and the grades that only its author knows."""

    fields: Mapping[str, str]
    grades: Mapping[str, int]


def invented(n: int = 4000, seed: int = 0, labels: Sequence[str] = ()) -> tuple[Invented, ...]:
    """Return ``n`` invented patents. Same arguments, same patents.

    ``labels`` are those to grade; one that a pattern does not name has grade 0 there. Without any: those of the patterns.

    Raises:
        InputError: The patterns do not come with this installation.
    """
    known = _patterns()
    chance = random.Random(seed)
    themes: dict[str, list[Mapping[str, Any]]] = {}
    for pattern in known["pattern"]:
        themes.setdefault(pattern["theme"], []).append(pattern)
    labels = labels or sorted({label for pattern in known["pattern"] for label in pattern.get("grades", {})})
    made: list[Invented] = []
    for number in range(n):
        year = chance.randint(known["first"], known["last"])
        country = chance.choices(list(known["countries"]), [each["weight"] for each in known["countries"].values()])[0]
        if made and chance.random() < _TWICE:
            made.append(_relative(chance.choice(made[-500:]), number, country, known, chance))
        else:
            pattern = chance.choice(themes[_theme(known, year, country, chance)])
            made.append(_first(pattern, number, year, country, labels, known, chance))
    return tuple(made)


def shipped() -> Path:
    """Return the file of patterns that comes with the package: in the wheel, or in a checkout of the project."""
    here = Path(__file__).parent
    for path in (here / "corpora" / "demo.toml", here.parent / "corpora" / "demo.toml"):
        if path.is_file():
            return path
    raise InputError("this installation has no patterns for a table to practise on")


def _patterns() -> dict[str, Any]:
    return tomllib.loads(shipped().read_text("utf-8"))


def _theme(known: Mapping[str, Any], year: int, country: str, chance: random.Random) -> str:
    """Return a theme, drawn by the shares that themes have in that year and country."""
    at = (year - known["first"]) / (known["last"] - known["first"])
    shares = {"foreign": _FOREIGN}
    for name, theme in known["themes"].items():
        start, end = theme["share"]
        shares[name] = (start + at * (end - start)) / 100 * theme["more"].get(country, 1.0)
    shares["plain"] = 1 - sum(shares.values())
    return chance.choices(list(shares), list(shares.values()))[0]


def _first(
    pattern: Mapping[str, Any],
    number: int,
    year: int,
    country: str,
    labels: Sequence[str],
    known: Mapping[str, Any],
    chance: random.Random,
) -> Invented:
    empty = chance.random() < _EMPTY
    fields = {
        "title": _worded(pattern["title"], chance),
        "abstract": "" if empty else _worded(pattern["text"], chance),
        "cpc": pattern["cpc"],
        "family": f"F{number:06d}",
        **_filed(number, year, country, known, chance),
    }
    return Invented(
        {name: fields[name] for name in COLUMNS}, {label: pattern.get("grades", {}).get(label, 0) for label in labels}
    )


def _relative(first: Invented, number: int, country: str, known: Mapping[str, Any], chance: random.Random) -> Invented:
    """Return a later member of the family of ``first``: the same text, filed elsewhere."""
    return Invented({**first.fields, **_filed(number, int(first.fields["year"]), country, known, chance)}, first.grades)


def _filed(number: int, year: int, country: str, known: Mapping[str, Any], chance: random.Random) -> dict[str, str]:
    countries = [country]
    if chance.random() < _TOGETHER:
        countries.append(chance.choice([each for each in known["countries"] if each != country]))
    applicants = [chance.choice(chance.choice(known["countries"][each]["applicants"])) for each in countries]
    return {
        "id": f"{country}{year}{number:06d}A1",
        "filing_date": (date(year, 1, 1) + timedelta(days=chance.randrange(365))).isoformat(),
        "year": str(year),
        "country": ";".join(countries),
        "applicant": ";".join(applicants),
    }


def _worded(pattern: str, chance: random.Random) -> str:
    """Return ``pattern`` with one of each ``{a|b|c}``.

    >>> _worded("{One|One} pump", random.Random(0))
    'One pump'
    """
    return re.sub(r"\{([^}]*)\}", lambda found: chance.choice(found[1].split("|")), pattern)


def as_csv(patents: Iterable[Invented]) -> bytes:
    """Return the patents as a table: what an analyst would have, without the grades."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(each.fields for each in patents)
    return text.getvalue().encode()


def as_judged(patents: Iterable[Invented]) -> bytes:
    """Return the patents with their grades as JSON lines, as ``ipclass evaluate`` reads them."""
    lines = (
        {name: each.fields[name] for name in ("id", "title", "abstract", "year")} | {"grades": dict(each.grades)}
        for each in patents
    )
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()


def filled(sheet: Path, judged: Path) -> bytes:
    """Return a CSV sheet with the grades filled in that ``judged`` knows, as a person would who never errs.

    The sheet is one of an audit, whose plan names the label, or has a column for each label to judge.

    Raises:
        InputError: A file cannot be read, or knows nothing of a document of the sheet.
    """
    try:
        grades = {line["id"]: line["grades"] for line in map(json.loads, judged.read_text("utf-8").splitlines())}
        rows = list(csv.DictReader(io.StringIO(sheet.read_text("utf-8-sig"))))
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise InputError(f"{sheet}: is not a CSV sheet, or {judged} holds no grades: {error}") from error
    columns = _label_columns(sheet, rows, {label for row in grades.values() for label in row})
    for row in rows:
        for column, label in columns.items():
            if label not in grades.get(row["id"], {}):
                raise InputError(f"{judged}: has no grade of {row['id']!r} for {label!r}")
            row[column] = str(grades[row["id"]][label])
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode("utf-8-sig")


def _label_columns(sheet: Path, rows: Sequence[Mapping[str, str]], labels: Collection[str]) -> dict[str, str]:
    """Return which columns take grades, and of which labels."""
    names = list(rows[0]) if rows else []
    if "id" in names and "grade" in names:
        plan = sheet.with_suffix(".plan.json")
        try:
            return {"grade": json.loads(plan.read_text("utf-8"))["label"]}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{sheet}: needs {plan.name} beside it, which names the label") from error
    found = {name: name for name in names if name in labels}
    if "id" not in names or not found:
        raise InputError(f"{sheet}: is not a CSV sheet of ipclass audit draw, or of ipclass next")
    return found
