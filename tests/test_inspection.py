from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ipclass
from tampering import files_in, signed, write

from ipclass import Model, inspection
from ipclass.errors import ModelError
from ipclass.model import shipped


def test_a_whole_model_says_what_it_is(tiny_model: str) -> None:
    found = ipclass("model", "verify", tiny_model)
    told = found.out.decode()
    assert found.code == 0
    assert "whole and unchanged" in told
    assert Model.load(tiny_model).digest in told
    assert "kites (1), looms (1)" in told
    for part in ("decisions.json", "terms.txt", "weights.npz", "held_out.npz", "labels/kites.toml"):
        assert part in told


def test_the_shipped_model_is_verified_by_default() -> None:
    assert Model.load().digest in ipclass("model", "verify").out.decode()


def test_a_changed_model_is_told_in_one_line(tiny_model: str, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(tiny_model, tmp_path / "m"))
    (copy / "terms.txt").write_text((copy / "terms.txt").read_text() + "x")
    found = ipclass("model", "verify", copy)
    assert found.code == 1
    assert found.lines == [
        f"ipclass: {copy / 'terms.txt'}: damaged or changed since the model was made (sha256 differs); install it anew"
    ]


def test_a_part_that_we_would_have_written_otherwise_is_told(tiny_model: str, tmp_path: Path) -> None:
    files = files_in(Path(tiny_model))
    files["decisions.json"] = json.dumps(json.loads(files["decisions.json"])).encode()
    folder = write(signed(files), tmp_path / "m")
    assert Model.load(folder).labels.ids == ("kites", "looms")
    with pytest.raises(ModelError, match=r"decisions\.json: makes sense, but is not as this ipclass writes it"):
        inspection.verify(folder)


def test_a_model_packed_is_the_same_model_in_one_file(tiny_model: str, tmp_path: Path, patents_csv: Path) -> None:
    assert ipclass("model", "pack", tiny_model, "-o", tmp_path / "m.zip").code == 0
    assert Model.load(tmp_path / "m.zip").digest == Model.load(tiny_model).digest
    assert ipclass("model", "pack", tiny_model, "-o", tmp_path / "m.zip").code == 1
    tagged = [ipclass("classify", patents_csv, "-m", model).out for model in (tiny_model, tmp_path / "m.zip")]
    assert tagged[0] == tagged[1]
    assert "whole and unchanged" in ipclass("model", "verify", tmp_path / "m.zip").out.decode()


def test_a_model_beside_itself_is_the_same(tiny_model: str) -> None:
    found = ipclass("model", "diff", tiny_model, tiny_model)
    assert found.out.decode().strip() == f"the same model: digest {Model.load(tiny_model).digest}"


def test_a_difference_names_labels_recipe_figures_and_terms(tiny_model: str, tmp_path: Path) -> None:
    old = Model.load(tiny_model)
    weights = old.weights.copy()
    place = list(old.lexicon.terms).index("kite")
    weights[place, 0] += 3
    label = replace(
        old.labels["looms"], version="2", source=old.labels["looms"].source.replace('version = "1"', 'version = "2"')
    )
    facts = {
        **old.facts,
        "recipe": {**old.facts["recipe"], "penalty": 9.0},
        "judgements": [{"file": "a.csv", "sha256": "f" * 64}],
    }
    new = replace(old, weights=weights, labels=replace(old.labels, labels=(old.labels["kites"], label)), facts=facts)
    new.save(tmp_path / "new")
    told = ipclass("model", "diff", tiny_model, tmp_path / "new").out.decode()
    assert "label looms: the definition changed (version 1 > 2)" in told
    assert "recipe: penalty: 0.500 > 9.000" in told
    assert "judgements: - > a.csv (ffffffffffff)" in told
    (line,) = [line for line in told.splitlines() if line.startswith(("strict kites", "strict looms", "broad"))]
    effect = 0.1 * 3 * old.targets[0].platt.slope
    assert line.endswith(f"; kite {effect:+.2f}")
    record = json.loads(ipclass("model", "diff", tiny_model, tmp_path / "new", "--json").out)
    assert record["terms"] == [len(old.lexicon.terms), 0, 0]
    assert record["moved"][0]["terms"] == [{"term": "kite", "value": pytest.approx(effect, rel=1e-5)}]


def test_models_of_other_labels_can_be_told_apart_too(tiny_model: str) -> None:
    told = ipclass("model", "diff", tiny_model, shipped()).out.decode()
    assert "label kites: only in the old model" in told
    assert "label ai: only in the new model" in told


def test_terms_that_went_are_told_with_the_effect_they_had(tiny_model: str) -> None:
    old = Model.load(tiny_model)
    from ipclass.counts import Lexicon

    kept = [place for place, term in enumerate(old.lexicon.terms) if "kite" not in term.split()]
    lexicon = Lexicon([old.lexicon.terms[place] for place in kept], old.labels.settings, 2, old.lexicon.stop_words)
    new = replace(old, lexicon=lexicon, weights=old.weights[kept], idf=old.idf[kept])
    found = inspection.diff(old, new, terms=3)
    assert found.terms[1] == len(old.lexicon.terms) - len(kept)
    assert all("kite" in each.term for each in found.moved[0].terms)
    assert found.moved[0].terms[0].value < 0
