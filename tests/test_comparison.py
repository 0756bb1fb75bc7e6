from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from conftest import document, ipclass, patents, write_csv, write_jsonl
from hypothesis import given
from hypothesis import strategies as st

from ipclass import Model, comparison
from ipclass.errors import InputError
from ipclass.files import Source

GERMAN = "Der Drachen besitzt eine Waage und einen Schwanz aus Stoff und fliegt bei böigem Wind ruhig an der Leine."


def judged() -> list[dict[str, Any]]:
    """Return graded texts on which the rules of the tiny labels (the words kites and looms) and the model often differ."""
    rows = []
    for number in range(12):
        theme = ("kites", "", "looms")[number % 3]
        title, abstract = document(theme, number)
        rows.append({"id": f"D{number}", "title": title, "abstract": abstract, "grades": {"kites": 2 * (theme == "kites")}})
    soup, ladle = document("", 1)
    rows.append({"id": "shop", "title": soup, "abstract": f"{ladle} It is sold beside kites.", "grades": {"kites": 1}})
    rows.append({"id": "foreign", "title": "Drachen", "abstract": GERMAN, "grades": {"kites": 2}})
    rows.append({"id": "plural", "title": "Kites", "abstract": document("kites", 0)[1], "grades": {"kites": 2}})
    return rows


def compared(path: Path, model: str, definition: str = "strict", examples: int = 5) -> comparison.Comparison:
    source = Source(str(path))
    source.learn_columns()
    return comparison.compare(source, Model.load(model), definition, examples)  # type: ignore[arg-type]


def kites(found: comparison.Comparison) -> dict[str, Any]:
    return found.table.filter(label="kites").to_dicts()[0]


# Rules and model side by side


def test_each_document_is_counted_once_and_both_sides_are_measured_on_the_judged(tmp_path: Path, tiny_model: str) -> None:
    found = kites(compared(write_jsonl(tmp_path / "in.jsonl", judged()), tiny_model))
    assert (found["documents"], found["unscored"]) == (15, 1)
    assert (found["both"], found["only_model"], found["only_rule"], found["neither"]) == (1, 4, 1, 8)
    assert (found["judged"], found["positive"]) == (14, 5)
    assert (found["model_precision"], found["model_recall"]) == (1.0, 1.0)
    assert (found["rule_precision"], found["rule_recall"]) == (0.5, 0.2)


def test_the_definition_decides_which_grades_count(tmp_path: Path, tiny_model: str) -> None:
    found = kites(compared(write_jsonl(tmp_path / "in.jsonl", judged()), tiny_model, "broad"))
    assert (found["definition"], found["positive"]) == ("broad", 6)
    assert found["rule_precision"] == 1.0


def test_a_label_without_grades_has_no_figures_and_nothing_is_divided_by_nothing(tmp_path: Path, tiny_model: str) -> None:
    found = compared(write_jsonl(tmp_path / "in.jsonl", judged()), tiny_model).table.filter(label="looms").to_dicts()[0]
    assert (found["judged"], found["positive"]) == (0, 0)
    assert [found[f"{side}_{what}"] for side in ("model", "rule") for what in ("precision", "recall")] == [None] * 4


def test_without_grades_there_are_no_columns_for_them(tmp_path: Path, patents_csv: Path, tiny_model: str) -> None:
    assert compared(patents_csv, tiny_model).table.columns == [
        *("label", "definition", "documents", "unscored", "both", "only_model", "only_rule", "neither"),
    ]


def test_examples_name_the_document_and_what_each_side_saw(tmp_path: Path, tiny_model: str) -> None:
    found = compared(write_jsonl(tmp_path / "in.jsonl", judged()), tiny_model).examples
    rule = found.filter(label="kites", side="only rule").to_dicts()
    assert [(row["id"], row["grade"], row["rule"]) for row in rule] == [("shop", 1, "strong: kites")]
    model = found.filter(label="kites", side="only model").to_dicts()
    assert {row["id"] for row in model} == {"D0", "D3", "D6", "D9"}
    assert all("kite" in row["terms"] and row["rule"] == "" for row in model)
    assert all(row["title"].startswith("Kite number") for row in model)


def test_the_surest_examples_are_shown_and_no_more_than_asked_for(tmp_path: Path, tiny_model: str) -> None:
    path = write_csv(tmp_path / "in.csv", patents(60))
    every = compared(path, tiny_model, examples=100).examples
    for wanted in (0, 3):
        few = compared(path, tiny_model, examples=wanted).examples
        for label in ("kites", "looms"):
            expected = every.filter(label=label, side="only model").sort("probability", descending=True, maintain_order=True)
            assert few.filter(label=label, side="only model").equals(expected.head(wanted))
    assert every.height == 40


def test_the_size_of_the_blocks_does_not_matter(tmp_path: Path, tiny_model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from conftest import cut_at

    path = write_csv(tmp_path / "in.csv", patents(60))
    whole = compared(path, tiny_model)
    cut_at(monkeypatch, 700)
    parts = compared(path, tiny_model)
    assert parts.table.equals(whole.table)
    assert parts.examples.equals(whole.examples)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_tagged_table_is_compared_by_its_tags(tmp_path: Path, tiny_model: str, ending: str) -> None:
    rows = [{key: row[key] for key in ("id", "title", "abstract")} for row in judged()]
    plain = write_csv(tmp_path / "in.csv", rows)
    tagged = tmp_path / f"tagged.{ending}"
    assert ipclass("classify", plain, "-o", tagged, "-m", tiny_model).code == 0
    assert compared(tagged, tiny_model).table.equals(compared(plain, tiny_model).table)
    assert (
        compared(tagged, tiny_model)
        .examples.drop("probability")
        .equals(compared(plain, tiny_model).examples.drop("probability"))
    )


def test_tags_of_another_hand_are_kept_but_not_explained(tmp_path: Path, tiny_model: str) -> None:
    rows = [
        {**{key: row[key] for key in ("id", "title", "abstract")}, "kites": tag, "looms": "0", "tagged_by": "strict:by hand"}
        for row, tag in zip(judged(), ["1", "1", "0", ""] * 4, strict=False)
    ]
    found = compared(write_csv(tmp_path / "in.csv", rows), tiny_model)
    assert kites(found)["unscored"] == 3
    assert kites(found)["both"] + kites(found)["only_model"] == 8
    assert set(found.examples["terms"].to_list()) == {""}


def test_a_table_tagged_under_another_definition_is_tagged_anew(tmp_path: Path, tiny_model: str) -> None:
    rows = [{**row, "kites": "1", "looms": "1", "tagged_by": "broad:0123456789ab"} for row in patents(6)]
    assert kites(compared(write_csv(tmp_path / "in.csv", rows), tiny_model))["only_model"] == 2


def test_a_tagged_table_that_lacks_a_label_is_refused(tmp_path: Path, tiny_model: str) -> None:
    rows = [{**row, "kites": "1", "tagged_by": "strict:0123456789ab"} for row in patents(6)]
    with pytest.raises(InputError, match="no column 'looms', though the table is tagged"):
        compared(write_csv(tmp_path / "in.csv", rows), tiny_model)


@pytest.mark.parametrize("name", ["kites_grade", "grade_kites", "grades.kites", "Kites Grade"])
def test_grades_may_stand_in_columns(tmp_path: Path, tiny_model: str, name: str) -> None:
    rows = [{**row, name: grade} for row, grade in zip(patents(6), ["2", "0", "", "1", "x", "3"], strict=True)]
    found = kites(compared(write_csv(tmp_path / "in.csv", rows), tiny_model))
    assert (found["judged"], found["positive"], found["model_precision"]) == (3, 1, 0.5)


def test_a_table_without_rows_is_compared_too(tmp_path: Path, tiny_model: str) -> None:
    (tmp_path / "in.csv").write_text("id,title,abstract\n", "utf-8")
    found = compared(tmp_path / "in.csv", tiny_model)
    assert kites(found)["documents"] == 0
    assert found.examples.is_empty()


# The command


def test_rules_alone_tag_a_table_with_phrases_and_codes(tmp_path: Path) -> None:
    rows = [
        {"title": "Readout", "abstract": "A resonator reads out a qubit.", "ipc": ""},
        {"title": "Valve", "abstract": "A valve opens.", "ipc": "G06N 10/40 (2022.01)"},
        {"title": "Display", "abstract": "A film of quantum dots.", "ipc": "C09K11/02"},
    ]
    ended = ipclass("rules", write_csv(tmp_path / "in.csv", rows), "-o", tmp_path / "out.csv")
    assert ended.lines == ["3 documents tagged by phrases and codes alone (strict)"]
    found = pl.read_csv(tmp_path / "out.csv", infer_schema=False).fill_null("")
    assert found.columns[:3] == ["title", "abstract", "ipc"]
    assert found["quantum_rule"].to_list() == ["1", "1", "0"]
    assert found["quantum_found"].to_list() == [
        "strong: qubit*",
        "strong: G06N10/40",
        "supporting: quantum; against: quantum dot*, C09K11/02",
    ]


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "xlsx", "tsv"])
def test_rules_are_written_in_every_format(tmp_path: Path, tiny_model: str, ending: str) -> None:
    path = write_csv(tmp_path / "in.csv", [{"title": "All kites", "abstract": "Kites."}, {"title": "Soup", "abstract": ""}])
    out = tmp_path / f"out.{ending}"
    assert ipclass("rules", path, "-o", out, "-m", tiny_model, "--prefix", "by_").code == 0
    read = {"jsonl": pl.read_ndjson, "parquet": pl.read_parquet, "xlsx": pl.read_excel}
    frame = pl.read_csv(out, separator="\t") if ending == "tsv" else read[ending](out)
    assert frame["by_kites_rule"].to_list() == [1, 0]
    assert frame["by_kites_found"].fill_null("").to_list() == ["strong: kites", ""]


def test_a_comparison_is_printed_to_read(tmp_path: Path, tiny_model: str) -> None:
    path = write_jsonl(tmp_path / "in.jsonl", judged())
    out = ipclass("rules", path, "--against-model", "-m", tiny_model, "--examples", "1").out.decode()
    assert out.splitlines()[0].split()[:4] == ["label", "definition", "documents", "unscored"]
    assert "kites: only rule" in out
    assert ", grade 1: shop Kitchen tool" in out
    assert "  rule: strong: kites" in out
    assert "  rule: nothing" in out


@pytest.mark.parametrize("ending", ["csv", "json", "xlsx"])
def test_a_comparison_is_written_with_its_examples(tmp_path: Path, tiny_model: str, ending: str) -> None:
    rows = judged()
    rows[0]["title"] = "=kite number 1"
    path = write_jsonl(tmp_path / "in.jsonl", rows)
    out = tmp_path / f"out.{ending}"
    assert ipclass("rules", path, "--against-model", "-m", tiny_model, "-o", out).code == 0
    if ending == "csv":
        table, examples = pl.read_csv(out), pl.read_csv(tmp_path / "out-examples.csv")
        assert "'=kite number 1" in examples["title"].to_list()
    elif ending == "json":
        table, examples = (pl.DataFrame(part) for part in json.loads(out.read_text("utf-8")).values())
    else:
        table, examples = (pl.read_excel(out, sheet_name=name) for name in ("table", "examples"))
        assert "=kite number 1" in examples["title"].to_list()
    assert table["only_rule"].to_list() == [1, 0]
    assert examples["side"].to_list().count("only rule") == 1
    assert "exists; --force replaces it" in ipclass("rules", path, "--against-model", "-m", tiny_model, "-o", out).err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--against-model", "-o", "out.docx"], "a comparison is written to .csv, .json or .xlsx"),
    ],
)
def test_what_does_not_exist_is_refused(tmp_path: Path, tiny_model: str, arguments: list[str], problem: str) -> None:
    ended = ipclass("rules", write_csv(tmp_path / "in.csv", patents(3)), "-m", tiny_model, *arguments)
    assert ended.code == 1
    assert problem in ended.err


@given(
    st.lists(
        st.tuples(st.sampled_from([True, False, None]), st.booleans(), st.sampled_from([True, False, None]), st.integers(1, 9))
    )
)
def test_the_counts_of_a_row_add_up(groups: list[tuple[bool | None, bool, bool | None, int]]) -> None:
    kinds = {"model": pl.Boolean, "rule": pl.Boolean, "positive": pl.Boolean, "n": pl.UInt32}
    row = comparison._row(pl.DataFrame(groups, schema=kinds, orient="row"), "x", "strict", True)
    assert row["documents"] == row["unscored"] + row["both"] + row["only_model"] + row["only_rule"] + row["neither"]
    assert row["documents"] == sum(n for *_, n in groups)
    assert row["positive"] <= row["judged"] <= row["documents"] - row["unscored"]
    assert all(
        row[f"{side}_{what}"] is None or 0 <= row[f"{side}_{what}"] <= 1
        for side in ("model", "rule")
        for what in ("precision", "recall")
    )


def test_a_row_that_cannot_be_read_leaves_no_half_table(tmp_path: Path, tiny_model: str) -> None:
    path = write_csv(tmp_path / "in.csv", patents(4))
    with path.open("a") as file:
        file.write("too,few\n")
    found = ipclass("rules", path, "-o", tmp_path / "out.csv", "-m", tiny_model)
    assert (found.code, len(found.lines)) == (1, 1)
    assert "row 5: has 2 fields" in found.err
    assert [each.name for each in tmp_path.iterdir()] == ["in.csv"]
