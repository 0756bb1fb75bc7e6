"""What the grades of a sheet tell: the sheet is believed only as far as plan, table and model agree with it.

The statistics are those of ``ipclass.audit``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ipclass import audit
from ipclass.audit import Audited, Plan, Provenance
from ipclass.audit_draw import beside
from ipclass.audit_plan import StoredPlan, read_plan
from ipclass.audit_sheet import read_sheet
from ipclass.audit_table import Tagged, Text, Wanted, one_line, read_tagged, short, texts_of
from ipclass.batch import TAGGED_BY
from ipclass.calibration import Ints
from ipclass.errors import InputError, ShareError
from ipclass.labels import Label
from ipclass.model import Model
from ipclass.records import LEAST_GRADE, Definition
from ipclass.scores import Bools
from ipclass.tagged import sha256
from ipclass.writing import guarded

GRADES: Mapping[str, int] = {"0": 0, "1": 1, "2": 2, "no": 0, "yes": 2}


@dataclass(frozen=True)
class Result:
    """What an audit found, with all that says where it comes from.

    ``grades`` counts the judgements of each grade, and ``not_judged`` the rows without one, which are never taken for "no".
    """

    audited: Audited
    label: Label
    definition: Definition
    grades: Mapping[int, int]
    not_judged: int
    unscored: Mapping[str, int]
    plan: StoredPlan
    sheet: Path
    sheet_sha256: str
    plan_sha256: str


def estimate(sheet: Path, model: Model, *, table: str = "", plan: Path | None = None) -> Result:
    """Return the share, and the precision and recall of the tagger, from the grades in a sheet.

    Args:
        sheet: The sheet that ``draw`` wrote, graded; its rows may stand in any order.
        model: The model that tagged the table.
        table: The tagged table, if it stands elsewhere than the plan says.
        plan: The plan, if it does not stand beside the sheet.

    Raises:
        InputError: A file cannot be read, or the sheet has lost, doubled or mixed up rows, or holds an unknown grade.
        ShareError: Table, model or provenance do not fit, or a stratum has no judgement.
    """
    if not sheet.is_file():
        raise InputError(f"{sheet}: {'is a folder, not a file' if sheet.is_dir() else 'no such file'}")
    plan_path = plan or beside(sheet, "plan.json")
    made = read_plan(plan_path)
    if made.model != model.digest:
        theirs, ours = made.model[:TAGGED_BY], model.digest[:TAGGED_BY]
        raise ShareError(f"{plan_path}: was drawn with model {theirs!r}, this is {ours!r}; name it with --model")
    path = table or str(plan_path.parent / made.table)
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; name the tagged table with --table")
    if sha256(path) != made.table_sha256:
        raise ShareError(f"{path}: is not the table that the audit was drawn from, or was changed since (sha256 differs)")
    tagged = read_tagged(path, model, Wanted(made.label, made.definition, columns=made.columns))
    drawn = _places(made, tagged, plan_path)
    grades = _grades(sheet, made.rows, texts_of(tagged, made.rows))
    judged = grades >= 0
    if not judged.any():
        raise ShareError(f"{sheet}: no row has a grade yet: a share of nothing is not 0")
    positive = grades >= LEAST_GRADE[made.definition]
    found = _estimated(drawn, positive, judged, tagged, made.provenance)
    counted = {grade: int((grades == grade).sum()) for grade in (0, 1, 2)}
    digests = sha256(str(sheet)), sha256(str(plan_path))
    return Result(found, tagged.label, made.definition, counted, int((~judged).sum()), tagged.unscored, made, sheet, *digests)


def _estimated(plan: Plan, positive: Bools, judged: Bools, tagged: Tagged, provenance: Provenance) -> Audited:
    if provenance == Provenance.RANDOM:
        tags = tagged.scores >= tagged.calibration.threshold
        return audit.estimate_random(plan, positive, tags, judged=judged, provenance=provenance)
    return audit.estimate(plan, positive, tagged.scores, tagged.calibration, judged=judged, provenance=provenance)


def _places(made: StoredPlan, tagged: Tagged, path: Path) -> Plan:
    """Return the plan with its rows as places among the scored documents."""
    places = np.searchsorted(tagged.rows, made.rows)
    absent = tagged.rows[np.minimum(places, len(tagged.rows) - 1)] != made.rows
    if absent.any():
        raise ShareError(f"{path}: row {made.rows[absent][0]} of the table is no scored document; was the plan changed?")
    return Plan(places.astype(np.int64), made.strata, made.weights, made.sizes)


def _grades(sheet: Path, rows: Ints, texts: Mapping[int, Text]) -> Ints:
    """Return the grade of each row drawn, -1 where there is none, after checking that the sheet holds just these rows."""
    number = {row: no for no, row in enumerate(rows.tolist(), start=1)}
    grades: dict[int, int] = {}
    for line in read_sheet(sheet):
        where = f"{sheet}, row {line.place}"
        no, row = (_number(where, name, line.cells[name]) for name in ("no", "row"))
        if row not in number:
            raise InputError(f"{where}: row {row} of the table was not drawn; was a row changed or added?")
        if row in grades:
            raise InputError(f"{where}: row {row} of the table stands in the sheet twice; leave one of them")
        if no != number[row]:
            raise InputError(f"{where}: no {no} does not belong to row {row} of the table; were columns sorted apart?")
        if not _same(line.cells["id"], texts[row].id):
            raise InputError(f"{where}: id {short(line.cells['id'])} is not {short(texts[row].id)}, which the table has there")
        grades[row] = _grade(where, line.cells["grade"])
    missing = [row for row in number if row not in grades]
    if missing:
        many = f"{len(missing)} of the {len(rows)} rows drawn are missing, first no {number[missing[0]]}"
        raise InputError(f"{sheet}: {many}; put them back, with an empty grade where nobody judged")
    return np.array([grades[row] for row in rows.tolist()], np.int64)


def _number(where: str, name: str, text: str) -> int:
    try:
        number = float(text)
        if number == int(number):
            return int(number)
    except (ValueError, OverflowError):
        pass
    raise InputError(f"{where}: {name} {short(text)} is no number of a row; was a row changed or added?")


def _same(found: str, id: str) -> bool:
    """Say whether an id is the same; spreadsheet programs drop zeros before whole numbers.

    >>> _same("123", "00123"), _same("'-1", "-1"), _same("124", "123")
    (True, True, False)
    """
    found = one_line(found)
    if found in (id, guarded(id)):
        return True
    return found.isdecimal() and id.isdecimal() and found.lstrip("0") == id.lstrip("0")


def _grade(where: str, text: str) -> int:
    plain = unicodedata.normalize("NFKC", text).strip().casefold().removesuffix(".0")
    if not plain:
        return -1
    if plain not in GRADES:
        raise InputError(f"{where}: grade {short(text)} is none of {', '.join(GRADES)}; leave it empty if it was not judged")
    return GRADES[plain]
