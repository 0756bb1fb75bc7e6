from __future__ import annotations

from pathlib import Path

import pytest

from ipclass.errors import LabelError
from ipclass.labels import LARGEST_FILE, LabelSet, parse_label, read_label, read_labels, template

GOOD = template("looms")


def setting(lines: str) -> str:
    return GOOD.replace("settings = []\nwords = []", lines)


def test_a_label_is_called_as_its_file_or_as_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "looms.toml").write_text(GOOD)
    assert read_label(tmp_path / "looms.toml").id == "looms"
    assert read_label(tmp_path / "looms.toml", "weaving").id == "weaving"
    assert read_label(tmp_path / "looms.toml").source == GOOD


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read: No such file"),
        (b"\xff", "is not UTF-8"),
        (b"x" * (LARGEST_FILE + 1), "is no label file"),
        (b"a = 1." + b"." * 3000, "that is no label file"),
        (b"a =", "not valid TOML"),
        (b"name = 'x'", "version is missing"),
    ],
)
def test_a_file_that_is_no_label_is_refused_in_one_line(content: bytes | None, told: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "looms.toml").write_bytes(content)
    with pytest.raises(LabelError, match=told) as error:
        read_label(tmp_path / "looms.toml")
    assert "\n" not in str(error.value)
    assert str(tmp_path / "looms.toml") in str(error.value)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("settings = ['(']", "is no regular expression of polars"),
        ("settings = ['(?<=a)b']", "look-around"),
        ("settings = ['a?']", "fits the empty text"),
        ("settings = 'a'", "must be a list of texts"),
        ("settings = ['a']\nwords = ['b']", "must be a list of texts"),
        ("settings = [" + "'a', " * 21 + "]", "at most 20 patterns"),
    ],
)
def test_openings_that_make_no_sense_are_refused(lines: str, told: str) -> None:
    with pytest.raises(LabelError, match=told):
        parse_label("looms", setting(lines), "looms.toml")


def test_openings_that_make_sense_are_kept() -> None:
    label = parse_label("looms", setting("settings = ['in a loom of [a-z]+']\nwords = [['loom']]"), "looms.toml")
    assert label.setting is not None
    assert LabelSet((label,)).settings.mask("In a loom of steel, a pump.").split() == ["settinglooms", ",", "a", "pump."]


def test_more_groups_of_words_than_can_be_told_apart_are_refused() -> None:
    one = parse_label("looms", setting(f"settings = ['a']\nwords = {[['a']] * 61}"), "looms.toml")
    with pytest.raises(LabelError, match="61 groups of words"):
        LabelSet((one,))


def test_a_folder_without_labels_says_so(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match="holds no label file"):
        read_labels(tmp_path)
    with pytest.raises(LabelError, match="no such folder"):
        read_labels(tmp_path / "none")
