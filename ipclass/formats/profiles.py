"""The exports that are tables, as data: how each is told, which of its columns hold what, and how it writes several values."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ipclass.formats import values
from ipclass.formats.batches import parties

Raw = Mapping[str, str]
"""The cells of a row by the parts that a profile names; a column that is not there is ""."""

MOST_ABOVE = 12
"""Rows that may stand above the header."""


@dataclass(frozen=True)
class Profile:
    """An office's or a vendor's table.

    ``signatures`` are sets of column names, one of which a header must have whole to be taken for this source's.
    ``columns`` are the names that each part of a document goes by, the best first; beside the columns of
    ``records.STANDARD`` there may be parts that only ``finish`` knows, which returns what else it makes of a row.
    ``names`` is what stands between several names. ``instead`` tells what to export where the source gives no abstract.
    """

    format: str
    source: str
    signatures: tuple[frozenset[str], ...]
    columns: Mapping[str, tuple[str, ...]]
    names: str = ";"
    quoted: bool = True
    instead: str = ""
    finish: Callable[[Raw], Mapping[str, str]] = lambda raw: {}

    def owns(self, header: frozenset[str]) -> bool:
        """Return whether a header, folded, is one of this source's."""
        return any(header >= wanted for wanted in self.signatures)


def folded(column: str) -> str:
    """Return the name of a column without what sources vary in: case, width of brackets, spaces.

    Only in Chinese names spaces mean nothing: ``I P C`` is another source's column than ``IPC``.

    >>> folded("公开（公告）号 "), folded("标题 (英文)"), folded("I P C"), folded("Lens  ID")
    ('公开(公告)号', '标题(英文)', 'i p c', 'lens id')
    """
    words = unicodedata.normalize("NFKC", column.replace("\ufeff", "")).casefold().split()
    plain = " ".join(words)
    return plain if plain.isascii() else "".join(words)


def _lens(raw: Raw) -> Mapping[str, str]:
    number = values.publication(raw["id"]).id
    members = {values.publication(each).id for each in raw["members"].split(";;") if each.strip()}
    priorities = sorted({values.name(each) for each in raw["priorities"].split(";;") if each.strip()})
    granted = raw["document_type"].casefold() == "granted patent"
    return {
        "family": min(members | {number}) if members else " + ".join(priorities),
        "grant_date": values.date(raw["publication_date"]) if granted else "",
    }


def _espacenet(raw: Raw) -> Mapping[str, str]:
    found = (values.name_and_country(each) for each in raw["applicants"].split("\n"))
    family = raw["family"].lstrip("0")  # which the EPO's other products write without zeros
    return {"family": family, **parties((name, country, "") for name, country in found)}


_PATENTSCOPE_DAY = re.compile(r"\b\d\d\.\d\d\.\d{4}\b", re.ASCII)


def _patentscope(raw: Raw) -> Mapping[str, str]:
    return {"priority_date": values.earliest(map(values.date, _PATENTSCOPE_DAY.findall(raw["priorities"])))}


_DERWENT_HEADINGS = (
    "NOVELTY|USE|ADVANTAGE|DETAILED DESCRIPTION|DESCRIPTION OF DRAWING\\(S\\)|ACTIVITY|MECHANISM OF ACTION|TECHNOLOGY FOCUS|"
    "EXTENSION ABSTRACT|WIDER DISCLOSURE|SPECIFIC COMPOUNDS|ADMINISTRATION|PREPARATION|EXAMPLE"
)
_DERWENT_HEADING = re.compile(rf"(?<![A-Z] )\b(?:{_DERWENT_HEADINGS}) - ")
_DERWENT_DRAWINGS = re.compile(
    rf"\bDESCRIPTION OF DRAWING\(S\) - .*?(?=\b(?:{_DERWENT_HEADINGS}) - |\Z)",
    re.DOTALL,
)
_DERWENT_CODE = re.compile(r"(.*?) ?\(\w{4}-(\w)\)", re.DOTALL)
_DERWENT_DAY = re.compile(r"\b\d{1,2} [A-Z][a-z]{2} \d{4}\b")


def derwent_abstract(text: str) -> str:
    """Return an abstract of Derwent's without its headings and without the list of what the drawings show.

    The model was trained on abstracts as offices publish them, which have neither; what stands below the other headings
    (NOVELTY, USE, ADVANTAGE) is what an office's abstract says too, and stays.

    >>> derwent_abstract("NOVELTY - A pump. USE - For oil. DESCRIPTION OF DRAWING(S) - The drawing shows a pump. Pump (1)")
    'A pump. For oil.'
    """
    return values.text(_DERWENT_HEADING.sub("", _DERWENT_DRAWINGS.sub("", text)))


def _derwent(raw: Raw) -> Mapping[str, str]:
    first = raw["id"].split(";")[0]
    number = values.publication(first)
    applicants = []
    for each in raw["applicants"].split(";"):
        found = _DERWENT_CODE.fullmatch(values.text(each))
        kind = "individual" if found and found[2] == "I" else ""  # -C and -N say how the name is coded, not who it is
        applicants.append((found[1] if found else each, "", kind))
    return {
        "id": number.id,
        "office": number.office,
        "kind": number.kind,
        "abstract": derwent_abstract(raw["abstract"]),
        "publication_date": _first_day(raw["publication_details"]),
        "filing_date": _first_day(raw["filing_details"]),
        "priority_date": values.earliest(map(values.date, _DERWENT_DAY.findall(raw["priorities"]))),
        **parties(applicants),
    }


def _first_day(details: str) -> str:
    """Return the date of the member that the record begins with: the one whose number is the record's."""
    found = _DERWENT_DAY.search(details.split(";")[0])
    return values.date(found[0]) if found else ""


def _patsnap(raw: Raw) -> Mapping[str, str]:
    members = {values.publication(each).id for each in re.split(r"[|\n]", raw["members"]) if each.strip()}
    return {} if raw["family"] or not members else {"family": min(members | {values.publication(raw["id"]).id})}


def _signatures(*names: str) -> tuple[frozenset[str], ...]:
    """Return sets of names; in each argument they stand with bars between them."""
    return tuple(frozenset(map(folded, each.split("|"))) for each in names)


_CHINESE: Mapping[str, tuple[str, ...]] = {
    "id": ("公开(公告)号", "公开号", "公开公告号", "授权公告号", "授权公告号(申请号)", "专利号"),
    "number": ("申请号",),
    "title": (
        *("标题(英文)", "标题(译)(english)", "标题(译)(英文)", "英文标题", "英文名称", "发明名称(英文)", "标题", "标题(翻译)"),
        *("标题(中文)", "标题(小语种原文)", "标题(译)(简体中文)", "专利名称", "发明名称", "名称"),
    ),
    "abstract": (
        *("摘要(英文)", "摘要(译)(english)", "摘要(译)(英文)", "英文摘要", "摘要", "摘要(翻译)", "摘要(中文)"),
        *("摘要(小语种原文)", "摘要(译)(简体中文)"),
    ),
    "family": ("简单同族id", "docdb同族id", "简单同族编号"),
    "members": ("简单同族",),
    "filing_date": ("申请日", "申请日期"),
    "priority_date": ("最早优先权日", "优先权日"),
    "publication_date": ("公开(公告)日", "公开日", "公开公告日", "首次公开日"),
    "grant_date": ("授权公告日", "授权日"),
    "office": ("公开国别",),
    "applicants": (
        *("申请人", "[标]原始申请(专利权)人", "原始申请(专利权)人", "[标]当前申请(专利权)人", "当前申请(专利权)人"),
        *("申请(专利权)人", "标准化申请人"),
    ),
    "applicant_countries": ("申请人国别代码", "申请人国家/地区"),
    "applicant_types": ("申请人类型", "当前申请(专利权)人类型"),
    "cpc": ("cpc", "cpc分类号"),
    "ipc": ("ipc", "ipc分类号", "分类号", "ipc主分类", "ipc主分类号", "主分类号"),
}

PROFILES: tuple[Profile, ...] = (
    Profile(
        "lens",
        "Lens",
        _signatures("Lens ID|Display Key"),
        {
            "id": ("display key",),
            "number": ("lens id",),
            "title": ("title",),
            "abstract": ("abstract",),
            "members": ("simple family members",),
            "priorities": ("priority numbers",),
            "document_type": ("document type",),
            "filing_date": ("application date",),
            "priority_date": ("earliest priority date",),
            "publication_date": ("publication date",),
            "office": ("jurisdiction",),
            "kind": ("kind",),
            "applicants": ("applicants",),
            "cpc": ("cpc classifications",),
            "ipc": ("ipcr classifications",),
        },
        names=";;",
        finish=_lens,
    ),
    Profile(
        "google",
        "Google Patents",
        _signatures("representative figure link|id", "result link|inventor/author"),
        {
            "id": ("id",),
            "title": ("title",),
            "filing_date": ("filing/creation date",),
            "priority_date": ("priority date",),
            "publication_date": ("publication date",),
            "grant_date": ("grant date",),
            "applicants": ("assignee",),
        },
        names="\n",
        instead="export from Lens, or from Google's publications in BigQuery",
    ),
    Profile(
        "espacenet",
        "Espacenet",
        _signatures("Family number|Earliest priority"),
        {
            "id": ("publication number",),
            "title": ("title",),
            "family": ("family number",),
            "priority_date": ("earliest priority",),
            "publication_date": ("publication date", "earliest publication"),
            "applicants": ("applicants",),
            "cpc": ("cpc",),
            "ipc": ("ipc",),
        },
        names="\n",
        instead="export from Lens, or get the documents from OPS",
        finish=_espacenet,
    ),
    Profile(
        "patentscope",
        "PATENTSCOPE",
        _signatures("Application Id|I P C", "Application Id|National Phase Entries", "Application Id|Priorities Data"),
        {
            "id": ("publication number", "application id"),
            "title": ("title",),
            "abstract": ("abstract",),
            "filing_date": ("application date",),
            "priorities": ("priorities data",),
            "publication_date": ("publication date",),
            "office": ("country",),
            "applicants": ("applicants",),
            "ipc": ("i p c",),
        },
        finish=_patentscope,
    ),
    Profile(
        "derwent",
        "Derwent",
        _signatures("PN|TI|AB|AE"),
        {
            "id": ("pn",),
            "title": ("ti",),
            "abstract": ("ab",),
            "family": ("ga",),
            "applicants": ("ae",),
            "publication_details": ("pd",),
            "filing_details": ("ad",),
            "priorities": ("pi",),
            "ipc": ("ip",),
        },
        quoted=False,
        finish=_derwent,
    ),
    Profile(
        "incopat",
        "incoPat",
        _signatures(
            *(
                f"{own}|{other}"
                for own in ("链接到incoPat", "合享价值度")
                for other in ("公开(公告)号", "申请号", "标题", "摘要")
            ),
            *("标题(中文)|摘要(中文)|公开(公告)号", "标题(英文)|摘要(英文)|公开(公告)号"),
        ),
        _CHINESE,
    ),
    Profile(
        "patsnap",
        "PatSnap",
        _signatures(
            *("[标]当前申请(专利权)人|公开(公告)号", "[标]原始申请(专利权)人|公开(公告)号"),
            *("标题(译)(简体中文)|公开(公告)号", "标题(译)(English)|公开(公告)号"),
        ),
        _CHINESE,
        names="|",
        finish=_patsnap,
    ),
    Profile(
        "cnipa",
        "CNIPA",
        _signatures("申请号|摘要", "公开(公告)号|摘要", "申请号|英文摘要", "公开(公告)号|英文摘要", "申请号|申请(专利权)人"),
        _CHINESE,
    ),
)
