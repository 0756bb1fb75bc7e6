"""Dates, codes, numbers, names and types of applicants, each brought from the spellings of the sources into one form.

Every function here takes what a source says and returns text; what cannot be understood becomes "", never a guess.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

SEPARATOR = ";"
"""Stands between several values of one column."""

TYPES = ("enterprise", "university", "institute", "government", "hospital", "individual", "mixed", "other")
"""The types of applicants. ``government`` includes what PATSTAT and the Chinese offices count with it: non-profit bodies,
associations and the armed forces; ``institute`` is a public research institute where a source sets these apart; ``mixed``
is an applicant to whom PATSTAT gives several types at once."""

_TYPES: Mapping[str, str] = {
    "company": "enterprise",
    "individual": "individual",
    "gov non-profit": "government",
    "university": "university",
    "hospital": "hospital",
    "企业": "enterprise",
    "公司": "enterprise",
    "高校": "university",
    "院校": "university",
    "大专院校": "university",
    "院校/研究所": "mixed",
    "科研单位": "institute",
    "科研院所": "institute",
    "科研机构": "institute",
    "机关团体": "government",
    "政府机构": "government",
    "医院": "hospital",
    "个人": "individual",
    "其他": "other",
    "其它": "other",
}
_ROLES: Mapping[str, str] = {
    **dict.fromkeys("23", "enterprise"),
    **dict.fromkeys("45", "individual"),
    **dict.fromkeys("6789", "government"),
}
_PATSTAT_WORDS = ("company", "gov non-profit", "university", "hospital", "individual")

_CONTROL = re.compile(r"[\s\x00-\x1f\x7f]+")
_MONTHS = {name: number for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), start=1)}
_YEAR_FIRST = re.compile(r"(\d{4})(?:[-./年]\s*(\d{1,2})(?:[-./月]\s*(\d{1,2})日?|月)?)?(?:[T ]\s*\d{1,2}:\d{2}.*)?", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})?(?:\.0+)?", re.ASCII)
_DAY_FIRST = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})", re.ASCII)
_SPELT = re.compile(r"(\d{1,2})[ -]([A-Za-z]{3})[a-z]*\.?,?[ -](\d{4})|([A-Za-z]{3})[a-z]*\.? (\d{1,2}),? (\d{4})", re.ASCII)
_SERIAL = re.compile(r"(\d{5})(?:\.\d+)?", re.ASCII)
_EARLIEST, _LATEST = 1600, 2100
_LONGEST = 64  # characters of a date or a code; more would fill the caches

_CANONICAL = re.compile(r"[A-HY]\d\d[A-Z][1-9]\d{0,3}/\d{2,6}", re.ASCII)
_CODE = re.compile(
    r"([A-HY]\d\d[A-Z])(?:[\s-]*0*([1-9]\d{0,3})(?:\s*/\s*(\d{2,6}))?)?(?![\w/]).*", re.ASCII | re.IGNORECASE | re.DOTALL
)
_FIXED_WIDTH = re.compile(r"([A-HY]\d\d[A-Z])(\d{4})(\d{6})(?!\w).*", re.ASCII | re.IGNORECASE | re.DOTALL)
_BRACKETED = re.compile(r"(.*?) ?\[([A-Z]{2})\]", re.DOTALL)
_TELLING = 2_000  # characters that show how a text is written
_EAST_ASIAN = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_PUBLICATION = re.compile(r"([A-Z]{2})([A-Z]{0,2}\d+)([A-Z]\d?)?", re.ASCII)


def text(value: str) -> str:
    """Return ``value`` as one line: every run of white space and control characters is one space.

    >>> text(" A pump.\\r\\n\\tIt \\x00 pumps. ")
    'A pump. It pumps.'
    """
    plain = " ".join(value.split())
    return plain if plain.isprintable() else _CONTROL.sub(" ", plain).strip()


def name(value: str) -> str:
    """Return a name that can stand beside others: one line, and a comma in the place of the separator.

    >>> name(" ACME  CO; LTD ")
    'ACME CO, LTD'
    """
    return text(value).replace(SEPARATOR, ",").strip(" ,")


def date(value: str) -> str:
    """Return a date as 2020-05-03, or as much of it as is known; "" for what is no date or stands for none.

    0, 9999 and impossible days stand for no date. Of 03/04/2020 only the year is known, as sources differ.

    >>> [date(each) for each in ("20200503", "03.05.2020", "3 May 2020", "2020年5月", "2020-05-03 00:00:00")]
    ['2020-05-03', '2020-05-03', '2020-05-03', '2020-05', '2020-05-03']
    >>> [date(each) for each in ("0", "9999-12-31", "20200230", "03/04/2020", "20160000")]
    ['', '', '', '2020', '2016']
    """
    value = value.strip()
    return _date(value) if len(value) <= _LONGEST else ""


@lru_cache(maxsize=1 << 16)
def _date(value: str) -> str:
    if found := _COMPACT.fullmatch(value):
        return _day(*found.groups(default=""))
    if found := _YEAR_FIRST.fullmatch(value):
        return _day(*found.groups(default=""))
    if found := _DAY_FIRST.fullmatch(value):
        day, sign, month, year = found.groups()
        if sign == "/" and int(day) <= 12 and int(month) <= 12 and day != month:
            return _day(year, "", "")
        return _day(year, month, day) or (_day(year, day, month) if sign == "/" else "")
    if found := _SPELT.fullmatch(value):
        day, month, year, other_month, other_day, other_year = found.groups(default="")
        number = _MONTHS.get((month or other_month).lower(), 99)
        return _day(year or other_year, str(number), day or other_day)
    return ""


def _day(year: str, month: str, day: str) -> str:
    """Return the date of these numbers; a month or a day of 0 is not known."""
    if not _EARLIEST <= int(year) <= _LATEST:
        return ""
    if not int(month or 0):
        return "" if int(day or 0) else year
    try:
        checked = datetime.date(int(year), int(month), int(day or 0) or 1).isoformat()
    except ValueError:
        return ""
    return checked if int(day or 0) else checked[:7]


def sheet_date(value: str) -> str:
    """Return the date in a cell of a workbook, where it may stand as a number of days.

    >>> [sheet_date(each) for each in ("43954", "2020-05-03 00:00:00", "20200503", "999999")]
    ['2020-05-03', '2020-05-03', '2020-05-03', '']
    """
    if found := _SERIAL.fullmatch(value.strip()):
        return (datetime.date(1899, 12, 30) + datetime.timedelta(days=int(found[1]))).isoformat()
    return date(value)


def earliest(dates: Iterable[str]) -> str:
    """Return the earliest of ``dates`` that are known; of 2020 and 2020-05-03 the one that says more.

    >>> earliest(["", "2020", "2020-05-03", "2021-01-01"])
    '2020-05-03'
    """
    return min(filter(None, dates), key=lambda each: f"{each}~", default="")


def code(value: str) -> str:
    """Return a symbol of the CPC or the IPC as G06N3/08, whatever follows it left out; "" if it is none.

    A coarser symbol stays coarse. A Japanese FI symbol with its leading digit is none.

    >>> [code(each) for each in ("G06N   3/08", "A01H005/00", "g06n-003/08 (2006.01) I", "G06N0003080000", "H04W")]
    ['G06N3/08', 'A01H5/00', 'G06N3/08', 'G06N3/08', 'H04W']
    >>> [code(each) for each in ("4F21S43 /237", "3D printing", "")]
    ['', '', '']
    """
    return value if _CANONICAL.fullmatch(value) else _code(value.strip()[:_LONGEST])


@lru_cache(maxsize=1 << 16)
def _code(value: str) -> str:
    if found := _FIXED_WIDTH.fullmatch(value):
        subclass, group, subgroup = found.groups()
        if int(group):
            return f"{subclass.upper()}{int(group)}/{subgroup[:2]}{subgroup[2:].rstrip('0')}"
    if found := _CODE.fullmatch(value):
        subclass, group, subgroup = found.groups(default="")
        return f"{subclass.upper()}{group}{'/' if subgroup else ''}{subgroup}"
    return ""


def codes(values: Iterable[str]) -> str:
    """Return the symbols in ``values``, each once, in their order.

    >>> codes(["G06N 3/08 (EP)", "G06N3/08 (US)", "FTERM", "G06N20/00"])
    'G06N3/08;G06N20/00'
    """
    return SEPARATOR.join(dict.fromkeys(filter(None, map(code, values))))


class Publication(NamedTuple):
    """A publication number and its parts; a part that it does not show is ""."""

    id: str
    office: str
    kind: str


def publication(number: str, office: str = "", kind: str = "") -> Publication:
    """Return a publication number without signs and its parts; ``office`` and ``kind`` are set to it if it lacks them.

    A US application has seven digits after its year, as its office writes it, and a US patent no zeros before its number.
    What is no such number is returned as it is.

    >>> publication("US-2019123456-A1"), publication("09649431", "US", "B2").id, publication("WO/2020/123456").id
    (Publication(id='US20190123456A1', office='US', kind='A1'), 'US9649431B2', 'WO2020123456')
    >>> publication("US20160184354A1-20160630").id, publication("US D0,779,775 S").id, publication("n. a.")
    ('US20160184354A1', 'USD779775S', Publication(id='n. a.', office='', kind=''))
    """
    office, kind = two_letters(office), kind.strip().upper()
    bare = number.upper()
    if not (bare.isascii() and bare.isalnum()):
        bare = re.sub(r"[^0-9A-Z]", "", re.sub(r"-\d{8}$", "", unicodedata.normalize("NFKC", bare).strip()))
    if office and not bare.startswith(office):
        bare = f"{office}{bare}"
    found = _PUBLICATION.fullmatch(bare)
    if not found:
        return Publication(text(number), office, kind)
    office, digits, own_kind = found.groups(default="")
    kind = own_kind or kind
    if office == "US":
        letters, digits = re.fullmatch(r"(\D*)0*(\d+)", digits).groups()  # type: ignore[union-attr]
        if not letters and len(digits) == 10 and digits.startswith("20"):
            digits = f"{digits[:4]}0{digits[4:]}"
        digits = letters + digits
    return Publication(f"{office}{digits}{kind}", office, kind)


def two_letters(value: str) -> str:
    """Return the code of a country or an office, or "" if ``value`` is none.

    >>> two_letters(" us "), two_letters("omitted")
    ('US', '')
    """
    value = value.strip().upper()
    return value if len(value) == 2 and value.isascii() and value.isalpha() else ""


def applicant_type(value: str) -> str:
    """Return the type of an applicant that PATSTAT or a Chinese source gives, or "" if it gives none.

    >>> [applicant_type(each) for each in ("COMPANY", "大专院校", "COMPANY UNIVERSITY", "UNKNOWN")]
    ['enterprise', 'university', 'mixed', '']
    """
    plain = " ".join(unicodedata.normalize("NFKC", value).casefold().split())
    if plain in _TYPES:
        return _TYPES[plain]
    return "mixed" if sum(word in plain for word in _PATSTAT_WORDS) > 1 else ""


def role(value: str) -> str:
    """Return the type of an assignee that the USPTO gives as a number; PatentsView's are the same.

    A digit before it says that the assignee holds a part only. 1 is no type: the patent was not assigned.

    >>> [role(each) for each in ("02", "14", "6.0", "1")]
    ['enterprise', 'individual', 'government', '']
    """
    digits = value.strip().removesuffix(".0")
    return _ROLES.get(digits[-1:], "") if digits.isdecimal() and len(digits) <= 2 else ""


def name_and_country(value: str) -> tuple[str, str]:
    """Return the parts of a name that ends with a country, as the EPO writes it.

    >>> name_and_country("ACME CO LTD [KR]"), name_and_country("ACME")
    (('ACME CO LTD', 'KR'), ('ACME', ''))
    """
    plain = text(value)  # in which no run of spaces makes the search slow
    found = _BRACKETED.fullmatch(plain)
    return (found[1], found[2]) if found else (plain, "")


def is_latin(value: str) -> bool:
    """Return whether ``value`` is written in letters, more or less, and not in Chinese, Japanese or Korean characters.

    >>> is_latin("A qubit (量子比特) of aluminium on silicon"), is_latin("基于LDPC的编码方法")
    (True, False)
    """
    begin = value[:_TELLING]
    return begin.isascii() or 5 * len(_EAST_ASIAN.findall(begin)) < len(begin)
