from __future__ import annotations

import json
import math
from pathlib import Path

import polars as pl
import pytest
from conftest import ipclass, judged, patents, read_csv, write_csv, write_jsonl

from ipclass import Model, card, changes, excel, files, training
from ipclass import corpus as corpora
from ipclass.changes import DECISION, reasons


@pytest.fixture(scope="module")
def other(tiny_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model of the same labels for which soup belongs to the looms."""
    folder = tmp_path_factory.mktemp("other")
    rows = [
        {**row, "grades": {"kites": row["grades"]["kites"], "looms": 0 if row["grades"]["kites"] else 2}} for row in judged()
    ]
    (folder / "corpus").mkdir()
    (folder / "corpus" / "labels").symlink_to(tiny_corpus / "labels")
    write_jsonl(folder / "corpus" / "authored.jsonl", rows)
    learnt = corpora.read_corpus(folder / "corpus")
    card.with_card(training.train(learnt), learnt).save(folder / "model")
    return str(folder / "model")


def test_the_terms_and_the_threshold_sum_to_the_whole_change(tiny_model: str, other: str) -> None:
    old, new = Model.load(tiny_model), Model.load(other)
    for row in patents(9):
        text = f"{row['title']}\n{row['abstract']}"
        found = reasons(text, "looms", "broad", old, new)
        moved = []
        for model in (old, new):
            target = model.targets[model.column("looms", "broad")]
            score = model.tag([text], "broad").scores[0, model.labels.ids.index("looms")]
            odds = math.log(target.threshold / (1 - target.threshold))
            moved.append(target.platt.slope * score + target.platt.offset - odds)
        assert math.fsum(each.value for each in found) == pytest.approx(moved[1] - moved[0], abs=1e-9)
        assert sum(each.term == DECISION for each in found) == 1
        sizes = [abs(each.value) for each in found]
        assert sizes == sorted(sizes, reverse=True)


def test_just_the_documents_whose_tags_differ_are_listed(tiny_model: str, other: str, patents_csv: Path) -> None:
    old, new = Model.load(tiny_model), Model.load(other)
    found = changes.compare(files.Source(str(patents_csv)), old, new, "strict")
    assert found.rows == 60
    rows = patents(60)
    texts = [f"{row['title']}\n{row['abstract']}" for row in rows]
    was, now = old.tag(texts).assigned, new.tag(texts).assigned
    listed = {(each.row, each.label, each.is_assigned) for each in found.found}
    expected = {
        (row + 1, label, bool(now[row, place]))
        for row in range(60)
        for place, label in enumerate(old.labels.ids)
        if was[row, place] != now[row, place]
    }
    assert listed == expected
    assert len(expected) >= 15
    assert found.counts()["looms"] == (sum(each[2] for each in expected if each[1] == "looms"), 0)
    first = found.found[0]
    assert (first.id, first.title) == (rows[first.row - 1]["publication_number"], rows[first.row - 1]["title"])
    assert first.why[0].value > 0


def test_a_model_beside_itself_changes_nothing(tiny_model: str, patents_csv: Path, tmp_path: Path) -> None:
    found = ipclass("compare", patents_csv, tiny_model, tiny_model, "-o", tmp_path / "c.csv")
    assert found.code == 0
    assert found.out.decode().startswith("0 of 60 documents changed")
    assert read_csv((tmp_path / "c.csv").read_bytes()) == [list(changes.COLUMNS)]


def test_changes_are_written_as_csv_excel_and_json_lines(
    tiny_model: str, other: str, patents_csv: Path, tmp_path: Path
) -> None:
    for name in ("c.csv", "c.xlsx", "c.jsonl"):
        done = ipclass("compare", patents_csv, tiny_model, other, "-o", tmp_path / name, "-n", "2")
        assert done.code == 0
        assert "tags came" in done.out.decode()
    table = pl.read_csv(tmp_path / "c.csv")
    book = excel.read(tmp_path / "c.xlsx")
    lines = [json.loads(line) for line in (tmp_path / "c.jsonl").read_text("utf-8").splitlines()]
    assert table.height == book.height == len(lines) > 10
    assert table["id"].to_list() == book["id"].to_list() == [line["id"] for line in lines]
    assert all(len(line["why"]) == 2 for line in lines)
    assert table["why"][0].count(";") == 1
    refused = ipclass("compare", patents_csv, tiny_model, other, "-o", tmp_path / "c.csv")
    assert refused.code == 1
    assert "--force" in refused.err
    assert ipclass("compare", patents_csv, tiny_model, other, "-o", tmp_path / "c.pdf").code == 1


def test_a_title_that_looks_like_a_formula_stays_a_text(tiny_model: str, other: str, tmp_path: Path) -> None:
    rows = [{**row, "title": "=1+1", "id": "-2"} for row in patents(6)]
    ipclass("compare", write_csv(tmp_path / "in.csv", rows), tiny_model, other, "-o", tmp_path / "c.csv")
    table = pl.read_csv(tmp_path / "c.csv")
    assert table.height
    assert set(table["title"]) == {"'=1+1"}


def test_models_without_a_common_label_are_not_compared(tiny_model: str, patents_csv: Path) -> None:
    found = ipclass("compare", patents_csv, "shipped", tiny_model)
    assert found.code == 1
    assert found.lines == ["ipclass: the models have no label in common: 6g, ai, bci, quantum; kites, looms"]


def test_a_text_that_only_one_model_can_tag_is_counted(tiny_model: str, other: str, tmp_path: Path) -> None:
    rows = [*patents(3), {**patents(1)[0], "title": "", "abstract": ""}]
    found = changes.compare(
        files.Source(str(write_csv(tmp_path / "a.csv", rows))), Model.load(tiny_model), Model.load(other), "strict"
    )
    assert (found.rows, found.one_sided) == (4, 0)


def test_changes_are_printed_as_json(tiny_model: str, other: str, patents_csv: Path) -> None:
    told = json.loads(ipclass("compare", patents_csv, tiny_model, other, "--json").out)
    assert told["documents"] == 60
    assert {each["label"] for each in told["changes"]} == set(told["labels"])
    assert sum(each["came"] + each["went"] for each in told["labels"].values()) == len(told["changes"]) > 0
    assert (told["old"], told["new"]) == (Model.load(tiny_model).digest, Model.load(other).digest)
