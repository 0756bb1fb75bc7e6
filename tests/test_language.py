from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipclass import Document, Model
from ipclass.language import is_latin, language_of
from ipclass.records import UNSCORED

CASES = [json.loads(line) for line in (Path(__file__).parent / "cases" / "languages.jsonl").read_text("utf-8").splitlines()]
CHINESE = "一种水泵阀门，当管路中的压力超过限定值时，所述阀门打开，弹簧使流量在水泵的各种转速下保持均匀。"
GERMAN = (
    "Ein Ventil öffnet sich, sobald der Druck in der Leitung einen Grenzwert übersteigt. Die Feder hält den Durchfluss gleich."
)
FRENCH = "Une soupape s'ouvre dès que la pression dans la conduite dépasse une limite. Le ressort maintient le débit constant."
ENGLISH = (
    "A valve opens as soon as the pressure in the pipe exceeds a limit. A spring keeps the flow even at any speed of the pump."
)


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.load()


def reason(model: Model, title: str, abstract: str) -> str:
    return next(model.classify([Document(title, abstract)])).unscored


def test_the_cases_are_many_languages_in_several_scripts() -> None:
    assert len({case["language"] for case in CASES}) >= 35
    assert sum(not is_latin(case["text"]) for case in CASES) >= 12


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["language"])
def test_a_text_in_another_language_is_unscored_and_its_language_named(model: Model, case: dict[str, str]) -> None:
    for title, abstract in (("", case["text"]), (case["text"], "")):
        found = next(model.classify([Document(title, abstract)]))
        assert (found.unscored, found.primary, found.scope) == (f"language: {case['language']}", UNSCORED, "")


@pytest.mark.parametrize(
    ("title", "abstract"),
    [
        ("一种水泵阀门", ENGLISH),
        ("ポンプの弁", ENGLISH),
        ("Ventil für eine Pumpe mit einer Feder und einem Deckel", ENGLISH),
        ("Soupape", f"{ENGLISH} {FRENCH}"),
        ("", f"{GERMAN}\n{ENGLISH}"),
        ("", f"{ENGLISH}（{CHINESE[:20]}）"),
        (
            "Water pump",
            "The utility model discloses a kind of water pump, it is characterized in that: including pump body and motor, one "
            "end of pump body is fixedly connected with valve plate, the advantage is reasonable structure and energy-saving.",
        ),
        (
            "Compounds",
            "Piperazine, aminothiazole carboxamide, hydroxyquinoline and tetrahydrofuran salts, used as fungicides against "
            "Botrytis cinerea and Phytophthora infestans in water, oil, soil and seed.",
        ),
        (
            "Cells",
            "Engineered cell lines overexpress at least one of KLF9, ADGRB2, TMEM41, ZNF330, CXXC4, PTPRZ1, SLC30A3, FOXR2.",
        ),
        ("Kitesurf", "A kite, a bar, a leash, a harness and a quick release."),
    ],
)
def test_a_text_with_an_english_part_stays_scored(model: Model, title: str, abstract: str) -> None:
    assert reason(model, title, abstract) == ""


@pytest.mark.parametrize(
    ("title", "abstract", "expected"),
    [
        ("Valve for a pump", GERMAN * 3, "language: de"),
        ("Valve", CHINESE * 3, "language: zh"),
        ("", "本水泵", "language: zh"),
        ("", "Насос высокого давления", "language: ru"),
        ("", "Насос", "too short"),
        ("", "Fluorobenzylpiperazine, aminothiazole carboxamide and hydroxyquinoline salts as fungicides", "no known words"),
        (
            "",
            "jsem tusa polni karo dvizh control stavi meta numa radar lopa tiri buka sensor venda signal",
            "language: unknown",
        ),
        ("", "Pumpe", "too short"),
        ("", "Pumpe und Ventil", "too short"),
        ("", "USB", "too short"),
        ("", "The of and in a by 12 34 with pumps", "too short"),
        ("", "asdf qwer zxcv uiop hjkl fghj vbnm rtyu", "no known words"),
        ("", "flurb gribble snark boojum jabberwock", "no known words"),
        ("", "12 (34) - 5", "empty"),
    ],
)
def test_the_reason_is_what_is_wrong_with_the_text(model: Model, title: str, abstract: str, expected: str) -> None:
    assert reason(model, title, abstract) == expected


def test_a_small_model_knows_few_words_but_still_knows_english(tiny_model: str) -> None:
    assert (
        reason(Model.load(tiny_model), "", "Aluminium alloy billets undergo homogenization, extrusion, quenching, kite forging")
        != ""
    )
    assert "language" not in reason(Model.load(tiny_model), "", "Aluminium alloy billets undergo homogenization and quenching")
    assert reason(Model.load(tiny_model), "", GERMAN) == "language: de"


def test_english_tables_never_wait_for_the_language_model() -> None:
    import subprocess

    script = (
        "import sys; from ipclass import Document, Model;"
        f"print([p.unscored for p in Model.load().classify([Document('Valve', {ENGLISH!r})])], 'py3langid' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[''] False"


@pytest.mark.parametrize(
    ("text", "language"),
    [(f"{ENGLISH} {FRENCH}", "en"), (f"{FRENCH} {ENGLISH}", "en"), (f"Valve. {FRENCH * 3}", "fr"), (FRENCH, "fr"), ("", "")],
)
def test_a_third_of_english_makes_a_text_english(text: str, language: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("text", "latin"),
    [("Ölpumpe", True), ("Việt", True), ("", True), ("12", True), ("水泵阀门 USB", False), ("клапан", False), ("αβ ab", True)],
)
def test_scripts_are_told_apart(text: str, latin: bool) -> None:
    assert is_latin(text) is latin


@given(st.text(max_size=300))
def test_any_text_has_a_language_of_two_letters_or_none(text: str) -> None:
    language = language_of(text)
    assert language == "" or (len(language) == 2 and language.islower())
