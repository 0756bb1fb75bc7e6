"""``ipclass train`` with judgements of one's own, a technology of one's own, and the gate, as a user meets them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import _LABEL, LABELS, Ended, document, environment, ipclass, judged, write_csv, write_jsonl
from tampering import files_in

from ipclass import Model, gate, parts, retraining, training
from ipclass import corpus as corpora
from ipclass.errors import CorpusError
from ipclass.judgements import Wanted
from ipclass.retraining import Request, prepare, retrain
from ipclass.search import LEAST_GAIN, search

PLUMS = _LABEL.format(id="plums", name="Plum growing")
_PARTS = {
    "kites": ["bridle", "spar", "tail", "sail", "tether", "keel", "reel", "ferrule", "vent", "leading edge", "swivel", "fin"],
    "looms": ["shuttle", "heddle", "warp beam", "reed", "treadle", "weft feeder", "selvage", "lease rod", "batten", "bobbin"],
    "": ["ladle", "kettle", "sieve", "lid", "strainer", "grater", "whisk", "trivet", "peeler", "mortar", "colander", "funnel"],
}
_NOUNS = {"kites": "kite", "looms": "loom", "": "kitchen tool"}
_MANNERS = [
    "by day and night",
    "in cold rooms",
    "for small children",
    "without any noise",
    "at low cost",
    "in salt air",
    "under load",
]
_ENDS = [
    "A spring of steel returns it to its place after each stroke.",
    "The handle is coated with rubber and fits either hand.",
    "Two screws hold the cover, which opens toward the user.",
    "A clamp of brass keeps the parts together during transport.",
    "The frame folds flat and goes into a bag of canvas.",
]


def invented(theme: str, number: int) -> tuple[str, str]:
    """Return the title and the abstract of one of some thousands of patents, no two of them alike."""
    rng = np.random.default_rng(number)
    one, two, three = rng.choice(_PARTS[theme], 3, replace=False)
    noun, manner, end = _NOUNS[theme], _MANNERS[rng.integers(7)], _ENDS[rng.integers(5)]
    return (
        f"{noun.capitalize()} with a {one} and a {two} {manner}",
        f"The {noun} has a {two} that is joined to a {three} {manner}. {end} Its {one} bears the number {number}.",
    )


_WORDS = ["ladder", "basket", "net", "shears", "graft", "trunk", "twig", "frost cover", "sprayer"]


def plum(number: int) -> tuple[str, str]:
    one, other = _WORDS[number % 9], _WORDS[(number // 9 + number + 2) % 9]
    return (
        f"Plum picker number {number} with a {one} and a {other}",
        f"Plums on a tree are reached by a {one}; the {other} keeps each plum whole while the orchard is shaken by a motor.",
    )


def rows(texts: Sequence[tuple[str, str]], start: int = 1, **cells: object) -> list[dict[str, Any]]:
    return [
        {"id": f"N{number}", "title": title, "abstract": abstract, **cells}
        for number, (title, abstract) in enumerate(texts, start=start)
    ]


def mine(n: int = 30, start: int = 100) -> list[dict[str, Any]]:
    """Return new judgements of the labels of the tiny corpus."""
    found = []
    for number in range(start, start + n):
        theme = ("kites", "looms", "")[number % 3]
        title, abstract = invented(theme, number)
        found.append(
            {"id": f"M{number}", "title": title, "abstract": abstract, **{label: 2 * (label == theme) for label in LABELS}}
        )
    return found


def plums() -> list[dict[str, Any]]:
    """Return forty positives of a new technology and eighty negatives, judged for nothing else."""
    others = [invented(("kites", "looms", "")[number % 3], 400 + number) for number in range(80)]
    return rows([plum(number) for number in range(40)], plums=2) + rows(others, start=100, plums=0)


def train(*arguments: str | Path) -> Ended:
    return ipclass("train", *arguments)


# Judgements join the corpus


def test_judgements_join_the_corpus_and_what_changed_is_told_on_one_screen(tmp_path: Path, tiny_corpus: Path) -> None:
    table = write_csv(tmp_path / "mine.csv", mine())
    found = train(table, "--base", tiny_corpus, "-o", tmp_path / "m")
    assert found.code == 0
    assert len(found.lines) < 25
    assert "30 documents of yours, 30 of them new to the corpus; judged:" in found.lines
    assert any(line.split()[:4] == ["kites", "10", "0", "20"] for line in found.lines)
    assert found.lines[-1].endswith(f"trained on 90 documents, digest {Model.load(tmp_path / 'm').digest[:12]}")
    facts = Model.load(tmp_path / "m").facts
    assert [(each["file"], each["rows"]) for each in facts["judgements"]] == [("mine.csv", 30)]
    assert facts["corpora"] == [{"documents": 60, "sha256": corpora.read_corpus(tiny_corpus).digest}]
    assert "| mine.csv | 30 |" in Model.load(tmp_path / "m").card


def test_a_corpus_folder_among_the_sources_takes_the_place_of_the_shipped_one(tmp_path: Path, tiny_corpus: Path) -> None:
    table = write_csv(tmp_path / "mine.csv", mine())
    assert train(tiny_corpus, table, "-o", tmp_path / "m", "-q").code == 0
    assert train(table, "--base", tiny_corpus, "-o", tmp_path / "n", "-q").code == 0
    assert Model.load(tmp_path / "m").digest == Model.load(tmp_path / "n").digest
    assert train(table, "--check").code == 1  # the shipped corpus has no such labels


def test_judgements_stand_alone_with_no_base(tmp_path: Path, tiny_corpus: Path) -> None:
    table = write_csv(tmp_path / "mine.csv", [{**row, "looms": ""} for row in mine(90)])
    found = train(table, "--base", tiny_corpus, "--no-base", "-o", tmp_path / "m")
    assert found.code == 0
    model = Model.load(tmp_path / "m")
    assert model.labels.ids == ("kites",)
    assert model.facts["documents"] == {"picked": 90}
    assert ipclass("train", "--no-base").code == 1


def test_labels_not_judged_are_not_no(tmp_path: Path, tiny_corpus: Path) -> None:
    table = write_csv(tmp_path / "mine.csv", [{**row, "looms": ""} for row in mine()])
    train(table, "--base", tiny_corpus, "-o", tmp_path / "m", "-q")
    rows = {(row["definition"], row["label"]): row["documents"] for row in Model.load(tmp_path / "m").facts["cross_validation"]}
    assert rows["strict", "kites"] == 90
    assert rows["strict", "looms"] == 60


def test_every_mistake_is_told_before_anything_is_fitted(tmp_path: Path, tiny_corpus: Path) -> None:
    bad = mine(6)
    bad[1]["kites"] = "perhaps"
    bad[2]["abstract"], bad[2]["title"] = "Ein Ventil öffnet sich bei hohem Druck und eine Pumpe läuft.", "Pumpe mit Ventil"
    bad[4] |= {"title": bad[0]["title"], "abstract": bad[0]["abstract"], "kites": 2 - bad[0]["kites"]}
    bad[5]["looms"] = 7
    table = write_csv(tmp_path / "mine.csv", bad)
    found = train(table, "--base", tiny_corpus, "-o", tmp_path / "m")
    assert found.code == 1
    assert [line.split(": ")[1].removeprefix(f"{table}, ") for line in found.lines[:-1]] == ["row 2", "row 6", "row 5", "row 3"]
    assert found.lines[-1] == (
        "ipclass: 4 errors in what is to be learnt from; no model was made; --skip-bad-rows leaves such rows out"
    )
    assert not (tmp_path / "m").exists()
    kept = train(table, "--base", tiny_corpus, "-o", tmp_path / "m", "--skip-bad-rows")
    assert kept.code == 0
    assert kept.lines[-1].startswith(f"{tmp_path / 'm'}: trained on 62 documents")


def test_a_check_makes_no_model_and_its_exit_tells(tmp_path: Path, tiny_corpus: Path) -> None:
    good = write_csv(tmp_path / "good.csv", [*mine(5), {**mine(1, 300)[0], "kites": "", "looms": ""}])
    found = train(good, "--base", tiny_corpus, "--check", "-o", tmp_path / "m")
    assert found.code == 0
    assert "6 rows: 5 judged, 1 not judged, 0 with an error" in found.lines
    assert not (tmp_path / "m").exists()
    bad = write_csv(tmp_path / "bad.csv", [{**mine(1)[0], "kites": "3"}])
    assert train(bad, "--base", tiny_corpus, "--check").code == 1


def test_a_model_that_is_there_stays_without_force(tmp_path: Path, tiny_corpus: Path, tiny_model: str) -> None:
    copy = Path(shutil.copytree(tiny_model, tmp_path / "m"))
    before = files_in(copy)
    assert train(write_csv(tmp_path / "a.csv", mine()), "--base", tiny_corpus, "-o", copy).code == 1
    assert files_in(copy) == before


def test_settings_already_found_are_used_again(tmp_path: Path, tiny_corpus: Path, tiny_model: str) -> None:
    request = Request((write_csv(tmp_path / "a.csv", mine()),), base=tiny_corpus, against=Model.load(tiny_model))
    done = retrain(prepare(request), request)
    assert done.model.facts["recipe"]["penalty"] == 0.5 != training.Recipe().penalty
    hostile = replace(Model.load(tiny_model), facts={"recipe": {"penalty": "x", "folds": 10**400, "evidence": True, "seed": 3}})
    assert training.recipe_of(hostile) == training.Recipe(seed=3)


def test_a_search_tries_the_settings_and_keeps_what_it_found(tmp_path: Path, tiny_corpus: Path) -> None:
    corpus = corpora.read_corpus(tiny_corpus)
    recipe = training.Recipe(penalty=3.0, folds=3)
    best, tried = search(corpus, recipe)
    assert tried[0].macro_f1 == max(each.macro_f1 for each in tried)
    assert best.folds == 3
    present, chosen = (
        next(each for each in tried if (each.penalty, each.evidence) == (recipe.penalty, recipe.evidence))
        for recipe in (recipe, best)
    )
    assert chosen == present or chosen.macro_f1 >= present.macro_f1 + LEAST_GAIN
    assert chosen == tried[0] or tried[0].macro_f1 < present.macro_f1 + LEAST_GAIN
    assert len(tried) == 21


def test_a_recipe_that_was_searched_is_told_with_those_that_were_tried(tmp_path: Path, tiny_corpus: Path) -> None:
    table = write_csv(tmp_path / "mine.csv", mine())
    found = train(table, "--base", tiny_corpus, "--search", "-o", tmp_path / "m", "--metrics-file", tmp_path / "facts.json")
    assert found.lines[0] == "searching for a recipe ..."
    facts = json.loads((tmp_path / "facts.json").read_text())
    recipe = (facts["recipe"]["penalty"], facts["recipe"]["evidence"])
    assert recipe in [(each["penalty"], each["evidence"]) for each in facts["search"]]
    assert len(facts["search"]) > 1


def test_the_first_model_of_all_is_made_without_another(
    tmp_path: Path, tiny_corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = Request((write_csv(tmp_path / "mine.csv", mine()),), base=tiny_corpus)
    with_it = retrain(prepare(request), request).model
    monkeypatch.setattr("ipclass.model.shipped", lambda: tmp_path / "nowhere")
    without = retrain(prepare(request), request).model
    assert without.facts["recipe"] == with_it.facts["recipe"]
    assert np.array_equal(without.weights, with_it.weights)


def test_what_cannot_be_learnt_from_names_the_way_out(tmp_path: Path, tiny_corpus: Path) -> None:
    bad = write_csv(tmp_path / "bad.csv", [*mine(), {**mine(1, 900)[0], "kites": "x"}])
    found = train(bad, "--base", tiny_corpus, "-o", tmp_path / "m")
    assert found.lines[-1].endswith(
        "1 error in what is to be learnt from; no model was made; --skip-bad-rows leaves such rows out"
    )
    assert train(bad, "--base", tiny_corpus, "-o", tmp_path / "m", "--skip-bad-rows").code == 0
    request = Request((bad,), base=tiny_corpus)
    with pytest.raises(CorpusError, match=r"bad\.csv, row 31: .*\(1 errors in all\)"):
        retrain(prepare(request), request)
    unreadable = ipclass("labels", "doubts", tiny_corpus / "labels" / "kites.toml", "--base", tiny_corpus)
    assert (unreadable.code, len(unreadable.lines)) == (1, 1)


# A technology of one's own


@pytest.fixture(scope="module")
def grown(tiny_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Ended, Path]:
    folder = tmp_path_factory.mktemp("grown")
    (folder / "plums.toml").write_text(PLUMS)
    write_csv(folder / "plums.csv", plums())
    done = train(folder / "plums.csv", "--label", folder / "plums.toml", "--base", tiny_corpus, "-o", folder / "m")
    return done, folder


def test_a_new_technology_is_a_label_file_and_judgements(grown: tuple[Ended, Path]) -> None:
    done, folder = grown
    assert done.code == 0
    model = Model.load(folder / "m")
    assert model.labels.ids == ("kites", "looms", "plums")
    texts = ["\n".join(text) for text in [plum(100), plum(200), document("kites", 500), document("", 501)]]
    tags = model.tag(texts)
    assert tags.primary == ("plums", "plums", "kites", "other")


def test_the_other_labels_say_what_they_said_within_noise(grown: tuple[Ended, Path], tmp_path: Path, tiny_corpus: Path) -> None:
    """Only the frequencies of terms change for them: no probability moves by 0.02, and no tag."""
    (tmp_path / "labels").mkdir()
    for path in (tiny_corpus / "labels").iterdir():
        shutil.copy(path, tmp_path / "labels")
    known = [{**row, "grades": {label: row[label] for label in LABELS}} for row in mine(240, 5000)]
    write_jsonl(tmp_path / "authored.jsonl", known)
    before = training.train(corpora.read_corpus(tmp_path))
    request = Request((grown[1] / "plums.csv",), base=tmp_path, labels=(grown[1] / "plums.toml",))
    after = retrain(prepare(request), request).model
    texts = ["\n".join(invented(("kites", "looms", "")[n % 3], 6000 + n)) for n in range(300)]
    for definition in ("strict", "broad"):
        was, now = before.tag(texts, definition), after.tag(texts, definition)
        assert was.labels == now.labels[:2]
        moved = np.abs(was.probabilities - now.probabilities[:, :2])
        assert moved.max() < 0.02
        assert moved.mean() < 0.002
        assert (was.assigned == now.assigned[:, :2]).all()


def test_a_label_can_be_put_into_a_corpus_of_ones_own(tmp_path: Path, grown: tuple[Ended, Path], tiny_corpus: Path) -> None:
    source = grown[1]
    added = ipclass("labels", "add", "plums", "--from", source / "plums.toml", "--corpus", tmp_path / "own")
    assert added.code == 0
    assert (tmp_path / "own" / "labels" / "plums.toml").read_text() == PLUMS
    again = ipclass("labels", "add", "plums", "--from", source / "plums.toml", "--corpus", tmp_path / "own")
    assert (again.code, "--force" in again.err) == (1, True)
    done = train(tmp_path / "own", source / "plums.csv", "--base", tiny_corpus, "-o", tmp_path / "m", "-q")
    assert done.code == 0
    assert Model.load(tmp_path / "m").digest == Model.load(source / "m").digest
    alone = train(tmp_path / "own", source / "plums.csv", "-o", tmp_path / "alone", "-q")
    assert alone.code == 0
    assert Model.load(tmp_path / "alone").labels.ids == ("plums",)


@pytest.mark.parametrize(
    ("id", "change", "told"),
    [
        ("plums", lambda text: text.replace("summary", "sumary"), "summary is missing"),
        ("plums", lambda text: text + "[text]\nsettings = ['(']\n", "no regular expression"),
        ("Plums!", lambda text: text, "cannot be a label id"),
        ("other", lambda text: text, "cannot be a label id"),
    ],
)
def test_a_label_file_that_makes_no_sense_is_not_added(tmp_path: Path, id: str, change: Any, told: str) -> None:
    (tmp_path / "x.toml").write_text(change(PLUMS))
    found = ipclass("labels", "add", id, "--from", tmp_path / "x.toml", "--corpus", tmp_path / "own")
    assert found.code == 1
    assert told in found.err
    assert len(found.lines) == 1
    assert not (tmp_path / "own").exists()


def test_a_template_is_a_label_file_to_fill_in(tmp_path: Path) -> None:
    found = ipclass("labels", "new", "fusion_energy")
    (tmp_path / "fusion_energy.toml").write_bytes(found.out)
    assert 'name = "Fusion energy"' in found.out.decode()
    added = ipclass("labels", "add", "fusion_energy", "--from", tmp_path / "fusion_energy.toml", "--corpus", tmp_path / "own")
    assert added.code == 0
    assert ipclass("labels", "new", "Fusion").code == 1


# The gate


def spoilt(n: int = 120) -> list[dict[str, Any]]:
    """Return judgements that call kites looms and looms kites."""
    return [{**row, "kites": row["looms"], "looms": row["kites"]} for row in mine(n, 1000)]


def test_a_worse_model_is_refused_unless_forced_and_the_card_says_so(
    tmp_path: Path, tiny_corpus: Path, tiny_model: str
) -> None:
    table = write_csv(tmp_path / "spoilt.csv", spoilt())
    held_out = write_csv(tmp_path / "held_out.csv", mine(90, 2000))
    arguments = (table, "--base", tiny_corpus, "--against", tiny_model, "--held-out", held_out, "-o", tmp_path / "m")
    found = train(*arguments, "--metrics-file", tmp_path / "metrics.json")
    assert found.code == 1
    assert found.lines[-1].startswith(f"ipclass: {tmp_path / 'm'}: not written: worse than the old model on kites (strict)")
    assert not (tmp_path / "m").exists()
    assert json.loads((tmp_path / "metrics.json").read_text())["comparison"]["passed"] is False
    forced = train(*arguments, "--force")
    assert forced.code == 0
    model = Model.load(tmp_path / "m")
    assert model.facts["comparison"]["passed"] is False
    assert "## Beside the old model" in model.card
    assert "| worse |" in model.card


def test_a_model_that_is_no_worse_passes(tmp_path: Path, tiny_corpus: Path, tiny_model: str) -> None:
    table = write_csv(tmp_path / "mine.csv", mine(60))
    found = train(table, "--base", tiny_corpus, "--against", tiny_model, "-o", tmp_path / "m")
    assert found.code == 0
    comparison = Model.load(tmp_path / "m").facts["comparison"]
    assert comparison["passed"] is True
    assert comparison["on"] == "60 documents that the old model learnt from and 60 new documents, out of fold"
    assert {each["documents"] for each in comparison["differences"]} == {120}


def test_an_old_model_that_is_not_of_the_corpus_is_compared_on_new_documents_alone(tmp_path: Path, tiny_corpus: Path) -> None:
    half = tmp_path / "half"
    half.mkdir()
    (half / "labels").symlink_to(tiny_corpus / "labels")
    write_jsonl(half / "authored.jsonl", judged(45))
    old = training.train(corpora.read_corpus(half))
    request = Request((write_csv(tmp_path / "mine.csv", mine(60)),), base=tiny_corpus, against=old)
    done = retrain(prepare(request), request)
    assert done.comparison is not None
    assert done.comparison.on == "60 new documents, out of fold; the old model may have seen all others"
    assert {each.documents for each in done.comparison.differences} == {60}


def test_in_the_next_round_what_the_old_model_has_learnt_from_is_not_new(tmp_path: Path, tiny_corpus: Path) -> None:
    first, second = (write_csv(tmp_path / f"{n}.csv", mine(60, start)) for n, start in enumerate((100, 200)))

    def trained(*tables: Path, against: Model | None = None) -> retraining.Retrained:
        request = Request(tables, base=tiny_corpus, against=against)
        return retrain(prepare(request), request)

    old = trained(first).model
    both, alone, again = (trained(*tables, against=old).comparison for tables in ((first, second), (second,), (first,)))
    assert both is not None
    assert both.on == "120 documents that the old model learnt from and 60 new documents, out of fold"
    assert {each.documents for each in both.differences} == {180}
    assert alone is not None  # the first judgements are not at hand, so that the old model cannot be made again
    assert alone.on == "60 new documents, out of fold; the old model may have seen all others"
    assert {each.documents for each in alone.differences} == {60}
    assert again is not None
    assert {(each.documents, each.difference.value) for each in again.differences} == {(120, 0.0)}
    held_out = Request((second,), base=tiny_corpus, against=old, held_out=(first,))
    assert "the old model has seen them" in str(prepare(held_out).errors[0])


def test_out_of_fold_no_model_is_asked_about_what_it_has_seen(tmp_path: Path, tiny_corpus: Path, tiny_model: str) -> None:
    """Judgements that contradict the words: a model that has seen a document says what was judged, another cannot."""
    noise = [{**row, "kites": 2 * (hash_of(row["id"]) % 2), "looms": 0} for row in mine(90, 3000)]
    old = Model.load(tiny_model)
    request = Request((write_csv(tmp_path / "noise.csv", noise),), base=tiny_corpus, against=old)
    done = retrain(prepare(request), request)
    assert done.comparison is not None
    new = done.model.tag([f"{row['title']}\n{row['abstract']}" for row in noise])
    seen = np.mean(new.assigned[:, 0] == np.array([row["kites"] == 2 for row in noise]))
    out_of_fold = next(each for each in done.comparison.differences if each.label == "kites")
    assert seen > 0.8
    assert out_of_fold.new < 0.8


def hash_of(text: str) -> int:
    import zlib

    return zlib.crc32(text.encode())


def test_held_out_documents_that_are_learnt_from_are_refused(tmp_path: Path, tiny_corpus: Path, tiny_model: str) -> None:
    table = write_csv(tmp_path / "mine.csv", mine(30))
    found = train(table, "--base", tiny_corpus, "--against", tiny_model, "--held-out", table, "-o", tmp_path / "m")
    assert found.code == 1
    assert sum("of the held-out documents" in line for line in found.lines) == 20
    old = [{"id": r["id"], "title": r["title"], "abstract": r["abstract"], **r["grades"]} for r in judged(30)]
    seen = write_csv(tmp_path / "seen.csv", old)
    found = train(table, "--base", tiny_corpus, "--against", tiny_model, "--held-out", seen, "-o", tmp_path / "m")
    assert found.code == 1
    assert "30 documents are in the corpus already" in found.err


def test_evaluate_fails_on_a_model_that_is_worse(tmp_path: Path, tiny_corpus: Path, tiny_model: str) -> None:
    request = Request((write_csv(tmp_path / "spoilt.csv", spoilt()),), base=tiny_corpus)
    retrain(prepare(request), request).model.save(tmp_path / "m")
    held_out = write_csv(tmp_path / "held_out.csv", mine(90, 2000))
    worse = ipclass("evaluate", held_out, "-m", tmp_path / "m", "--against", tiny_model, "--draws", "50")
    assert worse.code == 1
    assert "worse than the old model on kites (strict)" in worse.lines[-1]
    better = ipclass("evaluate", held_out, "-m", tiny_model, "--against", tmp_path / "m", "--draws", "50", "--json")
    assert better.code == 0
    assert json.loads(better.out)["comparison"]["passed"] is True


# Determinism


@pytest.mark.slow
def test_the_same_inputs_make_the_same_bytes_in_any_process(tmp_path: Path, tiny_corpus: Path) -> None:
    table = write_csv(tmp_path / "mine.csv", mine(45))
    made = []
    for number, (seed, jobs, threads) in enumerate((("1", "1", "1"), ("2", "2", "2"))):
        folder = tmp_path / f"m{number}"
        command = [
            sys.executable,
            "-c",
            "from ipclass.cli import main; main()",
            "train",
            str(table),
            "--base",
            str(tiny_corpus),
        ]
        variables = {**environment(), "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        subprocess.run([*command, "-o", str(folder), "-j", jobs, "-q"], env=variables, check=True, timeout=120)
        made.append(files_in(folder))
    assert made[0] == made[1]
    assert parts.MANIFEST in made[0]


# Small parts


def test_rows_are_accounted_for(tmp_path: Path, tiny_corpus: Path) -> None:
    bad = [*mine(5), {**mine(1, 900)[0], "kites": "x"}, {**mine(1, 901)[0], "kites": "", "looms": ""}]
    prepared = prepare(Request((write_csv(tmp_path / "a.csv", bad),), base=tiny_corpus))
    assert retraining.checked(prepared).splitlines()[0] == "7 rows: 5 judged, 1 not judged, 1 with an error"


def test_what_was_before_stands_beside_what_is_now(tiny_model: str, tmp_path: Path, tiny_corpus: Path) -> None:
    request = Request((write_csv(tmp_path / "a.csv", mine()),), base=tiny_corpus)
    done = retrain(prepare(request), request)
    before = Model.load(tiny_model).facts["cross_validation"]
    assert "before" not in retraining.as_text(done)
    lines = retraining.as_text(
        replace(done, before=[before[0], {"definition": "broad", "label": "looms", "f1": 0.25}])
    ).splitlines()
    first, last = (lines[place].split() for place, line in enumerate(lines) if line.split()[:1] == ["before"])
    assert first == ["before", str(before[0]["positives"]), *(f"{before[0][name]:.3f}" for name in retraining._SHOWN)]
    assert last == ["before", "-", "-", "-", "0.250", "-", "-"]
    assert max(map(len, lines)) <= 80


def test_without_an_old_model_held_out_documents_say_how_good_the_new_one_is(tmp_path: Path, tiny_corpus: Path) -> None:
    held_out = write_csv(tmp_path / "held_out.csv", mine(30, 2000))
    found = train(write_csv(tmp_path / "a.csv", mine()), "--base", tiny_corpus, "--held-out", held_out, "-o", tmp_path / "m")
    assert found.code == 0
    assert any(line.startswith("30 documents, 0 of them unscored") for line in found.lines)


def test_an_origin_that_represents_calibrates_and_a_picked_one_does_not(tmp_path: Path, tiny_corpus: Path) -> None:
    table = write_csv(tmp_path / "a.csv", mine(90))
    counts = {}
    for origin in ("picked", "representative"):
        request = Request((table,), base=tiny_corpus, wanted=Wanted(origin=origin))
        model = retrain(prepare(request), request).model
        counts[origin] = {row["documents"] for row in model.facts["cross_validation"]}
    assert counts == {"picked": {150}, "representative": {90}}  # the tiny corpus is authored: all calibrate, or the drawn alone


def test_the_gate_knows_its_words() -> None:
    assert len({gate.WORSE, gate.BETTER, gate.SAME, gate.TOO_FEW, gate.NEW, gate.LOST}) == 6
