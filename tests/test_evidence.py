from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from conftest import ipclass, write_csv, write_jsonl
from hypothesis import given
from hypothesis import strategies as st

from ipclass import evidence
from ipclass.corpus import shipped
from ipclass.errors import LabelError
from ipclass.evidence import CodeLists, Said, code_columns
from ipclass.files import Block
from ipclass.labels import LabelSet, read_labels

SHIPPED = read_labels(shipped() / "labels")
KITES = replace(
    SHIPPED.labels[0],
    id="kites",
    codes={"strong": ("A63H27/08",), "supporting": ("B64C31/00-B64C31/06",), "against": ("A01M1/00-A01M1/24",)},
)
LOOMS = replace(KITES, id="looms", codes={"strong": ("D03D",), "supporting": (), "against": ("A63H27/08",)})
LABELS = LabelSet((KITES, LOOMS))
LISTS = CodeLists(LABELS)
KITE = "The kite has a bridle and a tail of light cloth, so that the kite flies steadily on its tether in gusts of wind."
SOUP = "The kitchen tool joins a ladle to a lid with a steel handle, so that the soup in the pot is stirred without spilling."


@pytest.mark.parametrize(
    ("cell", "tagged", "not_tagged", "unscored"),
    [
        ("A63H27/08", "agree: A63H27/08", "disagree: A63H27/08", "unscored: A63H27/08"),
        ("A63H 27/085 (2013.01)", "agree: A63H27/085", "disagree: A63H27/085", "unscored: A63H27/085"),
        ("B64C31/02", "agree: B64C31/02", "silent", "silent"),
        ("A01M1/02", "disagree: A01M1/02", "agree: A01M1/02", "silent"),
        ("A63H27/08;A01M1/02", "agree: A63H27/08", "disagree: A63H27/08", "unscored: A63H27/08"),
        ("B64C31/02;A01M1/02", "agree: B64C31/02", "agree: A01M1/02", "silent"),
        ("A63H27/08;B64C31/02;F16K1/00", "agree: A63H27/08, B64C31/02", "disagree: A63H27/08", "unscored: A63H27/08"),
        ("F16K1/00;A63H27/10;A63H27", "silent", "silent", "silent"),
        ("", "", "", ""),
        ("none;706/12;B64C3102", "", "", ""),
    ],
)
def test_the_verdict_on_a_tag_names_the_codes_that_speak(cell: str, tagged: str, not_tagged: str, unscored: str) -> None:
    assert [LISTS.shown(cell, [tag, None])[0] for tag in (True, False, None)] == [tagged, not_tagged, unscored]


def test_each_label_has_its_own_verdict() -> None:
    assert LISTS.shown("A63H27/08;D03D1/00", [True, True]) == ("agree: A63H27/08", "agree: D03D1/00")
    assert LISTS.shown("A63H27/08", [False, False]) == ("disagree: A63H27/08", "agree: A63H27/08")


codes = st.lists(st.sampled_from(["A63H27/08", "B64C31/02", "A01M1/02", "D03D1/00", "F16K1/00", "x"]), max_size=5)


@given(codes)
def test_what_is_said_of_a_tag_and_of_its_absence_never_contradicts(found: list[str]) -> None:
    for said in LISTS.said(";".join(found)):
        verdicts = {said.verdict(True)[0], said.verdict(False)[0]}
        assert verdicts != {"agree"} or (said.supporting and said.against)
        assert verdicts != {"disagree"}
        assert said.verdict(None)[0] in ("unscored", "silent")


@given(codes)
def test_the_order_of_codes_and_their_doubles_do_not_matter(found: list[str]) -> None:
    shown = LISTS.shown(";".join(found), [True, False])
    again = LISTS.shown(";".join([*reversed(found), *found]), [True, False])
    assert [sorted(text) for text in shown] == [sorted(text) for text in again]


def test_a_code_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(LabelError, match="no CPC or IPC code"):
        CodeLists(LabelSet((replace(KITES, codes=KITES.codes | {"strong": ("kite",)}),)))


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["id", "cpc", "ipc"], ("cpc", "ipc")),
        (
            ["CPC Classifications", "IPCR Classifications", "US Classifications"],
            ("CPC Classifications", "IPCR Classifications"),
        ),
        (["I P C"], ("I P C",)),
        (["IPC分类号", "IPC主分类号(小类)"], ("IPC分类号",)),
        (["cpc_group", "cpc_type", "cpc_section"], ("cpc_group",)),
        (["cpc_label_count", "ipc version", "description", "code"], ()),
    ],
)
def test_columns_of_codes_are_found_by_their_usual_names(names: list[str], found: tuple[str, ...]) -> None:
    assert code_columns(names) == found


# In the output of classify


def rows() -> list[dict[str, str]]:
    return [
        {"id": "1", "title": "Kite", "abstract": KITE, "cpc": "A63H27/08;B64C31/02"},
        {"id": "2", "title": "Kite", "abstract": KITE, "cpc": ""},
        {"id": "3", "title": "Soup ladle", "abstract": SOUP, "cpc": "A47J43/28"},
    ]


def test_explained_tags_carry_what_the_codes_say_and_are_the_same_without(tmp_path: Path, tiny_model: str) -> None:
    with_codes = write_csv(tmp_path / "with.csv", rows())
    without = write_csv(tmp_path / "without.csv", [{k: v for k, v in row.items() if k != "cpc"} for row in rows()])
    for path in (with_codes, without):
        assert ipclass("classify", path, "-o", tmp_path / f"{path.stem}_out.csv", "-m", tiny_model, "--explain", "2").code == 0
    found, plain = (pl.read_csv(tmp_path / f"{name}_out.csv", infer_schema=False) for name in ("with", "without"))
    assert found["kites_codes"].to_list() == ["silent", "", "silent"]  # the tiny model's labels list no codes
    assert [name for name in found.columns if name not in plain.columns] == ["cpc", "kites_codes", "looms_codes"]
    assert found.drop("cpc", "kites_codes", "looms_codes").equals(plain)


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_shipped_labels_speak_in_every_format(tmp_path: Path, ending: str) -> None:
    text = "A resonator reads out a superconducting qubit by a microwave pulse, and the qubit state is stored in a memory."
    records = [
        {"title": "Qubit readout", "abstract": text, "ipc": "G06N 10/40 (2022.01)"},
        {"title": "Valve", "abstract": SOUP, "ipc": "H04L9/0852"},
        {"title": "Ventil", "abstract": "Ein Ventil öffnet sich bei hohem Druck in der Leitung.", "ipc": "G06N10/40"},
        {"title": "Qubit readout", "abstract": text, "ipc": ""},
    ]
    path = write_jsonl(tmp_path / "in.jsonl", records)
    assert ipclass("classify", path, "-o", tmp_path / f"out.{ending}", "--explain", "1").code == 0
    if ending == "jsonl":
        written = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
        found = [row["codes"].get("quantum", "") for row in written]
    else:
        read = pl.read_csv if ending == "csv" else pl.read_parquet
        found = read(tmp_path / f"out.{ending}")["quantum_codes"].fill_null("").to_list()
    assert found == ["agree: G06N10/40", "disagree: H04L9/0852", "unscored: G06N10/40", ""]


def test_without_explanations_codes_are_not_read(tmp_path: Path, tiny_model: str) -> None:
    path = write_csv(tmp_path / "in.csv", rows())
    assert ipclass("classify", path, "-o", tmp_path / "out.csv", "-m", tiny_model).code == 0
    assert "kites_codes" not in pl.read_csv(tmp_path / "out.csv").columns


# The table


def tagged() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "cpc": ["A63H27/08", "A01M1/02", "A63H27/08", "B64C31/02", "", "A63H27/08"],
            "ipc": [["D03D1/00"], [], [], [], [], []],
            "kites": [True, True, False, True, True, None],
            "looms": [False, False, False, False, False, None],
        }
    )


def counted(frame: pl.DataFrame) -> list[dict[str, int]]:
    said = evidence.with_verdicts(frame, LABELS, [frame[label] for label in LABELS.ids])
    return [evidence.counts(said[f"{label}_codes"], frame[label]) for label in LABELS.ids]


def test_the_counts_are_of_agreement_and_of_both_kinds_of_disagreement() -> None:
    kites, looms = counted(tagged())
    assert kites == {
        **{"documents": 6, "with_codes": 5, "unscored": 1},
        **{"agree": 2, "disagree": 2, "silent": 0, "model_only": 1, "codes_only": 1},
    }
    assert (looms["agree"], looms["disagree"], looms["silent"], looms["codes_only"]) == (1, 1, 2, 1)


@given(st.lists(st.tuples(codes.map(";".join), st.sampled_from([False, True, None])), max_size=12))
def test_the_counts_add_up(documents: list[tuple[str, bool | None]]) -> None:
    kinds = {"cpc": pl.String, "kites": pl.Boolean, "looms": pl.Boolean}
    frame = pl.DataFrame([(cell, tag, False) for cell, tag in documents], schema=kinds, orient="row")
    for row in counted(frame):
        assert row["unscored"] + row["agree"] + row["disagree"] + row["silent"] == row["with_codes"] <= row["documents"]
        assert row["disagree"] == row["model_only"] + row["codes_only"]
        assert row["documents"] == len(documents)


def test_what_is_no_verdict_is_not_counted_and_what_was_unscored_stays_so() -> None:
    said = pl.Series(["agree", "agreed", "", None, "disagree: <b>", "unscored: A63H27/08", "\nsilent", "silent"])
    found = evidence.counts(said, pl.Series([True] * 8))
    assert (found["documents"], found["with_codes"], found["agree"], found["model_only"]) == (8, 4, 1, 1)
    assert (found["silent"], found["unscored"], found["codes_only"]) == (1, 1, 0)


def test_a_table_without_codes_stays_as_it_is() -> None:
    frame = tagged().drop("cpc", "ipc")
    assert evidence.with_verdicts(frame, LABELS, [frame["kites"], frame["looms"]]) is frame


def test_a_hundred_thousand_rows_take_seconds() -> None:
    cell = "G06N3/08;G06N20/00;H04L9/0852;G06F17/16;H04W72/04;A61B5/369;G06T7/00;G10L15/16;F16K1/00;B60W60/00"
    block = Block([""] * 100_000, frame=pl.DataFrame({"cpc": [cell] * 100_000}))
    start = time.process_time()
    found = evidence.verdicts(block, ["cpc"], [[True, False, None, False]] * 100_000, SHIPPED)
    assert time.process_time() - start < 20
    assert Counter(found[1]) == {LISTS_OF_SHIPPED.shown(cell, [True, False, None, False])[1]: 100_000}


LISTS_OF_SHIPPED = CodeLists(SHIPPED)


def test_said_of_nothing_is_silent() -> None:
    assert [Said().verdict(tag)[0] for tag in (True, False, None)] == ["silent"] * 3
