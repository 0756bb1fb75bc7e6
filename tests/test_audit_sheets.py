"""What a sheet promises: blind, checked row by row, and the same share as the library's own estimator."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import polars as pl
import pytest
from conftest import document, patents, write_csv, write_jsonl

from ipclass import audit, audit_draw, audit_estimate, audit_table, audit_words, batch, files, writing
from ipclass.audit_sheet import COLUMNS
from ipclass.audit_table import Wanted
from ipclass.calibration import Calibration
from ipclass.errors import InputError, IpclassError, LabelError, OutputError, ShareError
from ipclass.model import Model
from ipclass.records import Definition
from ipclass.scores import Platt
from ipclass.tagged import sha256

KITES = Wanted("kites", n=60)
GERMAN = "Der Drachen besitzt eine Waage und einen Schwanz aus Stoff und fliegt bei böigem Wind ruhig an der Leine."
Rows = list[dict[str, str]]
Change = Callable[[Rows], Rows]


def population(n: int = 400) -> Rows:
    """Return documents of which some are on kites, some mention them among others, and a few cannot be tagged."""
    rng = random.Random(7)
    rows = []
    for number in range(n):
        themes = rng.choices(["kites", "looms", ""], [1, 2, 6], k=rng.choice([1, 1, 2, 3]))
        texts = [document(theme, rng.randrange(50)) for theme in themes]
        rows.append({"id": f"P{number:04d}", "title": texts[0][0], "abstract": " ".join(text[1] for text in texts)})
    rows[3]["title"], rows[4]["title"], rows[5]["id"] = '=HYPERLINK("http://x","kite")', "-kite,\nwith a \x07 tail", "@7"
    rows[6]["id"] = "00042"
    rows[7]["id"] = ""
    unscored = ["", GERMAN, "Kite."]
    for place, text in zip((0, 50, 399), unscored, strict=True):
        rows[place] = {"id": f"U{place}", "title": "", "abstract": text}
    return rows


TRUTH = {row["id"]: (2 if "Kite" in row["title"] else 1 if "kite" in row["abstract"] else 0) for row in population()}


def tag(table: Path, target: Path, model: str, definition: Definition = "strict", prefix: str = "") -> Path:
    source = files.Source(str(table))
    job = batch.Job(source.layout, model, definition, 0, files.format_of(str(target)), prefix)
    batch.run(source, str(target), job)
    return target


@pytest.fixture(scope="module")
def model(tiny_model: str) -> Model:
    return Model.load(tiny_model)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, tiny_model: str) -> Path:
    folder = tmp_path_factory.mktemp("tagged")
    return tag(write_csv(folder / "in.csv", population()), folder / "tagged.csv", tiny_model)


@pytest.fixture
def tagged(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(original, tmp_path / "tagged.csv"))


@pytest.fixture
def sheet(tagged: Path, tmp_path: Path, model: Model) -> Path:
    """A sheet drawn, not judged."""
    return audit_draw.draw(str(tagged), tmp_path / "sheet.csv", model, KITES).sheet


def read(sheet: Path) -> Rows:
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def rewrite(sheet: Path, rows: Rows) -> None:
    write_csv(sheet, rows)


def truth_of(row: Mapping[str, str]) -> str:
    return str(TRUTH.get(row["id"].removeprefix("'"), 0))


def judge(sheet: Path, change: Change = lambda rows: rows) -> Path:
    rewrite(sheet, change([{**row, "grade": truth_of(row)} for row in read(sheet)]))
    return sheet


def scored(tagged: Path, model: Model, definition: Definition = "strict") -> tuple[pl.DataFrame, Any, Calibration]:
    """Return the documents that were tagged, their scores and the calibration: an independent way to the same."""
    frame = pl.read_csv(tagged, infer_schema_length=None).with_row_index("row", offset=1)
    frame = frame.filter(pl.col("kites_probability").is_not_null())
    calibration = model.targets[model.column("kites", definition)].calibration
    return frame, calibration.scores_of(frame["kites_probability"].to_numpy()), calibration


def directly(tagged: Path, model: Model, wanted: Wanted = KITES, least: int = 2, **options: Any) -> audit.Audited:
    frame, scores, calibration = scored(tagged, model, "strict" if least == 2 else "broad")
    plan = audit.plan(scores, calibration, wanted.n or 300, wanted.bulk, wanted.seed)
    grades = np.array([TRUTH.get(id or "", 0) for id in frame["id"].to_list()])[plan.rows]
    return audit.estimate(plan, grades >= least, scores, calibration, **options)


def figures(found: audit.Audited | audit_estimate.Result) -> str:
    """Return every digit; nan equals nan."""
    return repr(found.audited if isinstance(found, audit_estimate.Result) else found)


def one_line(error: pytest.ExceptionInfo[IpclassError]) -> str:
    said = str(error.value)
    assert "\n" not in said
    assert len(said) < 500
    return said


# Drawing


def test_the_sheet_is_blind(sheet: Path, tagged: Path) -> None:
    content = sheet.read_text("utf-8-sig")
    rows = read(sheet)
    assert list(rows[0]) == list(COLUMNS) == ["no", "row", "id", "title", "abstract", "grade", "remark"]
    assert all(row["grade"] == row["remark"] == "" for row in rows)
    assert [row["no"] for row in rows] == [str(no) for no in range(1, 61)]
    table = population()
    for row in rows:
        shown = table[int(row["row"]) - 1]
        plain = " ".join(shown["abstract"].split())
        assert row["abstract"] == plain
        assert row["id"].removeprefix("'") == shown["id"] or row["id"].startswith("text-")
    for secret in ("probability", "stratum", "weight", "tagged", "strict", "0.0"):
        assert secret not in content
    sure = pl.read_csv(tagged, infer_schema_length=None)["kites_probability"].to_list()
    seen = [sure[int(row["row"]) - 1] for row in rows]
    assert abs(np.corrcoef(np.arange(60), seen)[0, 1]) < 0.3
    numbers = [int(row["row"]) for row in rows]
    assert numbers != sorted(numbers)


def test_the_plan_says_all_that_the_estimate_needs(sheet: Path, tagged: Path, model: Model) -> None:
    plan = json.loads((sheet.parent / "sheet.plan.json").read_text("utf-8"))
    frame, scores, calibration = scored(tagged, model)
    drawn = audit.plan(scores, calibration, 60)
    assert plan["rows"] == [frame["row"][place] for place in drawn.rows.tolist()]
    assert plan["rows"] == [int(row["row"]) for row in read(sheet)]
    assert plan["strata"] == drawn.stratum.tolist()
    assert plan["weights"] == drawn.weight.tolist()
    assert plan["sizes"] == drawn.sizes.tolist()
    assert plan["provenance"] == "stratified_audit"
    assert (plan["definition"], plan["label"], plan["seed"]) == ("strict", "kites", 0)
    assert plan["model"] == model.digest
    assert plan["table_sha256"] == sha256(str(tagged))
    assert plan["unscored"] == {"empty": 1, "language: de": 1, "too short": 1}
    assert plan["made_by"].startswith("ipclass ")


def test_the_guideline_holds_definitions_and_examples(sheet: Path) -> None:
    guideline = (sheet.parent / "sheet.guideline.md").read_text("utf-8")
    for part in ("The contribution is about kites.", "Adds what merely mentions kites.", "One of the kites", "A soup"):
        assert part in guideline


def test_what_could_not_be_tagged_is_never_drawn_but_told(tagged: Path, tmp_path: Path, model: Model) -> None:
    drawn = audit_draw.draw(str(tagged), tmp_path / "all.csv", model, Wanted("kites", n=1000))
    assert (drawn.judgements, drawn.documents) == (397, 397)
    assert drawn.unscored == {"empty": 1, "language: de": 1, "too short": 1}
    assert not {"1", "51", "400"} & {row["row"] for row in read(tmp_path / "all.csv")}
    assert "unscored documents, which cannot be drawn: 3 (empty 1, language: de 1, too short 1)" in audit_words.drawn_as_text(
        drawn
    )


def test_equal_seeds_draw_equal_sheets(tagged: Path, tmp_path: Path, model: Model) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        audit_draw.draw(str(tagged), tmp_path / f"{name}.csv", model, replace(KITES, seed=seed))
    a, b, c = ((tmp_path / f"{name}.csv").read_bytes() for name in "abc")
    assert a == b != c


def test_no_cell_is_a_formula(tagged: Path, tmp_path: Path, model: Model) -> None:
    audit_draw.draw(str(tagged), tmp_path / "all.csv", model, Wanted("kites", n=397))
    rows = {row["row"]: row for row in read(tmp_path / "all.csv")}
    assert rows["4"]["title"] == '\'=HYPERLINK("http://x","kite")'
    assert rows["5"]["title"] == "'-kite, with a   tail"
    assert rows["6"]["id"] == "'@7"
    assert rows["8"]["id"].startswith("text-")
    assert not any(cell.startswith(writing.FORMULA) for row in rows.values() for cell in row.values())


@pytest.mark.parametrize("ending", ["tsv", "parquet", "csv.gz", "jsonl"])
def test_every_format_of_classify_gives_the_same_plan(tmp_path: Path, tiny_model: str, model: Model, ending: str) -> None:
    table = write_csv(tmp_path / "in.csv", population())
    found = []
    for name in ("csv", ending):
        path = tag(table, tmp_path / f"t.{name}", tiny_model)
        if name == "jsonl":
            records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
            write_jsonl(path, [{**record, "tagged_by": batch.tagged_by(model, "strict")} for record in records])
        audit_draw.draw(str(path), tmp_path / f"{name}-sheet.csv", model, KITES)
        found.append((tmp_path / f"{name}-sheet.csv").read_bytes())
        assert audit_estimate.estimate(judge(tmp_path / f"{name}-sheet.csv"), model).audited.checked == 60
    assert found[0] == found[1]


@pytest.mark.parametrize("size", [300, 2000])
def test_a_table_of_many_blocks_is_drawn_alike(
    tagged: Path, tmp_path: Path, model: Model, sheet: Path, cut: Callable[[int], None], size: int
) -> None:
    cut(size)
    audit_draw.draw(str(tagged), tmp_path / "blocks.csv", model, KITES)
    assert (tmp_path / "blocks.csv").read_bytes() == sheet.read_bytes()


def test_prefixed_columns_and_unusual_names_are_found(tmp_path: Path, tiny_model: str, model: Model) -> None:
    rows = [{"key": row["id"], "name": row["title"], "text": row["abstract"]} for row in population()]
    source = files.Source(str(write_csv(tmp_path / "in.csv", rows)), columns={"title": "name", "abstract": "text"})
    batch.run(source, str(tmp_path / "t.csv"), batch.Job(source.layout, tiny_model, "strict", 0, "csv", "my_"))
    columns = {"title": "name", "abstract": "text", "id": "key"}
    audit_draw.draw(str(tmp_path / "t.csv"), tmp_path / "s.csv", model, replace(KITES, columns=columns))
    assert audit_estimate.estimate(judge(tmp_path / "s.csv"), model).audited.checked == 60


def test_the_width_says_how_many(tagged: Path, tmp_path: Path, model: Model) -> None:
    _, scores, calibration = scored(tagged, model)
    n = audit.audit_size(scores, calibration, 0.5)
    assert audit_draw.size(str(tagged), model, KITES, 0.5) == (n, 397)
    drawn = audit_draw.draw(str(tagged), tmp_path / "s.csv", model, Wanted("kites", width=0.5))
    assert drawn.judgements == n
    with pytest.raises(ShareError, match="not both") as error:
        audit_draw.draw(str(tagged), tmp_path / "t.csv", model, Wanted("kites", n=60, width=0.5))
    one_line(error)


# Tables that do not fit


def edited(tagged: Path, change: Callable[[Rows], Any]) -> Path:
    rows = read(tagged)
    change(rows)
    return write_csv(tagged, rows)


def set_cell(row: int, column: str, value: str) -> Callable[[Rows], Any]:
    return lambda rows: rows[row].update({column: value})


def drop(*columns: str) -> Callable[[Rows], Any]:
    return lambda rows: [row.pop(column) for row in rows for column in columns]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (drop("tagged_by"), r"tagged\.csv: is not tagged \(no column 'tagged_by'\); run ipclass classify first"),
        (drop("kites_probability"), "is not tagged for 'kites'.*run ipclass classify again"),
        (drop("kites"), "no column 'kites'"),
        (set_cell(6, "tagged_by", "strict:000000000000"), "row 7: tagged_by is 'strict:000000000000', in other rows"),
        (set_cell(6, "tagged_by", ""), "row 7: tagged_by is ''"),
        (set_cell(0, "tagged_by", "x"), "row 1: tagged_by 'x' names no definition and model"),
        (set_cell(0, "tagged_by", "strict:000000000000"), "was tagged by model '000000000000'"),
        (set_cell(6, "kites_probability", ""), "row 7: the probability is missing"),
        (set_cell(6, "kites_probability", "much"), "row 7: the probability is missing or no number"),
        (set_cell(6, "kites_probability", "nan"), "row 7: the probability is missing or no number"),
        (set_cell(6, "kites_probability", "1.5"), "row 7: the probability is missing or no number"),
        (set_cell(6, "kites", "{2}"), "row 7: the tag is missing or neither 0 nor 1"),
        (lambda rows: rows[6].update(kites="1", kites_probability="0.001"), "row 7: tag 1 at probability 0.001"),
        (lambda rows: rows[6].update(kites="0", kites_probability="0.999"), "row 7: tag 0 at probability 0.999"),
    ],
)
def test_a_table_that_was_not_left_as_tagged_is_refused(
    tagged: Path, tmp_path: Path, model: Model, change: Callable[[Rows], Any], said: str
) -> None:
    edited(tagged, change)
    with pytest.raises(InputError, match=said) as error:
        audit_draw.draw(str(tagged), tmp_path / "s.csv", model, KITES)
    one_line(error)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tagged.csv"]


def test_other_models_labels_and_definitions_are_refused(tagged: Path, tmp_path: Path, model: Model) -> None:
    other = replace(model, intercepts=model.intercepts + 1)
    for loaded, wanted, kind, said in (
        (other, KITES, InputError, "was tagged by model .* name it with --model"),
        (model, Wanted("kits"), LabelError, "did you mean 'kites'"),
        (model, replace(KITES, definition="broad"), InputError, "definition strict, not broad; run .* -d broad"),
        (model, replace(KITES, definition="brod"), LabelError, "did you mean 'broad'"),
        (model, replace(KITES, n=5), ShareError, "at least 20"),
        (model, replace(KITES, bulk=1.0), ShareError, "bulk"),
    ):
        with pytest.raises(kind, match=said) as error:
            audit_draw.draw(str(tagged), tmp_path / "s.csv", loaded, wanted)
        one_line(error)


def test_untagged_and_empty_tables_are_refused(tmp_path: Path, model: Model, tiny_model: str, tagged: Path) -> None:
    plain = write_csv(tmp_path / "plain.csv", patents(30))
    lines = tag(plain, tmp_path / "lines.jsonl", tiny_model)
    records = [json.loads(line) for line in lines.read_text("utf-8").splitlines()]
    write_jsonl(lines, [{name: value for name, value in record.items() if name != "tagged_by"} for record in records])
    empty = tmp_path / "empty.csv"
    empty.write_text(tagged.read_text("utf-8").partition("\n")[0] + "\n", "utf-8")
    for path, kind, said in (
        (plain, InputError, "run ipclass classify first"),
        (lines, InputError, "says not which model tagged it"),
        (empty, ShareError, "no documents"),
        (tmp_path / "none.csv", InputError, "no such file"),
        (tmp_path, InputError, "is a folder"),
        (Path("-"), InputError, "name a file"),
    ):
        with pytest.raises(kind, match=said) as error:
            audit_draw.draw(str(path), tmp_path / "s.csv", model, KITES)
        one_line(error)


# Writing


@pytest.mark.parametrize("there", ["s.csv", "s.plan.json", "s.guideline.md"])
def test_nothing_is_overwritten_unless_forced(tagged: Path, tmp_path: Path, model: Model, there: str) -> None:
    (tmp_path / there).write_text("mine", "utf-8")
    with pytest.raises(OutputError, match=f"{there}: exists; --force replaces it") as error:
        audit_draw.draw(str(tagged), tmp_path / "s.csv", model, KITES)
    one_line(error)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["tagged.csv", there])
    assert (tmp_path / there).read_text("utf-8") == "mine"
    audit_draw.draw(str(tagged), tmp_path / "s.csv", model, KITES, force=True)
    assert (tmp_path / there).read_text("utf-8") != "mine"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("s.ods", r"\.csv or \.xlsx, not \.ods"),
        ("s", "without an ending"),
        ("none/s.csv", "its folder does not exist"),
    ],
)
def test_sheets_that_cannot_be_written_are_refused(tagged: Path, tmp_path: Path, model: Model, name: str, said: str) -> None:
    with pytest.raises(OutputError, match=said) as error:
        audit_draw.draw(str(tagged), tmp_path / name, model, KITES)
    one_line(error)


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bytes = Path.write_bytes

    def failing(path: Path, content: bytes) -> int:
        if "b.txt" in path.name:
            raise OSError(28, "No space left on device")
        return write_bytes(path, content)

    monkeypatch.setattr(Path, "write_bytes", failing)
    with pytest.raises(OutputError, match=r"b\.txt: cannot be written: No space left") as error:
        writing.write({tmp_path / "a.txt": b"a", tmp_path / "b.txt": b"b"}, force=False)
    one_line(error)
    assert not list(tmp_path.iterdir())


# Estimating


def test_the_round_trip_is_the_estimator_called_directly(sheet: Path, tagged: Path, model: Model) -> None:
    result = audit_estimate.estimate(judge(sheet), model)
    assert figures(result) == figures(directly(tagged, model))
    assert result.not_judged == 0
    assert sum(result.grades.values()) == 60
    share = result.audited.share
    truth = np.mean([grade == 2 for grade in TRUTH.values()])
    assert abs(share.share - truth) < 4 * result.audited.error  # one audit of 60 may miss its interval
    tags = [row["kites"] for row in read(tagged) if row["kites"]]
    assert share.naive == pytest.approx(tags.count("1") / len(tags))


def test_a_broad_audit_counts_grade_1_too(tmp_path: Path, tiny_model: str, model: Model) -> None:
    table = tag(write_csv(tmp_path / "in.csv", population()), tmp_path / "t.csv", tiny_model, "broad")
    audit_draw.draw(str(table), tmp_path / "s.csv", model, KITES)
    result = audit_estimate.estimate(judge(tmp_path / "s.csv"), model)
    assert result.definition == "broad"
    assert figures(result) == figures(directly(table, model, least=1))
    assert result.audited.share.share > directly(table, model, least=2).share.share


def test_the_rows_of_the_sheet_may_stand_in_any_order(sheet: Path, model: Model) -> None:
    found = figures(audit_estimate.estimate(judge(sheet), model))
    for key in ("id", "abstract", "grade"):
        rewrite(sheet, sorted(read(sheet), key=lambda row, key=key: row[key], reverse=True))  # type: ignore[misc]
        assert figures(audit_estimate.estimate(sheet, model)) == found


def test_what_a_spreadsheet_program_makes_of_the_file_is_read(sheet: Path, model: Model) -> None:
    found = figures(audit_estimate.estimate(judge(sheet), model))
    rows = read(sheet)
    for row in rows:
        row["id"] = row["id"].removeprefix("'").lstrip("0")
        row["no"] += ".0"
        row["grade"] = f" {row['grade']}.0 "
    turned = [{name.upper(): row[name] for name in reversed(list(row))} for row in rows]
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, list(turned[0]), delimiter=";")
    writer.writeheader()
    writer.writerows(turned)
    sheet.write_bytes((buffer.getvalue() + ";;;;;;\r\n").encode("utf-8-sig"))
    assert figures(audit_estimate.estimate(sheet, model)) == found


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        *(("0", 0), ("1", 1), ("2", 2), (" 2 ", 2), ("2.0", 2), ("２", 2)),
        *(("yes", 2), ("Yes", 2), ("NO", 0), (" no", 0), ("", -1), ("  ", -1)),
    ],
)
def test_grades_are_read_in_every_usual_form(text: str, grade: int) -> None:
    assert audit_estimate._grade("x", text) == grade


@pytest.mark.parametrize("text", ["3", "-1", "maybe", "1.5", "12", "0/1", "x" * 5000, "a\nb"])
def test_other_grades_are_refused_with_their_row(sheet: Path, model: Model, text: str) -> None:
    judge(sheet, lambda rows: [{**row, "grade": text} if row["no"] == "5" else row for row in rows])
    with pytest.raises(InputError, match=r"sheet\.csv, row 5: grade '.* is none of 0, 1, 2, no, yes") as error:
        audit_estimate.estimate(sheet, model)
    one_line(error)


def test_rows_without_a_grade_are_counted_and_not_taken_for_no(sheet: Path, tagged: Path, model: Model) -> None:
    found = judge(sheet, lambda rows: [{**row, "grade": ""} if int(row["no"]) <= 6 else row for row in rows])
    result = audit_estimate.estimate(found, model)
    judged = np.arange(60) >= 6
    assert result.not_judged == 6
    assert figures(result) == figures(directly(tagged, model, judged=judged))
    assert result.audited.checked == 54
    assert "Not judged: 6" in audit_words.as_text(result)
    as_no = judge(sheet, lambda rows: [{**row, "grade": "0"} if int(row["no"]) <= 6 else row for row in rows])
    assert figures(audit_estimate.estimate(as_no, model)) != figures(result)


def test_a_sheet_or_a_stratum_that_nobody_judged_is_refused(sheet: Path, model: Model) -> None:
    with pytest.raises(ShareError, match="no row has a grade yet") as error:
        audit_estimate.estimate(sheet, model)
    one_line(error)
    strata = json.loads((sheet.parent / "sheet.plan.json").read_text("utf-8"))["strata"]
    judge(sheet, lambda rows: [{**row, "grade": ""} if strata[int(row["no"]) - 1] == 1 else row for row in rows])
    with pytest.raises(ShareError, match="no judgement in stratum 2") as error:
        audit_estimate.estimate(sheet, model)
    one_line(error)


def swapped(rows: Rows, *columns: str) -> Rows:
    for column in columns:
        rows[1][column], rows[2][column] = rows[2][column], rows[1][column]
    return rows


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[:-1], "1 of the 60 rows drawn are missing, first no 60"),
        (lambda rows: rows[3:], "3 of the 60 rows drawn are missing, first no 1"),
        (lambda rows: [*rows, rows[4]], "row 61: row .* stands in the sheet twice"),
        (lambda rows: [*rows, {**rows[4], "no": "61", "row": "1"}], "row 61: row 1 of the table was not drawn"),
        (lambda rows: swapped(rows, "row"), "row 2: no 2 does not belong to row"),
        (lambda rows: swapped(rows, "no"), "row 2: no 3 does not belong to row"),
        (lambda rows: swapped(rows, "id"), "row 2: id 'P.*' is not 'P.*', which the table has there"),
        (lambda rows: [{**row, "id": "P"} for row in rows], "row 1: id 'P' is not"),
        (lambda rows: [{**row, "row": "many"} for row in rows], "row 1: row 'many' is no number"),
        (lambda rows: [{**row, "row": "1.5"} for row in rows], "row 1: row '1.5' is no number"),
        (lambda rows: [{**row, "row": "inf"} for row in rows], "row 1: row 'inf' is no number"),
        (lambda rows: [{**row, "row": ""} for row in rows], "row 1: row '' is no number"),
        (lambda rows: [{"mark": row.pop("grade"), **row} for row in rows], "needs one column 'grade'"),
    ],
)
def test_a_sheet_with_changed_doubled_or_missing_rows_is_refused(sheet: Path, model: Model, change: Change, said: str) -> None:
    judge(sheet, change)
    with pytest.raises(InputError, match=said) as error:
        audit_estimate.estimate(sheet, model)
    assert one_line(error).startswith(str(sheet))


def test_sheets_that_cannot_be_read_are_refused(sheet: Path, tmp_path: Path, model: Model) -> None:
    content = judge(sheet).read_bytes()
    for broken, said in (
        (b"", "needs one column 'no'"),
        (content.replace(b"kite", b"k\xefte", 1), "is not UTF-8; save it as"),
        (content + b'1,"2\n', "cannot be read: .*quotation mark"),
    ):
        sheet.write_bytes(broken)
        with pytest.raises(InputError, match=said) as error:
            audit_estimate.estimate(sheet, model)
        one_line(error)
    sheet.unlink()
    with pytest.raises(InputError, match=r"sheet\.csv: no such file$") as error:
        audit_estimate.estimate(sheet, model)
    one_line(error)


def test_a_table_that_changed_is_refused_and_one_that_moved_is_found(
    sheet: Path, tagged: Path, tmp_path: Path, model: Model
) -> None:
    found = figures(audit_estimate.estimate(judge(sheet), model))
    (tmp_path / "away").mkdir()
    moved = Path(shutil.move(tagged, tmp_path / "away" / "other.csv"))
    with pytest.raises(InputError, match=r"tagged\.csv: no such file; name the tagged table with --table") as error:
        audit_estimate.estimate(sheet, model)
    one_line(error)
    assert figures(audit_estimate.estimate(sheet, model, table=str(moved))) == found
    moved.write_bytes(moved.read_bytes() + b"\n")
    with pytest.raises(ShareError, match="sha256 differs") as error:
        audit_estimate.estimate(sheet, model, table=str(moved))
    one_line(error)


def test_sheet_plan_and_table_may_move_together(sheet: Path, tagged: Path, tmp_path: Path, model: Model) -> None:
    found = figures(audit_estimate.estimate(judge(sheet), model))
    (tmp_path / "away").mkdir()
    for path in (tagged, tmp_path / "sheet.plan.json"):
        shutil.move(path, tmp_path / "away" / path.name)
    sheet.rename(tmp_path / "away" / "sheet (1).csv")
    with pytest.raises(InputError, match=r"name the plan .* --plan") as error:
        audit_estimate.estimate(tmp_path / "away" / "sheet (1).csv", model)
    one_line(error)
    plan = tmp_path / "away" / "sheet.plan.json"
    assert figures(audit_estimate.estimate(tmp_path / "away" / "sheet (1).csv", model, plan=plan)) == found


def test_another_model_is_refused(sheet: Path, model: Model) -> None:
    other = replace(model, intercepts=model.intercepts + 1)
    with pytest.raises(ShareError, match=r"was drawn with model .* name it with --model") as error:
        audit_estimate.estimate(judge(sheet), other)
    one_line(error)


def replan(sheet: Path, **changes: Any) -> None:
    path = sheet.parent / "sheet.plan.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")


def test_judgements_made_for_training_are_refused_with_the_reason(sheet: Path, model: Model) -> None:
    judge(sheet)
    path = sheet.parent / "sheet.plan.json"
    for stored in ({**json.loads(path.read_text("utf-8")), "provenance": "training"}, {"provenance": "training"}):
        path.write_text(json.dumps(stored), "utf-8")
        with pytest.raises(ShareError, match=r"these judgements \(training\)") as error:
            audit_estimate.estimate(sheet, model)
        assert audit.WHY_NOT[audit.Provenance.TRAINING] in one_line(error)


def test_a_stratified_sheet_cannot_be_passed_off_as_a_random_sample(sheet: Path, model: Model) -> None:
    judge(sheet)
    replan(sheet, provenance="random_from_target")
    with pytest.raises(InputError, match="a plain random sample has no strata") as error:
        audit_estimate.estimate(sheet, model)
    one_line(error)


# A plain random sample


def test_a_plain_random_sample_goes_the_same_way(tagged: Path, tmp_path: Path, model: Model) -> None:
    wanted = replace(KITES, design="random", n=150)
    sheet = audit_draw.draw(str(tagged), tmp_path / "random.csv", model, wanted).sheet
    plan = json.loads((tmp_path / "random.plan.json").read_text("utf-8"))
    assert (plan["provenance"], plan["sizes"], set(plan["strata"])) == ("random_from_target", [397], {0})
    result = audit_estimate.estimate(judge(sheet), model)
    frame, scores, calibration = scored(tagged, model)
    drawn = audit.plan_random(397, 150)
    positive = np.array([TRUTH.get(id or "", 0) == 2 for id in frame["id"].to_list()])
    direct = audit.estimate_random(drawn, positive[drawn.rows], scores >= calibration.threshold)
    assert figures(result) == figures(direct)
    assert result.audited.share.low <= positive.mean() <= result.audited.share.high
    said, record = audit_words.as_text(result), audit_words.as_record(result)
    assert "checked where nothing was tagged" in said
    assert "random_from_target" in said
    assert record["provenance"] == "random_from_target"
    with pytest.raises(ShareError, match="no row has a grade"):
        audit_estimate.estimate(audit_draw.draw(str(tagged), tmp_path / "new.csv", model, wanted).sheet, model)


def test_a_random_sample_of_all_documents_is_their_share(tagged: Path, tmp_path: Path, model: Model) -> None:
    wanted = replace(KITES, design="random", n=1000)
    sheet = audit_draw.draw(str(tagged), tmp_path / "all.csv", model, wanted).sheet
    share = audit_estimate.estimate(judge(sheet), model).audited.share
    true = np.mean([TRUTH.get(id or "", 0) == 2 for id in scored(tagged, model)[0]["id"].to_list()])
    assert share.low == share.share == share.high == pytest.approx(true)


def test_the_width_says_how_many_of_a_random_sample(tagged: Path, model: Model) -> None:
    _, scores, calibration = scored(tagged, model)
    n = audit.random_size(scores, calibration, 0.5)
    assert audit_draw.size(str(tagged), model, replace(KITES, design="random"), 0.5) == (n, 397)
    assert n > audit_draw.size(str(tagged), model, KITES, 0.5)[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"provenance": "hearsay"},
        {"rows": []},
        {"rows": "all"},
        {"strata": [0]},
        {"strata": [99] * 60},
        {"rows": [4] * 60},
        {"rows": [2**70, *range(2, 61)]},
        {"rows": [1.5, *range(2, 61)]},
        {"weights": ["a"] * 60},
        {"sizes": None},
        {"definition": "mild"},
        {"columns": ["title"]},
        {"columns": 3},
        {"table": 7},
        {"seed": "x"},
    ],
    ids=str,
)
def test_a_damaged_plan_is_refused(sheet: Path, model: Model, changes: dict[str, Any]) -> None:
    judge(sheet)
    replan(sheet, **changes)
    with pytest.raises(InputError, match=r"sheet\.plan\.json: not the plan of an audit, or damaged") as error:
        audit_estimate.estimate(sheet, model)
    one_line(error)


@pytest.mark.parametrize("content", ["", "[]", "{}", "[" * 100_000, "\udcff"])
def test_what_is_no_plan_is_refused(sheet: Path, model: Model, content: str) -> None:
    (sheet.parent / "sheet.plan.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match="not the plan of an audit") as error:
        audit_estimate.estimate(sheet, model)
    one_line(error)


def test_a_plan_that_was_changed_is_refused(sheet: Path, model: Model) -> None:
    judge(sheet)
    plan = json.loads((sheet.parent / "sheet.plan.json").read_text("utf-8"))
    for changes, said in (
        ({"strata": plan["strata"][::-1]}, "the strata differ"),
        ({"sizes": [*plan["sizes"][:-1], plan["sizes"][-1] + 1]}, "was drawn from 398 documents"),
        ({"rows": [1, *plan["rows"][1:]]}, "row 1 of the table is no scored document"),
        ({"rows": [4000, *plan["rows"][1:]]}, "row 4000 of the table is no scored document"),
    ):
        replan(sheet, **{**plan, **changes})
        with pytest.raises(ShareError, match=said) as error:
            audit_estimate.estimate(sheet, model)
        one_line(error)


def test_the_result_is_told_in_words_and_as_a_record(sheet: Path, tagged: Path, model: Model) -> None:
    result = audit_estimate.estimate(judge(sheet), model)
    said, record = audit_words.as_text(result), audit_words.as_record(result)
    found = result.audited
    assert found.sentence in said
    assert found.sentence == f"{found.bulk_positive} of {found.bulk_checked} checked in the bulk were positive"
    assert f"Judged: {found.checked} of 60" in said
    assert model.digest[:12] in said
    for part in ("Share:", "Counted:", "Precision of the tagger here:", "Recall of the tagger here:", "Flags:", "Unscored: 3"):
        assert part in said
    assert record["provenance"] == "stratified_audit"
    assert (record["share"], record["low"], record["high"], record["naive"]) == (
        *(found.share.share, found.share.low, found.share.high, found.share.naive),
    )
    assert record["precision"]["value"] == found.precision.value
    assert record["model"] == model.digest
    assert record["table_sha256"] == sha256(str(tagged))
    assert record["sheet_sha256"] == sha256(str(sheet))
    assert (record["judged"], record["not_judged"], record["label"], record["definition"]) == (60, 0, "kites", "strict")
    json.dumps(record)


def test_what_cannot_be_said_of_the_tagger_is_withheld(sheet: Path, model: Model) -> None:
    judge(sheet, lambda rows: [{**row, "grade": "0"} for row in rows])
    result = audit_estimate.estimate(sheet, model)
    assert result.audited.share.low <= result.audited.share.share < result.audited.share.high
    assert result.audited.bulk_positive == 0
    assert f"0 of {result.audited.bulk_checked} checked in the bulk were positive" in audit_words.as_text(result)


def test_rounding_never_moves_a_document_over_the_threshold() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(500) < 0.3
    calibration = Calibration.of(rng.normal(np.where(truth, 1.5, -2.0), 1.0), truth, Platt(1.7, 0.3))
    near = np.full(4, 0.5)  # the threshold is where the curve passes one half
    tags = np.array([True, False, True, False])
    scores = audit_table._scores(near + np.array([0, 0, -4e-7, 4e-7]), tags, calibration)
    assert (scores >= calibration.threshold).tolist() == tags.tolist()


def test_over_many_seeds_the_share_is_unbiased(tagged: Path, tmp_path: Path, model: Model) -> None:
    shares = []
    for seed in range(25):
        audit_draw.draw(str(tagged), tmp_path / "s.csv", model, replace(KITES, seed=seed), force=True)
        shares.append(audit_estimate.estimate(judge(tmp_path / "s.csv"), model).audited.share.share)
    table = {int(row["row"]): row["id"] for row in scored(tagged, model)[0].select("row", "id").to_dicts()}
    true = float(np.mean([TRUTH.get(id or "", 0) == 2 for id in table.values()]))
    assert np.mean(shares) == pytest.approx(true, abs=3 * np.std(shares) / 5 + 0.005)


# Excel


def test_an_excel_sheet_makes_the_round_trip(tagged: Path, tmp_path: Path, model: Model, sheet: Path) -> None:
    path = tmp_path / "excel.xlsx"
    audit_draw.draw(str(tagged), path, model, KITES)
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["judge", "guideline"]
    page = book["judge"]
    assert [cell.value for cell in page[1]] == list(COLUMNS)
    for line in range(2, 62):
        id = str(page.cell(line, 3).value)
        page.cell(line, 6).value = TRUTH.get(id, 0) if line % 2 else str(TRUTH.get(id, 0))
    book.save(path)
    assert figures(audit_estimate.estimate(path, model)) == figures(audit_estimate.estimate(judge(sheet), model))


def test_an_excel_sheet_is_blind_safe_and_helps_to_judge(tagged: Path, tmp_path: Path, model: Model) -> None:
    path = tmp_path / "excel.xlsx"
    audit_draw.draw(str(tagged), path, model, Wanted("kites", n=397))
    book = openpyxl.load_workbook(path)
    page = book["judge"]
    rows = {row[1].value: row for row in page.iter_rows(min_row=2)}
    assert len(rows) == 397
    title = rows[4][3]
    assert (title.value, title.data_type, title.number_format) == ('\'=HYPERLINK("http://x","kite")', "s", "@")
    assert (rows[5][3].value, rows[6][2].value, rows[7][2].value) == ("'-kite, with a   tail", "'@7", "00042")
    assert not any(cell.data_type == "f" for row in rows.values() for cell in row)
    (grades,) = page.data_validations.dataValidation
    assert (grades.formula1, str(grades.sqref), grades.allow_blank) == ('"0,1,2"', "F2:F398", True)
    guideline = "\n".join(str(row[0] or "") for row in book["guideline"].iter_rows(values_only=True))
    assert "The contribution is about kites." in guideline
    assert (tmp_path / "excel.guideline.md").exists()


def test_what_is_no_excel_file_is_refused(sheet: Path, tmp_path: Path, model: Model) -> None:
    path = sheet.with_suffix(".xlsx")
    for content in (b"", b"no,row\n", b"PK\x03\x04" + b"\0" * 100, gzip.compress(b"x")):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"not an Excel file") as error:
            audit_estimate.estimate(path, model)
        one_line(error)
