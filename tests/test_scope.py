from __future__ import annotations

import gzip
import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from ipclass import Document, Model
from ipclass.records import join_fields
from ipclass.scope import typical

HERE = Path(__file__).parent
POOL = HERE.parents[1] / "shared" / "pool" / "patents.jsonl.gz"
NOT_PATENTS = [json.loads(line) for line in (HERE / "cases" / "not_patents.jsonl").read_text("utf-8").splitlines()]
AUTHORED = HERE.parent / "corpora" / "frontier" / "authored.jsonl"
PUMP = "A pump has a housing, an impeller and a valve that opens when the pressure is high."

# As Derwent rewrites abstracts: a long descriptive title, and paragraphs that begin with a word in capitals.
DERWENT = {
    "quantum": (
        "Controlling superconducting qubit array by applying flux pulse to tunable coupler, and reading qubit by resonator",
        "NOVELTY - The method involves cooling a chip with superconducting qubits. A flux pulse is applied to a tunable "
        "coupler between two qubits so that an entangling gate is executed. The qubit state is read by a resonator. USE - "
        "Method for operating a quantum processor. ADVANTAGE - The gate fidelity is increased. DESCRIPTION OF DRAWING(S) - "
        "The drawing shows a block diagram of the quantum processor. 10 Chip 12 Coupler",
    ),
    "bci": (
        "Wheelchair control system using electroencephalogram signals, has cap with electrodes, and decoder for motor imagery",
        "NOVELTY - The system has a cap with electrodes for acquiring EEG signals of a user. A decoder recognizes motor "
        "imagery and converts it into a steering command for the wheelchair. USE - Brain-computer interface for paralyzed "
        "persons. ADVANTAGE - The calibration is short. DETAILED DESCRIPTION - An INDEPENDENT CLAIM is included for a method.",
    ),
    "ai": (
        "Surface defect detection method for steel plates, involves training convolutional neural network with labeled images",
        "NOVELTY - The method involves photographing a steel plate. A convolutional neural network is trained with labeled "
        "images and outputs the class and the place of a defect. USE - For inspecting steel plates in a rolling mill. "
        "ADVANTAGE - The accuracy is high. DESCRIPTION OF DRAWING(S) - (Drawing includes non-English language text).",
    ),
    "other": (
        "Drain valve for dishwasher, has float that lifts sealing disk when water level in tub reaches predetermined height",
        "NOVELTY - The valve has a float that lifts a sealing disk when the water level reaches a predetermined height. USE - "
        "Drain valve for a dishwasher. ADVANTAGE - The valve needs no electric drive. DESCRIPTION OF DRAWING(S) - "
        "The drawing shows a sectional view of the valve. 1 Float 2 Disk",
    ),
}


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.load()


def scope_of(model: Model, title: str, abstract: str) -> str:
    return next(model.classify([Document(title, abstract)])).scope


def texts_of(lines: int) -> list[str]:
    with gzip.open(POOL, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in islice(file, 0, lines * 5, 5)]
    return [join_fields(row["title"], row["abstract"]) for row in rows]


def test_texts_that_are_no_patents_are_mostly_far_and_none_is_unscored(model: Model) -> None:
    tags = model.tag([f"\n{case['text']}" for case in NOT_PATENTS])
    assert len(NOT_PATENTS) >= 100
    assert not any(tags.unscored)
    assert tags.scope.count("far") >= 0.7 * len(NOT_PATENTS)


def test_longer_texts_that_are_no_patents_are_far_too(model: Model) -> None:
    texts = ["\n" + " ".join(case["text"] for case in NOT_PATENTS[place : place + 5]) for place in range(0, 100, 5)]
    assert model.tag(texts).scope.count("far") >= 0.6 * len(texts)


def test_written_patents_are_not_far(model: Model) -> None:
    rows = [json.loads(line) for line in AUTHORED.read_text("utf-8").splitlines()]
    scopes = model.tag([join_fields(row["title"], row["abstract"]) for row in rows]).scope
    assert scopes.count("far") <= 0.005 * len(rows)


@pytest.mark.slow
@pytest.mark.skipif(not POOL.is_file(), reason="the pool of real abstracts (../shared/pool) is not here")
def test_real_patents_of_all_fields_are_rarely_far_and_no_english_one_is_unscored(model: Model) -> None:
    tags = model.tag(texts_of(20_000))
    assert tags.scope.count("far") <= 0.01 * len(tags)
    assert set(tags.unscored) <= {"", "language: de"}
    assert sum(map(bool, tags.unscored)) <= 5


@pytest.mark.parametrize("primary", DERWENT)
def test_abstracts_in_the_style_of_derwent_are_tagged_and_near(model: Model, primary: str) -> None:
    found = next(model.classify([Document(*DERWENT[primary])]))
    assert (found.unscored, found.scope) == ("", "")
    assert found.primary == primary


@pytest.mark.parametrize("abstract", ["", "n/a", "No abstract available.", "-", "摘要 水泵 阀门", "1. 2. 3."])
def test_a_title_without_an_abstract_is_tagged_and_marked(model: Model, abstract: str) -> None:
    found = next(model.classify([Document("Quantum processor with superconducting qubits and a tunable coupler", abstract)]))
    assert (found.primary, found.scope) == ("quantum", "title only")


@pytest.mark.parametrize(
    ("title", "abstract"), [("", PUMP), ("Pump", PUMP), ("Pump", "A pump has a valve and a housing."), ("水泵", PUMP)]
)
def test_an_abstract_however_short_is_no_title(model: Model, title: str, abstract: str) -> None:
    assert scope_of(model, title, abstract) == ""


def test_what_is_not_tagged_has_no_scope(model: Model) -> None:
    assert [scope_of(model, title, "") for title in ("", "Pump", "Ein Ventil öffnet sich bei hohem Druck")] == ["", "", ""]


def test_the_batch_does_not_change_a_scope(model: Model) -> None:
    texts = [f"\n{case['text']}" for case in NOT_PATENTS[:20]] + [f"Pump\n{PUMP}", "Pump with a valve and a spring\n", ""]
    assert model.tag(texts).scope == tuple(model.tag([text]).scope[0] for text in texts)


def test_a_small_model_finds_nothing_far(tiny_model: str) -> None:
    small = Model.load(tiny_model)
    tags = small.tag([f"\n{case['text']}" for case in NOT_PATENTS])
    assert "far" not in tags.scope
    assert typical(small.idf, 19_999) is None


def test_the_typical_vector_has_length_one_and_leans_to_terms_of_many_documents(model: Model) -> None:
    vector = typical(model.idf, 20_000)
    assert vector is not None
    assert np.linalg.norm(vector) == pytest.approx(1)
    assert vector[model.idf.argmin()] > vector[model.idf.argmax()]
