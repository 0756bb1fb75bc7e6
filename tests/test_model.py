from __future__ import annotations

import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ipclass import Document, Model
from ipclass.errors import InputError, LabelError, ModelError, OutputError
from ipclass.model import shipped
from ipclass.records import OTHER, UNSCORED

TEXT = Document(
    "Readout of superconducting qubits",
    "A resonator is coupled to a superconducting qubit. A neural network is trained to tell the states of the qubit from the "
    "reflected microwave pulse.",
    "X1",
)
PUMP = Document(
    "Pump with a valve", "A pump has a housing, an impeller and a valve that opens when the pressure is high.", "X2"
)


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.load()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(shipped(), tmp_path / "model"))


def test_the_shipped_model_tags_what_it_should(model: Model) -> None:
    quantum, pump = model.classify([TEXT, PUMP])
    assert quantum.id == "X1"
    assert set(quantum.labels) == {"ai", "quantum"}
    assert quantum.primary in quantum.labels
    assert (pump.labels, pump.primary) == ((), OTHER)
    assert all(0 < p < 1 for p in pump.probabilities.values())


def test_labels_are_independent_and_probabilities_need_not_sum_to_one(model: Model) -> None:
    assert sum(next(model.classify([TEXT])).probabilities.values()) > 1.2


@pytest.mark.parametrize("definition", ["strict", "broad"])
@pytest.mark.parametrize("label", ["ai", "quantum", "bci", "6g"])
def test_contributions_sum_to_the_score(model: Model, label: str, definition: str) -> None:
    column = model.column(label, definition)  # type: ignore[arg-type]
    score = model.score(model.lexicon.count([TEXT.text]), [column])[0, 0]
    found = model.explain(TEXT.text, label, definition)  # type: ignore[arg-type]
    assert found[-1].term == "(intercept)"
    assert math.fsum(each.value for each in found) == pytest.approx(score, abs=1e-9)
    sizes = [abs(each.value) for each in found[:-1]]
    assert sizes == sorted(sizes, reverse=True)


def test_a_text_stands_for_a_document_and_one_document_for_no_list(model: Model) -> None:
    assert list(model.classify([TEXT.text])) == list(model.classify([Document(TEXT.title, TEXT.abstract)]))
    for given in (TEXT, TEXT.text):
        with pytest.raises(InputError, match="put it into a list"):
            next(model.classify(given))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="a document or a text is expected, got int '5'"):
        next(model.classify([5]))  # type: ignore[list-item]


def test_probability_is_the_calibrated_score(model: Model) -> None:
    tags = model.tag([TEXT.text], "broad")
    for place, column in enumerate(model.columns("broad")):
        assert tags.probabilities[0, place] == model.targets[column].platt(tags.scores[:1, place])[0]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("  (1) - 2.", "empty"),
        ("Pump", "too short"),
        (
            "Die Erfindung betrifft ein Verfahren zum Regeln einer Pumpe, wobei ein Ventil bei hohem Druck geöffnet wird.",
            "language: de",
        ),
        ("本发明公开了一种水泵,包括壳体、叶轮和阀门。", "language: zh"),
        ("本発明は、ポンプに関する。", "language: ja"),
        ("L'invention concerne une pompe qui comprend un boîtier, une roue et une soupape de décharge.", "language: fr"),
        ("Насос содержит корпус, рабочее колесо и клапан, открывающийся при высоком давлении.", "language: ru"),
    ],
)
def test_what_cannot_be_tagged_is_unscored_and_never_other(model: Model, text: str, reason: str) -> None:
    found = next(model.classify([Document("", text)]))
    assert (found.primary, found.labels, found.unscored) == (UNSCORED, (), reason)
    assert found.probabilities == {}


def test_an_english_text_of_strange_words_is_still_tagged(model: Model) -> None:
    text = (
        "The flurbinator of the invention is coupled to a drive and rotates the wheel when the pressure in the housing is high."
    )
    assert next(model.classify([Document("", text)])).unscored == ""


def test_the_batch_does_not_change_a_prediction(model: Model) -> None:
    alone = [next(model.classify([document])) for document in (PUMP, TEXT, PUMP)]
    assert alone == list(model.classify([PUMP, TEXT, PUMP]))


def test_no_document_gives_no_prediction(model: Model) -> None:
    assert list(model.classify([])) == []


def test_saved_and_loaded_it_is_the_same(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path / "again")
    again = Model.load(tmp_path / "again")
    assert again.digest == model.digest
    assert np.array_equal(again.tag([TEXT.text]).scores, model.tag([TEXT.text]).scores)
    for part in ("decisions.json", "terms.txt", "weights.npz", "held_out.npz", "manifest.json"):
        assert (tmp_path / "again" / part).read_bytes() == (shipped() / part).read_bytes()


def test_the_shipped_model_is_small_and_holds_no_pickle(model: Model) -> None:
    files = [path for path in shipped().rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 40_000_000
    assert {path.suffix for path in files} <= {".json", ".txt", ".npz", ".toml", ".md"}


def test_the_card_names_labels_figures_and_digest(model: Model) -> None:
    assert all(f"| {label} |" in model.card for label in model.labels.ids)
    assert model.digest in model.card


@pytest.mark.parametrize("part", ["decisions.json", "terms.txt", "weights.npz", "held_out.npz", "labels/ai.toml"])
def test_a_changed_or_missing_part_is_refused_by_name(copy: Path, part: str) -> None:
    path = copy / part
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ModelError, match=path.name):
        Model.load(copy)
    path.unlink()
    with pytest.raises(ModelError, match="missing"):
        Model.load(copy)


def test_no_model_here() -> None:
    with pytest.raises(ModelError, match=r"manifest\.json is missing"):
        Model.load(Path("/nowhere/at/all"))


def test_saving_over_other_files_is_refused(model: Model, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ModelError, match="no model"):
        model.save(tmp_path)


def test_saved_over_another_model_nothing_of_that_one_stays(model: Model, tiny_model: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    model.save(folder)
    assert Model.load(folder).digest == model.digest
    assert {path.stem for path in (folder / "labels").iterdir()} == set(model.labels.ids)
    assert not [path for path in folder.rglob("*") if path.name.endswith(".part")]


def test_what_is_not_defined_is_null_in_the_manifest_and_never_nan(tiny_model: str, tmp_path: Path) -> None:
    from dataclasses import replace

    tiny = Model.load(tiny_model)
    replace(tiny, facts={**tiny.facts, "x": [float("nan"), 1.0]}).save(tmp_path / "m")
    assert "NaN" not in (tmp_path / "m" / "manifest.json").read_text()
    assert Model.load(tmp_path / "m").facts["x"] == [None, 1.0]


def test_unknown_label_or_definition_names_the_choices(model: Model) -> None:
    with pytest.raises(LabelError, match="did you mean 'quantum'"):
        model.explain(TEXT.text, "quantun")
    with pytest.raises(LabelError, match="did you mean 'strict'"):
        model.tag([TEXT.text], "strikt")  # type: ignore[arg-type]


def test_a_single_text_needs_no_scikit_learn() -> None:
    code = (
        "import sys; from ipclass import Document, Model; next(Model.load().classify([Document('Pump', 'A valve.')]));"
        "sys.exit('sklearn' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_folder_that_cannot_be_made_and_an_installation_without_a_model_are_told(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        model.save(tmp_path / "file" / "model")
    monkeypatch.setattr("ipclass.model.SHIPPED", "none")
    with pytest.raises(ModelError, match="has no model of its own; name a model folder, or make one: ipclass train"):
        Model.load()
