from __future__ import annotations

import datetime
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipclass.formats import values
from ipclass.formats.unslashed import slashed

DAYS = st.dates(datetime.date(1800, 1, 1), datetime.date(2099, 12, 31))
CODES = st.builds(
    "{}{:02}{}{}/{}".format,
    st.sampled_from("ABCDEFGHY"),
    st.integers(1, 99),
    st.sampled_from(string.ascii_uppercase),
    st.integers(1, 9999),
    st.text(string.digits, min_size=2, max_size=6),
)
FORMS = (
    "%Y%m%d",
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%d %b %Y",
    "%b %d, %Y",
    "%Y-%m-%dT%H:%M:%S",
    "%Y年%m月%d日",
)


@given(DAYS, st.sampled_from(FORMS))
def test_a_day_is_the_same_in_every_form(day: datetime.date, form: str) -> None:
    assert values.date(datetime.datetime(day.year, day.month, day.day).strftime(form)) == day.isoformat()


@given(st.dates(datetime.date(1927, 5, 18), datetime.date(2099, 12, 31)))
def test_a_day_in_a_workbook_may_stand_as_a_number_of_five_digits(day: datetime.date) -> None:
    number = (day - datetime.date(1899, 12, 30)).days
    assert values.sheet_date(str(number)) == values.sheet_date(f"{number}.5") == day.isoformat()


@given(st.text() | st.text("0123456789-./ 年月日TJanFeb", max_size=12))
def test_what_is_called_a_date_is_one_as_far_as_it_goes(text: str) -> None:
    found = values.date(text)
    assert re.fullmatch(r"(\d{4}(-\d\d(-\d\d)?)?)?", found)
    if len(found) == 10:
        datetime.date.fromisoformat(found)


@pytest.mark.parametrize(
    "none",
    [
        "",
        "0",
        "00000000",
        "9999-12-31",
        "99991231",
        "9999",
        "20201301",
        "20200230",
        "2020-00-05",
        "31.02.2020",
        "n/a",
        "1.5",
        "12345",
    ],
)
def test_what_stands_for_no_date_is_none(none: str) -> None:
    assert values.date(none) == ""


@pytest.mark.parametrize(
    ("text", "known"), [("2020", "2020"), ("202005", "2020-05"), ("20200500", "2020-05"), ("2020-05", "2020-05")]
)
def test_of_a_date_as_much_is_kept_as_is_known(text: str, known: str) -> None:
    assert values.date(text) == known


def test_a_date_with_slashes_is_read_only_where_one_reading_is_possible() -> None:
    assert values.date("03/04/2020") == "2020"
    assert values.date("25/04/2020") == values.date("04/25/2020") == "2020-04-25"
    assert values.date("04/04/2020") == "2020-04-04"


@given(CODES)
def test_a_code_is_the_same_however_it_is_written(code: str) -> None:
    group, _, subgroup = code[4:].partition("/")
    forms = [
        f"{code[:4]} {group}/{subgroup}",
        f"{code[:4]}{group:>4}/{subgroup}",
        f"{code[:4]}{group:0>4}/{subgroup}",
        f"{code[:4]}-{group:0>3}/{subgroup}",
        f"{code.lower()} (2006.01)",
        f"{code}(EP,US)",
        f"{code}    20060101AFI20200101BHEP",
    ]
    assert {values.code(form) for form in forms} == {code}


@given(CODES.filter(lambda code: not code.endswith("0")))
def test_a_code_of_fixed_width_loses_its_padding(code: str) -> None:
    group, _, subgroup = code[4:].partition("/")
    assert values.code(f"{code[:4]}{group:0>4}{subgroup:0<6}") == code


@given(st.text() | CODES | st.text("G06N34/ -0", max_size=14))
def test_what_is_called_a_code_is_one(text: str) -> None:
    found = values.code(text)
    assert re.fullmatch(r"([A-HY]\d\d[A-Z]([1-9]\d{0,3}(/\d{2,6})?)?)?", found)
    assert values.code(found) == found


@pytest.mark.parametrize(
    "none", ["4F21S43 /237", "5K002AA01", "I06N3/08", "G06N3/0812345", "G06N3/8", "G6N3/08", "3D", "", "706/15"]
)
def test_other_schemes_and_mistakes_are_no_codes(none: str) -> None:
    assert values.code(none) == ""


def test_codes_come_once_and_in_order() -> None:
    assert values.codes(["G06N 3/08", "x", "A63H27/08", "G06N3/08"]) == "G06N3/08;A63H27/08"


@pytest.mark.parametrize(
    ("written", "id"),
    [
        ("US-7650331-B1", "US7650331B1"),
        ("US 2019/0999001 A1", "US20190999001A1"),
        ("US2019999001A1", "US20190999001A1"),
        ("US20190999001A1", "US20190999001A1"),
        ("US-D999999-S1", "USD999999S1"),
        ("US RE99,999 E", "USRE99999E"),
        ("WO/2020/123456", "WO2020123456"),
        ("WO2020123456-A1", "WO2020123456A1"),
        ("EP0123456A1", "EP0123456A1"),
        ("CN202099999U", "CN202099999U"),
        ("KR 10-2020-0012345 A", "KR1020200012345A"),
        ("JP H10-123456 A", "JPH10123456A"),
        ("ＣＮ１１２３４５６７８Ａ", "CN112345678A"),
        ("US20190999001A1-20190228", "US20190999001A1"),
    ],
)
def test_a_publication_number_has_one_spelling(written: str, id: str) -> None:
    assert values.publication(written).id == id
    assert values.publication(id).id == id


def test_office_and_kind_are_put_to_a_bare_number_and_not_twice() -> None:
    assert values.publication("09999001", "US", "B2") == ("US9999001B2", "US", "B2")
    assert values.publication("US9999001B2", "US", "B2").id == "US9999001B2"
    assert values.publication("99/123.4", "us") == ("US991234", "US", "")
    assert values.publication("", "US", "A1") == ("", "US", "A1")


@given(st.text())
def test_a_name_can_stand_beside_others(text: str) -> None:
    found = values.name(text)
    assert ";" not in found
    assert found == found.strip()
    assert not set(found) & set("\r\n\t\0")


@given(st.text())
def test_a_text_is_one_line_and_loses_no_word(text: str) -> None:
    found = values.text(text)
    assert "\n" not in found
    assert "".join(found.split()) == re.sub(r"[\s\x00-\x1f\x7f]", "", text)


@pytest.mark.parametrize(
    ("said", "type"),
    [
        ("COMPANY", "enterprise"),
        ("GOV NON-PROFIT", "government"),
        ("GOV NON-PROFIT UNIVERSITY", "mixed"),
        ("COMPANY GOV NON-PROFIT", "mixed"),
        ("UNKNOWN", ""),
        ("", ""),
        ("企业", "enterprise"),
        ("大专院校", "university"),
        ("科研单位", "institute"),
        ("机关团体", "government"),
        ("个人", "individual"),
        ("其他", "other"),
        ("Kite makers", ""),
    ],
)
def test_the_type_of_an_applicant_is_one_of_few_words(said: str, type: str) -> None:
    assert values.applicant_type(said) == type
    assert type in (*values.TYPES, "")


@pytest.mark.parametrize(("code", "type"), [("2", "enterprise"), ("15", "individual"), ("06", "government")])
def test_the_numbers_of_the_uspto_are_types(code: str, type: str) -> None:
    assert values.role(code) == type


@pytest.mark.parametrize("code", ["", "0", "01", "1", "123", "x", "-2"])
def test_other_numbers_are_no_types(code: str) -> None:
    assert values.role(code) == ""


def test_of_several_dates_the_earliest_counts_and_a_day_more_than_its_year() -> None:
    assert values.earliest(["2021-01-01", "", "2020", "2020-12-31"]) == "2020-12-31"
    assert values.earliest([]) == ""


@given(CODES)
def test_a_code_without_its_slash_gets_it_back_or_stays_coarse(code: str) -> None:
    found = slashed(code.replace("/", ""))
    assert found.startswith(code[:4])
    assert found == code[:4] or found.replace("/", "") == code.replace("/", "")


def test_a_code_that_could_be_read_in_two_ways_is_read_by_what_is_known() -> None:
    assert slashed("G06N3063") == "G06N3/063"
    assert slashed("A61M51723") == "A61M5/1723"  # not 51/723, and 517/23 is none
    assert slashed("G06F1730864") == "G06F17/30864"  # not 1/730864
    assert slashed("G06N") == "G06N"
    assert slashed("Z99Z123") == "Z99Z123"
