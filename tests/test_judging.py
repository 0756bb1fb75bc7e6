"""What the keys of a judging session do."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipclass import judging
from ipclass.judging import Place, Session
from ipclass.records import Document

LABELS = ("kites", "looms")
DOCUMENTS = tuple(Document(f"Title {number}", "An abstract.") for number in range(3))
NOTHING = ((None, None),) * 3


def begun(grades: tuple[judging.Grades, ...] = NOTHING) -> Session:
    return judging.begin(DOCUMENTS, LABELS, grades)


def pressed(session: Session, *keys: str) -> Session:
    for key in keys:
        session = judging.press(session, key)
    return session


def test_each_label_of_a_document_is_asked_before_the_next_document() -> None:
    session = pressed(begun(), "2", "0", "1")
    assert session.grades == ((2, 0), (1, None), (None, None))
    assert session.place == Place(1, 1)
    assert (session.judged, session.questions) == (3, 6)


def test_a_session_begins_at_the_first_question_without_an_answer_and_passes_over_those_that_have_one() -> None:
    session = begun(((2, 0), (None, 1), (0, None)))
    assert session.place == Place(1, 0)
    assert pressed(session, "0").place == Place(2, 1)


@pytest.mark.parametrize("key", [" ", "enter"])
def test_not_sure_leaves_the_grade_empty_and_asks_it_again_only_in_another_session(key: str) -> None:
    session = pressed(begun(), key, "1")
    assert session.grades[0] == (None, 1)
    assert session.place == Place(1, 0)
    assert begun(session.grades).place == Place(0, 0)


def test_undo_takes_answers_back_one_by_one_also_those_left_empty() -> None:
    session = pressed(begun(), "2", " ", "1", "u")
    assert (session.place, session.grades[1]) == (Place(1, 0), (None, None))
    session = pressed(session, "u")
    assert session.place == Place(0, 1)
    assert pressed(session, "u").grades == NOTHING


def test_undo_never_touches_what_was_judged_before_the_session() -> None:
    earlier = ((2, 0), (None, None), (None, None))
    session = pressed(begun(earlier), "u")
    assert session.grades == earlier
    assert "nothing to undo" in session.note


def test_undo_goes_back_over_answers_given_before() -> None:
    session = pressed(begun(((None, 1), (0, 0), (None, None))), "2", "u")
    assert session.place == Place(0, 0)
    assert session.grades[0] == (None, 1)


def test_a_session_ends_when_the_judge_leaves_and_keeps_its_place() -> None:
    left = pressed(begun(), "2", "q")
    assert (left.over, left.place) == (True, Place(0, 1))
    assert pressed(left, "1") == left


def test_after_the_last_question_the_last_answer_can_be_taken_back_and_any_other_key_ends() -> None:
    done = pressed(begun(), *"222222")
    assert (done.place, done.over) == (None, False)
    assert pressed(done, "u").place == Place(2, 1)
    for key in ("2", "enter", "q"):
        assert pressed(done, key).over
        assert pressed(done, key).grades == done.grades


def test_a_sheet_without_open_questions_has_no_session() -> None:
    assert begun(((0, 0),) * 3).over
    assert judging.begin((), LABELS, ()).over


def test_help_opens_and_closes_without_giving_a_grade() -> None:
    session = pressed(begun(), "?")
    assert session.helping
    for key in ("2", "q", "u", " ", "?"):
        closed = pressed(session, key)
        assert (closed.helping, closed.grades, closed.over) == (False, NOTHING, False)


def test_scrolling_moves_the_text_and_nothing_else_and_each_document_begins_at_its_top() -> None:
    session = pressed(begun(), "down", "page down", "up")
    assert (session.scrolled, session.grades, session.place) == (10, NOTHING, Place(0, 0))
    assert pressed(session, "page up", "up").scrolled == 0
    assert pressed(session, "0").scrolled == 0
    assert pressed(begun(), "?", "down").helping


@pytest.mark.parametrize("key", ["3", "y", "n", "x", "\x1b", "\x00"])
def test_any_other_key_changes_nothing_and_says_so(key: str) -> None:
    session = pressed(begun(), "1", key)
    assert session.grades == ((1, None), (None, None), (None, None))
    assert "no key" in session.note
    assert not pressed(session, "1").note


@given(st.lists(st.sampled_from(["0", "1", "2", " ", "enter", "u", "?", "down", "up", "x"]), max_size=40))
def test_whatever_is_pressed_grades_and_questions_stay_in_step(pressed_keys: list[str]) -> None:
    session = pressed(begun(), *pressed_keys)
    assert session.judged <= len(session.past)
    if session.place is not None:
        assert session.grades[session.place.document][session.place.label] is None
    undone = pressed(session, *["x"] * session.helping, *["u"] * len(session.past))
    assert undone.left or undone.grades == NOTHING


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ("2", ["2"]),
        ("U", ["u"]),
        ("\r", ["enter"]),
        ("\n", ["enter"]),
        ("02 q", ["0", "2", " ", "q"]),
        ("\x1b[A2\x1b[6~", ["up", "2", "page down"]),
        ("\x1bOB", ["down"]),
        ("\x00H", ["up"]),
        ("\xe0P1", ["down", "1"]),
        ("", []),
    ],
)
def test_what_terminals_send_is_split_into_keys(sent: str, found: list[str]) -> None:
    assert judging.keys(sent) == found


@given(st.text())
def test_no_text_moves_the_cursor_or_turns_the_writing(text: str) -> None:
    shown = judging.shown(text)
    assert len(shown) == len(text)
    assert not any(unicodedata.category(sign).startswith("C") for sign in shown)
    assert judging.shown(shown) == shown
