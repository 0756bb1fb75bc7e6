from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ipclass.codes import code, code_range
from ipclass.corpus import shipped
from ipclass.errors import LabelError
from ipclass.labels import Label, LabelSet, read_labels
from ipclass.records import DEFINITIONS, Document
from ipclass.rules import Evidence, Phrases, Rules, prepared

LABELS = read_labels(shipped() / "labels")
RULES = Rules(LABELS)


Lists = dict[str, tuple[str, ...]]


def label(*, phrases: Lists | None = None, codes: Lists | None = None) -> Label:
    """Return a label with the given phrases and codes and no others."""
    none: Lists = {"strong": (), "supporting": (), "against": ()}
    return replace(LABELS.labels[0], id="kites", phrases=none | (phrases or {}), codes=none | (codes or {}))


def found(phrase: str, text: str) -> bool:
    return bool(Phrases([phrase]).found(prepared(Document("", text))))


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("qubit*", "Qubits are read."),
        ("qubit*", "a qubit"),
        ("quantum comput*", "QUANTUM-COMPUTING"),
        ("quantum comput*", "a quantum\n computer"),
        ("brain-computer", "a brain computer interface"),
        ("brain computer interface*", "brain—computer–interfaces"),
        ("brain-computer", "brain\u00a0computer"),
        ("brain-computer", "brain\u2011computer"),
        ("neural net", "a neural net."),
        ("RIS", "a RIS-assisted link"),
        ("RIS", "(RIS)"),
        ("6G", "in 6G."),
        ("6G", "5G/6G"),
        ("b5g/6g", "B5G/6G links"),
        ("camera (6g)", "a Camera (6G) of lenses"),
        ("0.3-6g", "a band of 0.3-6G"),
        ("P300", "the P300 wave"),
    ],
)
def test_a_phrase_is_found(phrase: str, text: str) -> None:
    assert found(phrase, text)


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("neural net", "a neural network"),
        ("neural net", "aneural net"),
        ("neural net", "neural. Net of ropes"),
        ("quantum comput*", "quantum of computing"),
        ("quantum comput*", "quantum, computing"),
        ("RIS", "the ris of a river"),
        ("RIS", "RISC"),
        ("RIS", "IRIS"),
        ("6G", "6g of salt"),
        ("6G", "16G of memory"),
        ("6G", "2.6G spectrum"),
        ("6G", "6GHz"),
        ("6G", "a sub6G band"),
        ("SVM", "svm"),
        ("g/l", "5g/l"),
        ("camera (6g)", "camera 6g"),
        ("a.b", "axb"),
    ],
)
def test_a_near_miss_of_a_phrase_is_not(phrase: str, text: str) -> None:
    assert not found(phrase, text)


def test_a_phrase_does_not_run_from_the_title_into_the_abstract() -> None:
    phrases = Phrases(["quantum comput*"])
    assert not phrases.found(prepared(Document("A quantum", "Computing a sum.")))
    assert phrases.found(prepared(Document("", "A quantum\ncomputing device.")))


def test_phrases_are_named_once_as_the_label_lists_them() -> None:
    phrases = Phrases(["classif*", "AI", "predict*"])
    assert phrases.found("Classifying a class: AI classifies, predicted AI") == ("classif*", "AI", "predict*")
    assert phrases.found("ai and a classic") == ()


def test_no_phrases_find_nothing() -> None:
    assert Phrases([]).found("anything") == ()


@pytest.mark.parametrize("phrase", ["", "*", " - "])
def test_an_empty_phrase_is_refused(phrase: str) -> None:
    with pytest.raises(LabelError, match="is no phrase"):
        Phrases([phrase])


@given(
    st.lists(st.text("abAB*-. (", min_size=1).filter(lambda text: text.strip("*- ")), max_size=8),
    st.text("abAB-. (", max_size=30),
)
def test_phrases_together_find_what_each_finds_alone(phrases: list[str], text: str) -> None:
    text = prepared(Document("", text))
    alone = {phrase for phrase in phrases if Phrases([phrase]).found(text)}
    together = set(Phrases(phrases).found(text))
    assert together <= alone
    assert bool(together) == bool(alone)


@pytest.mark.parametrize(
    ("listed", "inside", "outside"),
    [
        (
            "H04B7/04-H04B7/15",
            "H04B7/04 H04B7/0413 H04B7/06 H04B7/145 H04B7/15 H04B7/15507",
            "H04B7/02 H04B7/155999X H04B7/185 H04B17/10 H04B7",
        ),
        (
            "G06N3/02-G06N3/10",
            "G06N3/02 G06N3/045 G06N3/0455 G06N3/08 G06N3/10 G06N3/105",
            "G06N3/00 G06N3/004 G06N3/12 G06N3/126 G06N5/02",
        ),
        ("G06N10/00-G06N10/80", "G06N10/00 G06N10/20 G06N10/80", "G06N1/00 G06N100/00 G06N20/00"),
        ("A61N1/362-A61N1/371", "A61N1/362 A61N1/365 A61N1/37 A61N1/371", "A61N1/36 A61N1/3605 A61N1/372 A61N1/38"),
        ("H04W4/02-H04W8/04", "H04W4/02 H04W4/90 H04W7/00 H04W8/02", "H04W4/00 H04W8/18 H04W40/02"),
        ("A61B5/375", "A61B5/375 A61B5/3751", "A61B5/37 A61B5/374 A61B5/38 A61B50/375"),
        ("G06N10", "G06N10/00 G06N10/20 G06N10", "G06N1/00 G06N100/10 G06N"),
        ("H04W56/00", "H04W56/00 H04W56/001 H04W56/0005", "H04W56/02 H04W560/00"),
        ("G01R", "G01R33/02 G01R33 G01R", "G01S7/00"),
    ],
)
def test_a_listed_code_covers_what_it_names_and_its_neighbours_not(listed: str, inside: str, outside: str) -> None:
    rules = Rules(LabelSet((label(codes={"strong": (listed,)}),)))
    nothing = Document("", "")
    for text in inside.split():
        assert rules.tags(nothing, [text]) == {"kites"}, text
    for text in outside.split():
        assert not rules.tags(nothing, [text]), text


@pytest.mark.parametrize(
    ("listed", "problem"),
    [
        ("H04B7/15-H04B7/145", "ends before it begins"),
        ("H04B7/04-H04L7/04", "same subclass"),
        ("H04B7-H04B9", "same subclass"),
        ("H04B7/04-", "no CPC or IPC code"),
        ("H04B7/04-145", "no CPC or IPC code"),
        ("radio", "no CPC or IPC code"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused_with_the_label_that_has_it(listed: str, problem: str) -> None:
    with pytest.raises(LabelError, match=problem):
        code_range(listed)
    with pytest.raises(LabelError, match=rf"label kites: .*{problem}"):
        Rules(LabelSet((label(codes={"against": (listed,)}),)))


subgroups = st.text("0123456789", min_size=2, max_size=6)
groups = st.integers(1, 30)


def decimal(group: int, subgroup: str) -> tuple[int, Fraction]:
    return group, Fraction(int(subgroup), 10 ** len(subgroup))


@given(groups, subgroups, groups, subgroups, groups, subgroups)
def test_ranges_follow_decimals(g1: int, s1: str, g2: int, s2: str, g: int, s: str) -> None:
    assume(decimal(g1, s1) <= decimal(g2, s2))
    listed = code_range(f"H04B{g1}/{s1}-H04B{g2}/{s2}")
    between = decimal(g1, s1) <= decimal(g, s) <= decimal(g2, s2)
    below_last = g == g2 and s.startswith(s2)
    assert listed.covers(code(f"H04B{g}/{s}")) == (between or below_last)
    assert not listed.covers(code(f"H04L{g}/{s}"))


@given(groups, subgroups, groups, subgroups)
def test_a_single_code_covers_what_begins_with_it(g1: int, s1: str, g: int, s: str) -> None:
    same = g == g1 and (s.startswith(s1) or decimal(g, s) == decimal(g1, s1))
    assert code_range(f"H04B{g1}/{s1}").covers(code(f"H04B{g}/{s}")) == same


STRONG, ONE, TWO = "a looping kite", "a thing that flies", "a thing that flies on a string"
kites = Rules(
    LabelSet(
        (
            label(
                phrases={"strong": ("kite*",), "supporting": ("flies", "string*", "wing"), "against": ("insect*",)},
                codes={"strong": ("A63H27/08",), "supporting": ("B64C31/00-B64C31/06",), "against": ("A01M1/00-A01M1/24",)},
            ),
        )
    )
)


@pytest.mark.parametrize(
    ("text", "codes", "strict", "broad"),
    [
        ("", "", False, False),
        (STRONG, "", True, True),
        (f"{STRONG} for insects", "A01M1/02", True, True),
        ("", "A63H27/085", True, True),
        ("an insect", "A63H27/08", True, True),
        (ONE, "", False, True),
        (f"{ONE} and flies and flies", "", False, True),
        (TWO, "", True, True),
        (ONE, "B64C31/02", True, True),
        (ONE, "B64C30/00", False, True),
        (f"{TWO}, an insect", "", False, False),
        (TWO, "A01M1/02", False, False),
        (f"{ONE}, an insect", "B64C31/02", False, False),
        ("a pump", "B64C31/02", False, False),
        ("a pump", "B64C31/02 B64C31/04", False, False),
        ("insects", "", False, False),
    ],
)
def test_what_is_strong_is_enough_and_signs_must_be_two_for_strict(text: str, codes: str, strict: bool, broad: bool) -> None:
    met = [bool(kites.tags(Document("", text), codes.split(), definition)) for definition in DEFINITIONS]
    assert met == [strict, broad]


def test_the_evidence_is_named() -> None:
    evidence = kites.evidence(Document("Kites", "A string for an insect"), ["B64C 31/02 (2006.01)", "A01M1/02", "nan", ""])
    assert evidence == {"kites": Evidence(("kite*",), ("string*",), ("B64C 31/02 (2006.01)",), ("insect*", "A01M1/02"))}


def test_codes_that_are_none_say_nothing() -> None:
    assert not kites.tags(Document("", TWO), ["H", "A63H"], "strict") - {"kites"}
    assert not kites.tags(Document("", "a pump"), ["", "unknown", "A63H27/0", "A63H27"])


def test_an_unknown_definition_is_refused() -> None:
    with pytest.raises(LabelError, match="no definition 'loose'"):
        kites.tags(Document("", ""), (), "loose")  # type: ignore[arg-type]


@given(st.text(), st.lists(st.text(), max_size=3))
def test_strict_tags_are_broad_tags_too(text: str, codes: list[str]) -> None:
    document = Document("", f"{text} quantum terahertz EEG predicts {text}")
    assert RULES.tags(document, codes, "strict") <= RULES.tags(document, codes, "broad")


@pytest.mark.parametrize(
    ("title", "abstract", "codes", "strict", "broad"),
    [
        ("Readout of a transmon", "A resonator reads out a qubit.", "", "quantum", "quantum"),
        ("Display", "A backlight film of red and green quantum dots.", "C09K11/02", "", ""),
        ("Quantum-resistant signature", "A signature over lattices.", "", "", "quantum"),
        ("Wheelchair", "Motor imagery is decoded by a neural network.", "", "ai bci", "ai bci"),
        ("Sleep", "EEG epochs are assigned to sleep stages.", "A61B5/4812", "", ""),
        ("Headset", "A headset with EEG electrodes.", "A61B5/291", "bci", "bci"),
        ("Paging", "A terminal in a 6G system is paged.", "", "", "6g"),
        ("Salt", "6 g of salt, 6g of sugar and rhodamine 6G.", "", "", ""),
        ("Link", "An intelligent reflecting surface serves a user.", "", "6g", "6g"),
        ("Scheduler", "HARQ timing in NR.", "H04W72/04 H04L5/00", "", ""),
        ("Transformer", "A winding of an oil-filled distribution transformer; its load is predicted.", "", "", ""),
        ("Report", "A pump report predicts wear.", "", "", "ai"),
        ("Machine", "A machine.", "G06N3/0464", "ai", "ai"),
        ("Machine", "A machine.", "G06N10/40", "quantum", "quantum"),
        ("Machine", "A machine.", "G06N3/123", "", ""),
        ("Kitchen knife", "A knife with a wooden handle.", "B26B9/00", "", ""),
    ],
)
def test_the_shipped_label_files_mean_what_they_say(title: str, abstract: str, codes: str, strict: str, broad: str) -> None:
    document = Document(title, abstract)
    assert RULES.tags(document, codes.split(), "strict") == set(strict.split())
    assert RULES.tags(document, codes.split(), "broad") == set(broad.split())


def test_every_shipped_phrase_is_found_in_itself_and_every_code_covers_its_ends() -> None:
    for each in LABELS:
        for phrases in each.phrases.values():
            for phrase in phrases:
                assert found(phrase, phrase.removesuffix("*")), phrase
        for codes in each.codes.values():
            for listed in codes:
                assert all(code_range(listed).covers(code(end)) for end in listed.split("-")), listed
