from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipclass import text as text_stage
from ipclass.errors import ModelError
from ipclass.text import LONGEST_FIELD, NOTHING, STOP, Setting, Settings, analyse, fields, marker, normal, singular, terms

SETTINGS = Settings((Setting("x1", (r"in a (?:5g|6g) system for higher rates",), (("5g", "6g"), ("rate", "rates"))),))


@pytest.mark.parametrize(
    ("word", "term"),
    [
        ("Electrodes", "electrode"),
        ("6G", "6g"),  # a generation, not six grams
        ("6g", NOTHING),  # six grams, not a generation
        ("3D", "3d"),
        ("5th", "5th"),
        ("100GHz", "ghz"),
        ("1.5THz", "thz"),
        ("110", NOTHING),
        ("10a", NOTHING),
        ("12B", NOTHING),
        ("S101", NOTHING),
        ("SARS2", "sars2"),
        ("x", NOTHING),
        ("the", STOP),
        ("comprising", STOP),
        ("a" * 41, NOTHING),
    ],
)
def test_a_word_becomes_its_term(word: str, term: str) -> None:
    assert analyse(word) == term


@pytest.mark.parametrize(
    ("word", "stem"), [("gas", "gas"), ("bus", "bus"), ("axis", "axis"), ("mass", "mass"), ("ways", "way")]
)
def test_plural_stripping_leaves_singulars_alone(word: str, stem: str) -> None:
    assert singular(word) == stem


def test_a_pair_bridges_stop_words_and_numerals_but_not_the_end_of_the_title() -> None:
    title, abstract = terms("Brain signal\nelectrode (12) of the array")
    assert title == ["brain", "signal", "brain signal"]
    assert abstract == ["electrode", "array", "electrode array"]


def test_a_hyphen_separates_and_a_decimal_point_does_not() -> None:
    assert terms("brain-computer interface at 2.4GHz")[1][:4] == ["brain", "computer", "interface", "ghz"]


def test_signs_beyond_ascii_are_normalised_and_letters_kept() -> None:
    assert normal("µ-metal “naïve”—ﬁbre ½").split() == ["μ", "metal", "naïve", "fibre", "1", "2"] or "naïve" in normal("naïve")
    assert "fibre" in normal("ﬁbre")


def test_a_text_without_a_line_feed_is_an_abstract() -> None:
    assert fields("only this") == ("", "only this")


def test_later_line_feeds_belong_to_the_abstract() -> None:
    assert fields("title\none\ntwo") == ("title", "one two")


def test_an_opening_that_names_a_setting_leaves_its_marker_alone() -> None:
    masked = terms("In a 6G system for higher rates, a pump.", SETTINGS)[1]
    assert masked == [marker("x1"), "pump", f"{marker('x1')} pump"]


def test_a_purpose_is_no_setting() -> None:
    assert "6g" in terms("A pump for a 6G system.", SETTINGS)[1]


def test_an_opening_needs_a_word_of_each_group() -> None:
    assert Settings((Setting("x", ("abc",), (("zzz",),)),)).mask("abc") != "abc"
    assert terms("abc def", Settings((Setting("x", ("abc",), (("zzz",),)),)))[1][0] == "abc"


@given(st.lists(st.text(alphabet="abx 5g.,", max_size=40), max_size=6))
def test_many_texts_are_masked_as_each_alone_is(texts: list[str]) -> None:
    settings = Settings((Setting("x", ("a+b", "5g")), Setting("y", ("[bx]{2}",)), Setting("z", ())))
    assert settings.mask_all(texts) == [settings.mask(text) for text in texts]
    assert Settings().mask_all(texts) == texts


@pytest.mark.parametrize(
    ("pattern", "text", "spans"),
    [
        ("a+b", "xaab AB b", [(1, 4), (5, 7)]),
        (r"\bx", "ax x", [(3, 4)]),
        ("a|b", "ab", [(0, 1), (1, 2)]),
        ("q", "abc", []),
        ("b", "a\x02b\x03", [(2, 3)]),
    ],
)
@pytest.mark.parametrize("process", [os.getpid(), -1], ids=["polars", "forked"])
def test_openings_are_found_where_they_stand(
    process: int, pattern: str, text: str, spans: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_stage, "_PROCESS", process)
    settings = Settings((Setting("x", (pattern,)),))
    assert settings.openings(text) == [(start, end, "x") for start, end in spans]
    assert settings.mask(text).count("settingx") == len(spans)


def test_a_pattern_that_only_polars_knows_is_refused_in_a_forked_process(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings((Setting("x", (r"\p{Greek}+",)),))
    assert settings.mask("a βγ b") == "a  settingx  b"
    monkeypatch.setattr(text_stage, "_PROCESS", -1)
    with pytest.raises(ModelError, match=r"is no regular expression of Python: .* tag in one process"):
        settings.mask("a βγ b")


def test_a_masked_text_never_grows_beyond_what_is_read() -> None:
    masked = Settings((Setting("x", (".",) * 9),)).mask("a" * 50_000)
    assert len(masked) == LONGEST_FIELD
