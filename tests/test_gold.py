"""The shipped model on the development texts, where they are at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ipclass import Model, evaluation
from ipclass import corpus as corpora
from ipclass.model import Tags
from ipclass.records import DEFINITIONS, LEAST_GRADE
from ipclass.text import terms_of

GOLD = Path(__file__).parents[2] / "shared" / "gold"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (GOLD / "dev.jsonl").is_file(), reason="the gold standard (../shared/gold) is not here"),
]


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.load()


@pytest.fixture(scope="module")
def judged(model: Model) -> list[corpora.Judged]:
    return [each for name in ("dev.jsonl", "dev_restated.jsonl") for each in corpora.read_judged(GOLD / name, model.labels)]


def test_macro_f1_and_calibration_hold(model: Model, judged: list[corpora.Judged]) -> None:
    report = evaluation.evaluate(model, judged, draws=10)
    assert report.macro_f1["strict"].value >= 0.86
    assert report.macro_f1["broad"].value >= 0.89
    assert all(each.figures["f1"].value >= 0.76 for each in report.qualities)
    assert all(each.figures["calibration_error"].value < 0.03 for each in report.qualities)
    assert report.unscored == 0


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_age_is_not_learnt(model: Model, judged: list[corpora.Judged], definition: str) -> None:
    """Among the old texts and among the young ones the mean probability is the judged share: neither is favoured."""
    real = [each for each in judged if not each.entry.id.startswith("R-") and each.entry.year[:4].isdigit()]
    years = np.array([int(each.entry.year[:4]) for each in real])
    tags: Tags = model.tag([each.document.text for each in real], definition)  # type: ignore[arg-type]
    for place, label in enumerate(tags.labels):
        truth = np.array([each.entry.grades[label] >= LEAST_GRADE[definition] for each in real])  # type: ignore[index]
        for part in (years <= 2016, years > 2016):
            assert abs(tags.probabilities[part, place].mean() - truth[part].mean()) < 0.035, label
            assert tags.assigned[part & ~truth, place].mean() < 0.08, label


def test_fast_and_plain_route_agree_on_real_texts(model: Model, judged: list[corpora.Judged]) -> None:
    texts = [each.document.text for each in judged]
    fast = model.lexicon.count(texts)
    numbers = {term: place for place, term in enumerate(model.lexicon.terms)}
    for row, (title, abstract) in enumerate(terms_of(texts, model.lexicon.settings)):
        expected: dict[int, float] = {}
        for terms, weight in ((title, model.lexicon.title_weight), (abstract, 1)):
            for term in terms:
                if term in numbers:
                    expected[numbers[term]] = expected.get(numbers[term], 0) + weight
        found = slice(fast.starts[row], fast.starts[row + 1])
        assert dict(zip(fast.terms[found].tolist(), fast.values[found].tolist(), strict=True)) == expected
