"""Exports in the true formats of their sources, of patents that were invented for these tests: none of them exists.

Each writer takes patents and returns files by name, as bytes, with the quirks of its source. The benchmarks use them too.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape, quoteattr

Files = dict[str, bytes]


@dataclass(frozen=True)
class Patent:
    """An invented patent. Dates are ISO; applicants are names, countries and types; codes are canonical."""

    office: str
    number: str
    kind: str
    title: str
    abstract: str
    family: str = ""
    filing: str = ""
    priority: str = ""
    publication: str = ""
    grant: str = ""
    applicants: tuple[tuple[str, str, str], ...] = ()
    cpc: tuple[str, ...] = ()
    ipc: tuple[str, ...] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    """Titles in other languages."""

    @property
    def id(self) -> str:
        return f"{self.office}{self.number}{self.kind}"


INVENTED = (
    Patent(
        "US",
        "20190999001",
        "A1",
        "Invented kite with a learning bridle",
        "An invented kite trims its bridle with a small neural network, trained on gusts recorded by pupils; H2O is shed.",
        family="990000001",
        filing="2017-03-14",
        priority="2016-03-15",
        publication="2019-02-28",
        applicants=(("Kite & Bridle, Inc.", "US", "enterprise"), ("Invented University", "CH", "university")),
        cpc=("G06N3/08", "A63H27/08", "G05B13/027"),
        ipc=("G06N3/08", "A63H27/08"),
        titles={"de": "Erfundener Drachen mit lernender Waage"},
    ),
    Patent(
        "US",
        "99000002",
        "B2",
        "Invented loom — a shuttle with 20 % less noise",
        'An invented loom moves a shuttle past warp threads & keeps its noise < 40 dB; weavers say "quiet".',
        family="990000002",
        filing="2015-01-05",
        priority="2014-01-06",
        publication="2018-11-13",
        grant="2018-11-13",
        applicants=(("Doe Weaving GmbH", "DE", "enterprise"), ("DOE, JANE", "FR", "individual")),
        cpc=("D03D49/24",),
        ipc=("D03D49/24",),
    ),
)


def day(date: str, form: str = "{y}{m}{d}") -> str:
    y, m, d = date.split("-") if date else ("", "", "")
    return form.format(y=y, m=m, d=d) if date else ""


def spelt(date: str) -> str:
    months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
    return f"{date[8:]} {months[int(date[5:7]) - 1]} {date[:4]}" if date else ""


def padded(code: str) -> str:
    """Return a symbol as the EPO pads it: the main group in four places."""
    group, _, subgroup = code[4:].partition("/")
    return f"{code[:4]}{group:>4}/{subgroup}"


def parts(code: str) -> dict[str, str]:
    group, _, subgroup = code[4:].partition("/")
    return {"section": code[0], "class": code[1:3], "subclass": code[3], "main-group": group, "subgroup": subgroup}


def table(rows: Sequence[Sequence[str]], delimiter: str = ",", quoting: int = csv.QUOTE_MINIMAL, end: str = "\r\n") -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows(rows)  # type: ignore[arg-type]
    return buffer.getvalue()


def workbook(rows: Sequence[Sequence[Any]], dates: Sequence[int] = ()) -> bytes:
    import datetime

    import xlsxwriter

    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet, look = book.add_worksheet("Sheet1"), book.add_format({"num_format": "yyyy-mm-dd"})
        for place, row in enumerate(rows):
            for column, cell in enumerate(row):
                if column in dates and place and cell:
                    sheet.write_datetime(place, column, datetime.datetime.fromisoformat(cell), look)
                elif isinstance(cell, str):
                    sheet.write_string(place, column, cell)
                else:
                    sheet.write(place, column, cell)
    return buffer.getvalue()


def old_workbook(rows: Sequence[Sequence[str]]) -> bytes:
    import xlwt

    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("ResultSet")
    for place, row in enumerate(rows):
        for column, cell in enumerate(row):
            sheet.write(place, column, cell)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


# -- Lens ---------------------------------------------------------------------------------------------------------------

LENS_HEADER = (
    "#,Jurisdiction,Kind,Display Key,Lens ID,Publication Date,Publication Year,Application Number,Application Date,"
    "Priority Numbers,Earliest Priority Date,Title,Abstract,Applicants,Inventors,Owners,URL,Document Type,Has Full Text,"
    "Cites Patent Count,Cited by Patent Count,Simple Family Size,Simple Family Members,Simple Family Member Jurisdictions,"
    "Extended Family Size,Sequence Count,CPC Classifications,IPCR Classifications,US Classifications,NPL Citation Count,"
    "NPL Resolved Citation Count,NPL Resolved Lens ID(s),NPL Resolved External ID(s),NPL Citations,Legal Status"
).split(",")


def lens_key(patent: Patent) -> str:
    """Return the number as Lens shows it: US 2019/0999001 A1."""
    number = f"{patent.number[:4]}/{patent.number[4:]}" if len(patent.number) == 11 else patent.number
    return f"{patent.office} {number} {patent.kind}"


def lens_csv(patents: Sequence[Patent]) -> Files:
    rows = [LENS_HEADER]
    for n, each in enumerate(patents, start=1):
        row = {
            "#": str(n),
            "Jurisdiction": each.office,
            "Kind": each.kind,
            "Display Key": lens_key(each),
            "Lens ID": f"999-{n:03}-000-000-00X",
            "Publication Date": each.publication,
            "Publication Year": each.publication[:4],
            "Application Number": f"US {each.filing[:4]}99999{n} A",
            "Application Date": each.filing,
            "Priority Numbers": f"US 99999{n} P;;US {each.filing[:4]}99999{n} A",
            "Earliest Priority Date": each.priority,
            "Title": each.title,
            "Abstract": each.abstract,
            "Applicants": ";;".join(name for name, _, _ in each.applicants),
            "Inventors": "DOE JANE;;ROE RICHARD",
            "URL": f"lens.example/{n}",
            "Document Type": "Granted Patent" if each.grant else "Patent Application",
            "Has Full Text": "yes",
            "Simple Family Size": "2" if each.family else "1",
            "Simple Family Members": f"{lens_key(each)};;WO 1999/{each.family[-6:]} A1" if each.family else "",
            "CPC Classifications": ";;".join(each.cpc),
            "IPCR Classifications": ";;".join(each.ipc),
        }
        rows.append([row.get(name, "") for name in LENS_HEADER])
    return {"lens-export.csv": table(rows, end="\n").encode("utf-8-sig")}


def lens_object(patent: Patent, n: int = 1) -> dict[str, Any]:
    reference = {"jurisdiction": patent.office, "doc_number": patent.number, "kind": patent.kind, "date": patent.publication}
    member = {"jurisdiction": "WO", "doc_number": f"1999{patent.family[-6:]}", "kind": "A1", "date": "1999-01-01"}
    return {
        "lens_id": f"999-{n:03}-000-000-00X",
        "jurisdiction": patent.office,
        "doc_number": patent.number,
        "kind": patent.kind,
        "date_published": patent.publication,
        "doc_key": f"{patent.office}_{patent.number}_{patent.kind}_{day(patent.publication)}",
        "publication_type": "GRANTED_PATENT" if patent.grant else "PATENT_APPLICATION",
        "lang": "en",
        "biblio": {
            "publication_reference": reference,
            "application_reference": {"jurisdiction": patent.office, "doc_number": "99999", "date": patent.filing},
            "priority_claims": {
                "claims": [{"jurisdiction": "US", "doc_number": "9999", "kind": "P", "date": patent.priority, "sequence": 1}],
                "earliest_claim": {"date": patent.priority},
            },
            "invention_title": [
                *({"text": text, "lang": language} for language, text in patent.titles.items()),
                {"text": patent.title, "lang": "en"},
            ],
            "parties": {
                "applicants": [
                    {"residence": country, "sequence": place, "extracted_name": {"value": name}}
                    for place, (name, country, _) in enumerate(patent.applicants, start=1)
                ],
                "inventors": [{"residence": "US", "sequence": 1, "extracted_name": {"value": "DOE JANE"}}],
            },
            "classifications_ipcr": {"classifications": [{"symbol": code} for code in patent.ipc]},
            "classifications_cpc": {"classifications": [{"symbol": code} for code in patent.cpc]},
            "references_cited": {"citations": [{"patcit": {"document_id": {"jurisdiction": "US", "doc_number": "1"}}}]},
        },
        "abstract": [{"text": patent.abstract, "lang": "en"}],
        "families": {"simple_family": {"members": [{"document_id": each} for each in (reference, member)], "size": 2}}
        if patent.family
        else {},
    }


def lens_jsonl(patents: Sequence[Patent]) -> Files:
    lines = (json.dumps(lens_object(each, n), ensure_ascii=False) for n, each in enumerate(patents, start=1))
    return {"lens-export.jsonl": "".join(f"{line}\n" for line in lines).encode()}


# -- Google -------------------------------------------------------------------------------------------------------------

GOOGLE_HEADER = (
    "id,title,assignee,inventor/author,priority date,filing/creation date,publication date,grant date,result link,"
    "representative figure link"
).split(",")


def hyphened(patent: Patent) -> str:
    """Return the number as Google writes it, an application of the US with six digits behind the year."""
    number = patent.number
    if patent.office == "US" and len(number) == 11:
        number = number[:4] + number[5:]
    return f"{patent.office}-{number}-{patent.kind}"


def google_csv(patents: Sequence[Patent]) -> Files:
    rows = [["search URL:", "https://patents.example/?q=invented"], GOOGLE_HEADER]
    for each in patents:
        link = f"https://patents.example/patent/{each.id}/en"
        names = each.applicants[0][0] if each.applicants else ""
        rows.append(
            [hyphened(each), each.title, names, "Jane Doe", each.priority, each.filing, each.publication, each.grant, link, ""]
        )
    return {"gp-search-20990101.csv": table(rows, end="\n").encode()}


def bigquery_object(patent: Patent) -> dict[str, Any]:
    def number(date: str) -> int:
        return int(day(date) or 0)

    return {
        "publication_number": hyphened(patent),
        "application_number": "US-99999-A",
        "country_code": patent.office,
        "kind_code": patent.kind,
        "application_kind": "A",
        "family_id": patent.family or "-1",
        "title_localized": [
            *({"text": text, "language": language, "truncated": False} for language, text in patent.titles.items()),
            {"text": patent.title, "language": "en", "truncated": False},
        ],
        "abstract_localized": [{"text": patent.abstract, "language": "en", "truncated": False}],
        "description_localized": [],
        "publication_date": number(patent.publication),
        "filing_date": str(number(patent.filing)),  # exports write integers of 64 bits as text
        "grant_date": number(patent.grant),
        "priority_date": number(patent.priority),
        "inventor": ["DOE JANE"],
        "inventor_harmonized": [{"name": "DOE JANE", "country_code": "US"}],
        "assignee": [name for name, _, _ in patent.applicants],
        "assignee_harmonized": [{"name": name, "country_code": country} for name, country, _ in patent.applicants],
        "ipc": [{"code": code, "inventive": True, "first": not n, "tree": []} for n, code in enumerate(patent.ipc)],
        "cpc": [{"code": code, "inventive": True, "first": not n, "tree": []} for n, code in enumerate(patent.cpc)],
        "citation": [{"publication_number": "US-1-A", "type": "SEA"}],
    }


def bigquery_jsonl(patents: Sequence[Patent]) -> Files:
    lines = (json.dumps(bigquery_object(each), ensure_ascii=False) for each in patents)
    return {"publications-000000000000.json": "".join(f"{line}\n" for line in lines).encode()}


# -- PatentsView --------------------------------------------------------------------------------------------------------

_ROLE = {"enterprise": "2", "individual": "4", "university": "2", "government": "6", "": ""}


def _tsv(header: str, rows: Sequence[Sequence[str]]) -> bytes:
    return table([header.split(), *rows], "\t", csv.QUOTE_ALL, "\n").encode()


def patentsview(patents: Sequence[Patent]) -> Files:
    """Return the tables since 2023. Beside the grants they hold no applications, so a number is a number of a grant."""
    rows: dict[str, list[list[str]]] = {name: [] for name in ("patent", "abstract", "application", "cpc", "ipc", "assignee")}
    places: dict[str, list[str]] = {}
    for n, each in enumerate(patents):
        key = each.number
        rows["patent"].append([key, "utility", each.grant or each.publication, each.title, each.kind, "20", "0", "ipg.xml"])
        rows["abstract"].append([key, each.abstract])
        rows["application"].append([f"99/{n}", key, "14", each.filing, "14", "0"])
        for place, code in enumerate(each.cpc):
            rows["cpc"].append([key, str(place), code[0], code[:3], code[:4], code, "inventional"])
        for place, code in enumerate(each.ipc):
            split = parts(code)
            rows["ipc"].append([key, str(place), "A", *split.values(), "F", "I"])
        for place, (name, country, kind) in enumerate(each.applicants):
            location = f"loc-{n}-{place}"
            places[location] = [location, "Inventville", "", country, "0.0", "0.0", "", "", ""]
            last, first = name.split(", ") if kind == "individual" else ("", "")
            role = {"US": {"4": "4", "2": "2"}}.get(country, {"4": "5", "2": "3"}).get(_ROLE[kind], _ROLE[kind])
            rows["assignee"].append([key, str(place), f"a{n}{place}", "" if last else name, first, last, role, location])
    for part in ("cpc", "ipc", "assignee"):
        rows[part].reverse()  # the files are not sorted
    return {
        "g_patent.tsv": _tsv(
            "patent_id patent_type patent_date patent_title wipo_kind num_claims withdrawn filename", rows["patent"]
        ),
        "g_patent_abstract.tsv": _tsv("patent_id patent_abstract", rows["abstract"][::-1]),
        "g_application.tsv": _tsv(
            "application_id patent_id patent_application_type filing_date series_code rule_47_flag", rows["application"]
        ),
        "g_cpc_current.tsv": _tsv("patent_id cpc_sequence cpc_section cpc_class cpc_subclass cpc_group cpc_type", rows["cpc"]),
        "g_ipc_at_issue.tsv": _tsv(
            "patent_id ipc_sequence classification_level section ipc_class subclass main_group subgroup symbol_position "
            "classification_value",
            rows["ipc"],
        ),
        "g_assignee_disambiguated.tsv": _tsv(
            "patent_id assignee_sequence assignee_id disambig_assignee_organization disambig_assignee_individual_name_first "
            "disambig_assignee_individual_name_last assignee_type location_id",
            rows["assignee"],
        ),
        "g_location_disambiguated.tsv": _tsv(
            "location_id disambig_city disambig_state disambig_country latitude longitude county state_fips county_fips",
            list(places.values()),
        ),
    }


def patentsview_legacy(patents: Sequence[Patent]) -> Files:
    """Return the tables of before 2023, in which the table of patents had the abstracts too."""
    patent_rows, codes, applications, assignees, locations = [], [], [], [], []
    for n, each in enumerate(patents):
        key = each.number
        patent_rows.append(
            [
                key,
                "utility",
                key,
                "US",
                each.grant or each.publication,
                each.abstract,
                each.title,
                each.kind,
                "20",
                "x.xml",
                "0",
            ]
        )
        applications.append([f"14/{n}", key, "14", f"99{n}", "US", each.filing])
        for place, code in enumerate(each.cpc):
            codes.append([f"u{n}{place}", key, code[0], code[:3], code[:4], code, "inventional", str(place)])
        for place, (name, country, kind) in enumerate(each.applicants):
            last, first = name.split(", ") if kind == "individual" else ("", "")
            locations.append([f"r{n}{place}", f"l{n}", "Inventville", "", country])
            assignees.append([f"u{n}", key, "a", f"r{n}{place}", _ROLE[kind], first, last, "" if last else name, str(place)])
    return {
        "patent.tsv": _tsv("id type number country date abstract title kind num_claims filename withdrawn", patent_rows),
        "application.tsv": _tsv("id patent_id series_code number country date", applications),
        "cpc_current.tsv": _tsv("uuid patent_id section_id subsection_id group_id subgroup_id category sequence", codes),
        "rawassignee.tsv": _tsv(
            "uuid patent_id assignee_id rawlocation_id type name_first name_last organization sequence", assignees
        ),
        "rawlocation.tsv": _tsv("id location_id city state country", locations),
    }


# -- USPTO --------------------------------------------------------------------------------------------------------------

_CITATION = """<us-citation>
<patcit num="{n:05}">
<document-id>
<country>US</country>
<doc-number>{number}</doc-number>
<kind>B2</kind>
<name>Roe et al.</name>
<date>20010100</date>
</document-id>
</patcit>
<category>cited by examiner</category>
<classification-cpc-text>H04L 9/0852</classification-cpc-text>
</us-citation>
"""
_US_CODE = """<classification-{scheme}>
<{scheme}-version-indicator><date>20130101</date></{scheme}-version-indicator>
{parts}
<symbol-position>{position}</symbol-position>
<classification-value>I</classification-value>
<action-date><date>20200107</date></action-date>
<generating-office><country>US</country></generating-office>
<classification-status>B</classification-status>
<classification-data-source>H</classification-data-source>
</classification-{scheme}>"""


def _us_codes(codes: Sequence[str], scheme: str) -> list[str]:
    def tags(code: str) -> str:
        return "\n".join(f"<{name}>{value}</{name}>" for name, value in parts(code).items())

    return [
        _US_CODE.format(scheme=scheme, parts=tags(code), position="L" if place else "F") for place, code in enumerate(codes)
    ]


def _us_book(name: str, country: str, kind: str) -> str:
    last, _, first = name.partition(", ")
    is_person = kind == "individual"
    who = f"<last-name>{escape(last)}</last-name><first-name>{escape(first)}</first-name>" if is_person else ""
    role = (
        ""
        if not kind
        else f"<role>0{'4' if is_person else '2'}</role>"
        if country == "US"
        else f"<role>0{'5' if is_person else '3'}</role>"
    )
    organisation = "" if is_person else f"<orgname>{escape(name)}</orgname>"
    address = f"<address><city>Inventville</city><country>{country}</country></address>"
    return f"<addressbook>{who}{organisation}{role}{address}</addressbook>"


def uspto_document(patent: Patent, abstract: str | None = None, citations: int = 3, description: int = 200) -> str:
    """Return a document; ``abstract`` is its mark-up, if it is not just the text, ``description`` its length in characters."""
    granted = bool(patent.grant)
    root = f"us-patent-{'grant' if granted else 'application'}"
    biblio = f"us-bibliographic-data-{'grant' if granted else 'application'}"
    dtd = f"{root}-v45-2014-04-03.dtd" if granted else f"{root}-v44-2014-04-03.dtd"
    number = patent.number.zfill(8)
    cpc = _us_codes(patent.cpc, "cpc")
    further = "\n".join(f"<further-cpc>\n{code}\n</further-cpc>" for code in cpc[1:])
    books = [_us_book(*each) for each in patent.applicants]
    assignees = "".join(f"<assignee>\n{book}\n</assignee>\n" for book in books)
    priority = (
        f'<priority-claims>\n<priority-claim sequence="01" kind="national"><country>CH</country><doc-number>99/16</doc-number>'
        f"<date>{day(patent.priority)}</date></priority-claim>\n</priority-claims>\n"
        if patent.priority
        else ""
    )
    cited = "".join(_CITATION.format(n=n, number=7_000_000 + n) for n in range(1, citations + 1))
    text = abstract if abstract is not None else f'<p id="p-0001" num="0000">{escape(patent.abstract)}</p>'
    filler = "The invented parts are described at length, with numerals (10) and figures. " * (description // 76 + 1)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE {root} SYSTEM "{dtd}" [ ]>
<{root} lang="EN" dtd-version="v4.5 2014-04-03" file="{patent.office}{number}.XML" status="PRODUCTION" id="{root}" country="US" date-publ="{day(patent.publication)}">
<{biblio} lang="EN" country="US">
<publication-reference>
<document-id>
<country>US</country>
<doc-number>{number}</doc-number>
<kind>{patent.kind}</kind>
<date>{day(patent.publication)}</date>
</document-id>
</publication-reference>
<application-reference appl-type="utility">
<document-id>
<country>US</country>
<doc-number>99123456</doc-number>
<date>{day(patent.filing)}</date>
</document-id>
</application-reference>
<us-application-series-code>14</us-application-series-code>
{priority}<classifications-ipcr>
{chr(10).join(_us_codes(patent.ipc, "ipcr"))}
</classifications-ipcr>
<classifications-cpc>
<main-cpc>
{cpc[0] if cpc else ""}
</main-cpc>
{further}
</classifications-cpc>
<invention-title id="d2e43">{escape(patent.title)}</invention-title>
<us-references-cited>
{cited}</us-references-cited>
<us-field-of-classification-search>
<classification-cpc-text>H04B 10/70</classification-cpc-text>
<classification-cpc-text>G06N 10/00</classification-cpc-text>
</us-field-of-classification-search>
<us-parties>
<inventors>
<inventor sequence="001" designation="us-only">{_us_book("ROE, RICHARD", "US", "individual")}</inventor>
</inventors>
</us-parties>
<assignees>
{assignees}</assignees>
</{biblio}>
<abstract id="abstract">
{text}
</abstract>
<drawings id="DRAWINGS"><figure id="Fig-EMI-D00000" num="00000"><img id="EMI-D00000" file="{number}-D00000.TIF"/></figure></drawings>
<description id="description">
<?BRFSUM description="Brief Summary" end="lead"?>
<p id="p-0002" num="0001">{filler}</p>
<?BRFSUM description="Brief Summary" end="tail"?>
</description>
<claims id="claims"><claim id="CLM-00001" num="00001"><claim-text>1. An invented thing.</claim-text></claim></claims>
</{root}>
"""


def uspto(patents: Sequence[Patent]) -> Files:
    """Return a weekly file of grants and one of applications, each of many documents one after the other."""
    files = {}
    for name, granted in (("ipa990101.xml", False), ("ipg990101.xml", True)):
        found = "".join(uspto_document(each) for each in patents if bool(each.grant) == granted)
        if found:
            files[name] = found.encode()
    return files


# -- EPO ----------------------------------------------------------------------------------------------------------------


def _party(sequence: int, name: str, country: str, form: str) -> str:
    residence = f"<residence><country>{country}</country></residence>" if form == "docdb" else ""
    return (
        f'<exch:applicant sequence="{sequence}" data-format="{form}"><exch:applicant-name><name>{escape(name)}</name>'
        f"</exch:applicant-name>{residence}</exch:applicant>"
    )


def docdb_document(patent: Patent) -> str:
    titles = "".join(
        f'<exch:invention-title lang="{language}" data-format="docdba">{escape(text)}</exch:invention-title>\n'
        for language, text in [*patent.titles.items(), ("en", patent.title)]
    )
    codes = [*patent.cpc, *patent.cpc[:1]]  # each office that classifies says its own, so symbols come twice
    cpc = "".join(
        f'<patent-classification sequence="{n}"><classification-scheme office="EP" scheme="CPCI"><date>20130101</date>'
        f"</classification-scheme><classification-symbol>{padded(code):<20}</classification-symbol>"
        f"<classification-value>I</classification-value><generating-office>{'US' if n > len(patent.cpc) else 'EP'}"
        f"</generating-office></patent-classification>\n"
        for n, code in enumerate(codes, start=1)
    )
    japan = "".join(
        f'<patent-classification sequence="9{n}"><classification-scheme office="JP" scheme="{scheme}"/>'
        f"<classification-symbol>{symbol}</classification-symbol></patent-classification>\n"
        for n, (scheme, symbol) in enumerate((("FI", "4F21S43 /237"), ("FI", "H04B  10/70"), ("FTERM", "5K002AA01")))
    )
    ipc = "".join(
        f'<classification-ipcr sequence="{n}"><text>{padded(code):<19}20060101AFI20200101BHEP        </text></classification-ipcr>\n'
        for n, code in enumerate(patent.ipc, start=1)
    )
    applicants = "".join(
        _party(n, name if form == "docdb" else name.upper() + " (ORIGINAL)", country, form)
        for form in ("docdb", "original")
        for n, (name, country, _) in enumerate(patent.applicants, start=1)
    )
    granted = (
        f"<exch:dates-of-public-availability><exch:printed-with-grant><document-id><date>{day(patent.grant)}</date>"
        f"</document-id></exch:printed-with-grant></exch:dates-of-public-availability>\n"
        if patent.grant
        else ""
    )
    return f"""<exch:exchange-document country="{patent.office}" doc-number="{patent.number}" kind="{patent.kind}" doc-id="999" date-publ="{day(patent.publication)}" family-id="{patent.family}" is-representative="YES" date-of-last-exchange="20990101" date-added-docdb="20990101" originating-office="EP" status="A">
<exch:bibliographic-data>
<exch:publication-reference data-format="docdb"><document-id lang="en"><country>{patent.office}</country><doc-number>{patent.number}</doc-number><kind>{patent.kind}</kind><date>{day(patent.publication)}</date></document-id></exch:publication-reference>
<exch:classifications-ipcr>
{ipc}</exch:classifications-ipcr>
<exch:patent-classifications>
{cpc}{japan}</exch:patent-classifications>
<exch:application-reference is-representative="NO" doc-id="1" data-format="docdb"><document-id><country>{patent.office}</country><doc-number>999</doc-number><kind>A</kind><date>{day(patent.filing)}</date></document-id></exch:application-reference>
<exch:application-reference data-format="original"><document-id><doc-number>99/999</doc-number></document-id></exch:application-reference>
<exch:priority-claims><exch:priority-claim sequence="1" data-format="docdb"><document-id><country>US</country><doc-number>99</doc-number><kind>P</kind><date>{day(patent.priority)}</date></document-id></exch:priority-claim></exch:priority-claims>
<exch:parties><exch:applicants>{applicants}</exch:applicants><exch:inventors><exch:inventor sequence="1" data-format="docdb"><exch:inventor-name><name>DOE JANE</name></exch:inventor-name></exch:inventor></exch:inventors></exch:parties>
{titles}{granted}</exch:bibliographic-data>
<exch:abstract lang="fr" data-format="docdba" abstract-source="translation"><exch:p>Ceci est une invention imaginaire.</exch:p></exch:abstract>
<exch:abstract lang="en" data-format="docdba" abstract-source="national office"><exch:p>{escape(patent.abstract)}</exch:p></exch:abstract>
</exch:exchange-document>
"""


DOCDB_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<exch:exchange-documents xmlns:exch="http://www.epo.org/exchange" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" date-of-exchange="20990101" dtd-version="2.5.8" file="DOCDB-INVENTED.xml" no-of-documents="2" originating-office="EP">
"""
DOCDB_TAIL = "</exch:exchange-documents>\n"


def docdb(patents: Sequence[Patent]) -> Files:
    return {"DOCDB-INVENTED.xml": (DOCDB_HEAD + "".join(map(docdb_document, patents)) + DOCDB_TAIL).encode()}


def ops_object(patent: Patent) -> dict[str, Any]:
    def value(text: str) -> dict[str, str]:
        return {"$": text}

    def reference(date: str) -> dict[str, Any]:
        docdb = {
            "@document-id-type": "docdb",
            "country": value(patent.office),
            "doc-number": value(patent.number),
            "kind": value(patent.kind),
            "date": value(day(date)),
        }
        epodoc = {"@document-id-type": "epodoc", "doc-number": value(patent.office + patent.number), "date": value(day(date))}
        return {"document-id": [docdb, epodoc]}

    def code(n: int, symbol: str, office: str) -> dict[str, Any]:
        return {
            "@sequence": str(n),
            "classification-scheme": {"@office": "", "@scheme": "CPCI"},
            **{name: value(part) for name, part in parts(symbol).items()},
            "classification-value": value("I"),
            "generating-office": value(office),
        }

    codes = [(code_, office) for code_ in patent.cpc for office in ("EP", "US")]
    classifications: Any = [code(n, symbol, office) for n, (symbol, office) in enumerate(codes, start=1)]
    titles: Any = [{"@lang": language, "$": text} for language, text in [*patent.titles.items(), ("en", patent.title)]]
    applicants = [
        {"@sequence": str(n), "@data-format": form, "applicant-name": {"name": value(shown)}}
        for n, (name, country, _) in enumerate(patent.applicants, start=1)
        for form, shown in (("epodoc", f"{name}\u2002[{country}]"), ("original", f"{name},"))
    ]
    ipc = [
        {"@sequence": str(n), "text": value(f"{padded(code_):<15}20060101A I")} for n, code_ in enumerate(patent.ipc, start=1)
    ]
    return {
        "@system": "ops.epo.org",
        "@family-id": patent.family,
        "@country": patent.office,
        "@doc-number": patent.number,
        "@kind": patent.kind,
        "bibliographic-data": {
            "publication-reference": reference(patent.publication),
            "classifications-ipcr": {"classification-ipcr": ipc[0] if len(ipc) == 1 else ipc},
            "patent-classifications": {"patent-classification": classifications},
            "application-reference": {"@doc-id": "999", **reference(patent.filing)},
            "priority-claims": {"priority-claim": {"@sequence": "1", "@kind": "national", **reference(patent.priority)}},
            "parties": {"applicants": {"applicant": applicants}},
            "invention-title": titles[0] if len(titles) == 1 else titles,
        },
        "abstract": {"@lang": "en", "p": value(patent.abstract)},
    }


def ops_answer(documents: Any) -> dict[str, Any]:
    return {
        "ops:world-patent-data": {
            "@xmlns": {"ops": "http://ops.epo.org", "$": "http://www.epo.org/exchange"},
            "ops:meta": {"@name": "elapsed-time", "@value": "9"},
            "exchange-documents": {"exchange-document": documents},
        }
    }


def ops_json(patents: Sequence[Patent]) -> Files:
    found = [ops_object(each) for each in patents]
    return {"ops.json": json.dumps(ops_answer(found[0] if len(found) == 1 else found), ensure_ascii=False).encode()}


def _xml_of(name: str, found: Any) -> str:
    """Return what OPS says in JSON as the XML that it stands for."""
    if isinstance(found, list):
        return "".join(_xml_of(name, each) for each in found)
    attributes = "".join(
        f" {key[1:]}={quoteattr(value)}" for key, value in found.items() if key.startswith("@") and isinstance(value, str)
    )
    inside = "".join(_xml_of(key, value) for key, value in found.items() if key[0] not in "@$")
    return f"<{name}{attributes}>{escape(found.get('$', ''))}{inside}</{name}>"


def ops_xml(patents: Sequence[Patent]) -> Files:
    inside = "".join(_xml_of("exchange-document", ops_object(each)) for each in patents)
    return {
        "ops.xml": f"""<?xml version="1.0" encoding="UTF-8"?>
<?xml-stylesheet type="text/xsl" href="/3.0/style/exchange.xsl"?>
<ops:world-patent-data xmlns="http://www.epo.org/exchange" xmlns:ops="http://ops.epo.org" xmlns:xlink="http://www.w3.org/1999/xlink">
    <ops:meta name="elapsed-time" value="9"/>
    <exchange-documents>{inside}</exchange-documents>
</ops:world-patent-data>
""".encode()
    }


# -- HUPD ---------------------------------------------------------------------------------------------------------------


def hupd_object(patent: Patent) -> dict[str, Any]:
    def unslashed(codes: Sequence[str]) -> list[str]:
        return [code.replace("/", "") for code in codes]

    return {
        "application_number": "99123456",
        "publication_number": f"{patent.id}-{day(patent.publication)}",
        "title": patent.title,
        "decision": "ACCEPTED" if patent.grant else "PENDING",
        "date_produced": day(patent.publication),
        "date_published": day(patent.publication),
        "main_cpc_label": unslashed(patent.cpc)[0] if patent.cpc else "",
        "cpc_labels": unslashed(patent.cpc),
        "main_ipcr_label": unslashed(patent.ipc)[0] if patent.ipc else "",
        "ipcr_labels": unslashed(patent.ipc),
        "patent_number": "99000002" if patent.grant else "None",
        "filing_date": day(patent.filing),
        "patent_issue_date": day(patent.grant),
        "abandon_date": "",
        "uspc_class": "706",
        "uspc_subclass": "015000",
        "examiner_id": "99999.0",
        "examiner_name_last": "ROE",
        "inventor_list": [{"inventor_name_last": "DOE", "inventor_name_first": "Jane", "inventor_country": "US"}],
        "abstract": patent.abstract,
        "claims": "1. An invented thing.",
        "background": "",
        "summary": "",
        "full_description": "At length.",
    }


def hupd(patents: Sequence[Patent]) -> Files:
    return {f"9912345{n}.json": json.dumps(hupd_object(each), indent=1).encode() for n, each in enumerate(patents)}


# -- the rest of the tables ---------------------------------------------------------------------------------------------

PATENTSCOPE_HEADER = [
    *("Application Id", "Application Number", "Application Date", "Country", "Title", "Abstract", "I P C", "Applicants"),
    *("Inventors", "Priorities Data", "National Phase Entries", "Publication Number", "Publication Date"),
]


def patentscope_rows(patents: Sequence[Patent]) -> list[list[str]]:
    above = [
        ["PATENTSCOPE"],
        ["Query", "FP:(invented)"],
        ["Number of results", str(len(patents))],
        ["Office", "all"],
        [],
    ]
    rows = []
    for n, each in enumerate(patents):
        row = {
            "Application Id": f"WO99{n}",
            "Application Number": "PCT/IB99/99999",
            "Application Date": day(each.filing, "{d}.{m}.{y}"),
            "Priorities Data": f"62/999,999 {day(each.priority, '{d}.{m}.{y}')} US; 15/999,999 {day(each.filing, '{d}.{m}.{y}')} US",
            "Country": each.office,
            "Title": each.title,
            "Abstract": each.abstract,
            "I P C": "; ".join(f"{code[:4]} {code[4:]}" for code in each.ipc),
            "Applicants": "; ".join(name for name, _, _ in each.applicants),
            "Inventors": "DOE, Jane",
            "Publication Number": f"{each.office}/{each.number[:4]}/{each.number[4:]}" if each.office == "WO" else each.number,
            "Publication Date": day(each.publication, "{d}.{m}.{y}"),
        }
        rows.append([row.get(name, "") for name in PATENTSCOPE_HEADER])
    return [*above, PATENTSCOPE_HEADER, *rows]


def patentscope_xls(patents: Sequence[Patent]) -> Files:
    return {"resultList.xls": old_workbook(patentscope_rows(patents))}


def patentscope_csv(patents: Sequence[Patent]) -> Files:
    return {"resultList.csv": table(patentscope_rows(patents)).encode("utf-8-sig")}


ESPACENET_HEADER = [
    *("No", "Title", "Inventors", "Applicants", "Publication number", "Earliest priority", "IPC", "CPC", "Publication date"),
    *("Earliest publication", "Family number"),
]


def espacenet_rows(patents: Sequence[Patent]) -> list[list[str]]:
    rows = []
    for n, each in enumerate(patents, start=1):
        later = f"{int(each.publication[:4]) + 1}{each.publication[4:]}"
        row = [
            *(str(n), each.title, "DOE JANE [US]\nROE RICHARD [US]"),
            "\n".join(f"{name} [{country}]" for name, country, _ in each.applicants),
            f"{each.id}\nWO99{n}A1",
            each.priority,
            "\n".join(each.ipc),
            "\n".join(f"{code} (EP,US)" for code in each.cpc),
            f"{each.publication}\n{later}",
            each.publication,
            each.family,
        ]
        rows.append(row)
    return [ESPACENET_HEADER, *rows]


def espacenet_csv(patents: Sequence[Patent]) -> Files:
    above = "".join(
        f"{line}\n" for line in ("Espacenet", "", "Query:;invented", "Date:;2099-01-01", f"Results:;{len(patents)}", "", "")
    )
    return {"espacenet.csv": (above + table(espacenet_rows(patents), ";", csv.QUOTE_ALL)).encode("utf-8-sig")}


def espacenet_xlsx(patents: Sequence[Patent]) -> Files:
    return {"espacenet.xlsx": workbook([["Espacenet"], *([] for _ in range(6)), *espacenet_rows(patents)])}


DERWENT_HEADER = "PT PN TI AU AE GA AB EA DC MC IP PD AD FD PI DS FS CP CR DN MN RI CI RG".split()


def derwent_number(patent: Patent) -> str:
    return f"{patent.office}{patent.number}-{patent.kind}"


def derwent_code(code: str) -> str:
    group, _, subgroup = code[4:].partition("/")
    return f"{code[:4]}-{group:0>3}/{subgroup}"


def derwent(patents: Sequence[Patent], encoding: str = "utf-8-sig") -> Files:
    lines = [DERWENT_HEADER]
    for n, each in enumerate(patents):
        number, codes = derwent_number(each), "; ".join(map(derwent_code, each.ipc))
        row = {
            "PT": "P",
            "PN": f"{number}; WO199999999{n}-A1",
            "TI": each.title,
            "AU": "DOE J; ROE R",
            "AE": "; ".join(
                f"{name} ({'DOEJ-I' if kind == 'individual' else 'KITE-C' if not place else 'INVE-N'})".replace("; ", ", ")
                for place, (name, _, kind) in enumerate(each.applicants)
            ),
            "GA": each.family,
            "AB": f"   NOVELTY - {each.abstract}    USE - For invented uses.    ADVANTAGE - It is quiet.    DETAILED DESCRIPTION - An "
            "INDEPENDENT CLAIM is included for a shop.    DESCRIPTION OF DRAWING(S) - The drawing shows it.    Spar (10)",
            "DC": "T01 (Digital Computers)",
            "MC": "T01-J16",
            "IP": codes,
            "PD": f"{number}   {spelt(each.publication)}   {codes.split(';')[0]}   209901   Pages: 9   English; WO199999999{n}-A1   "
            "01 Jan 2099",
            "AD": f"{number}  US999999   {spelt(each.filing)}; WO199999999{n}-A1  WO999   02 Jan 2099",
            "PI": f"US999999P   {spelt(each.priority)}; US999999   {spelt(each.filing)}",
        }
        lines.append([row.get(name, "") for name in DERWENT_HEADER])
    text = "".join("\t".join(line) + "\t\r\n" for line in lines)  # each line ends in a tab
    return {"savedrecs.txt": text.encode(encoding)}


INCOPAT_HEADER = [
    *(
        "序号",
        "标题 (中文)",
        "标题 (英文)",
        "摘要 (中文)",
        "摘要 (英文)",
        "申请人",
        "标准化申请人",
        "公开（公告）号",
        "公开（公告）日",
        "申请号",
        "申请日",
    ),
    *(
        "专利类型",
        "公开国别",
        "链接到incoPat",
        "IPC主分类",
        "IPC",
        "CPC",
        "国民经济分类",
        "申请人类型",
        "申请人国别代码",
        "最早优先权日",
        "授权公告日",
    ),
    *("简单同族ID", "简单同族个数", "专利有效性", "合享价值度"),
]
_CHINESE_TYPES = {
    "enterprise": "企业",
    "university": "大专院校",
    "institute": "科研单位",
    "government": "机关团体",
    "individual": "个人",
    "": "其他",
}


def incopat_rows(patents: Sequence[Patent]) -> list[list[str]]:
    rows = []
    for n, each in enumerate(patents, start=1):
        row = {
            "序号": str(n),
            "标题 (中文)": "虚构的风筝",
            "标题 (英文)": each.title,
            "摘要 (中文)": "本发明是为测试而虚构的。",
            "摘要 (英文)": each.abstract,
            "申请人": "; ".join(name for name, _, _ in each.applicants),
            "标准化申请人": "; ".join(name.upper() for name, _, _ in each.applicants),
            "公开（公告）号": each.id,
            "公开（公告）日": day(each.publication),
            "申请号": f"{each.office}99999{n}",
            "申请日": day(each.filing),
            "专利类型": "发明授权" if each.grant else "发明申请",
            "公开国别": each.office,
            "链接到incoPat": "https://incopat.example/detail",
            "IPC主分类": each.ipc[0] if each.ipc else "",
            "IPC": "; ".join(each.ipc),
            "CPC": "; ".join(each.cpc),
            "国民经济分类": "C39",
            "申请人类型": "; ".join(_CHINESE_TYPES[kind] for _, _, kind in each.applicants),
            "申请人国别代码": "; ".join(country for _, country, _ in each.applicants),
            "最早优先权日": day(each.priority),
            "授权公告日": day(each.grant),
            "简单同族ID": each.family,
            "简单同族个数": "2",
            "专利有效性": "有效",
            "合享价值度": "9",
        }
        rows.append([row[name] for name in INCOPAT_HEADER])
    return [INCOPAT_HEADER, *rows]


def incopat_xlsx(patents: Sequence[Patent]) -> Files:
    return {"incopat.xlsx": workbook(incopat_rows(patents))}


def incopat_csv(patents: Sequence[Patent]) -> Files:
    return {"incopat.csv": table(incopat_rows(patents)).encode("gb18030")}


PATSNAP_HEADER = [
    *(
        "序号",
        "公开(公告)号",
        "标题",
        "标题(译)(English)",
        "摘要",
        "摘要(译)(English)",
        "申请日",
        "公开(公告)日",
        "授权日",
        "最早优先权日",
        "专利类型",
    ),
    *(
        "IPC分类号",
        "IPC主分类号(小类)",
        "CPC分类号",
        "[标]当前申请(专利权)人",
        "[标]原始申请(专利权)人",
        "当前申请(专利权)人州/省",
        "发明人",
    ),
    *("法律状态/事件", "简单同族", "简单同族编号"),
]


def patsnap_xlsx(patents: Sequence[Patent]) -> Files:
    rows: list[list[str]] = [PATSNAP_HEADER]
    for n, each in enumerate(patents, start=1):
        names = " | ".join(name for name, _, _ in each.applicants)
        row = {
            "序号": str(n),
            "公开(公告)号": each.id,
            "标题": "虚构的风筝",
            "标题(译)(English)": each.title,
            "摘要": "本发明是为测试而虚构的。",
            "摘要(译)(English)": each.abstract,
            "申请日": each.filing,
            "公开(公告)日": each.publication,
            "授权日": each.grant,
            "最早优先权日": each.priority,
            "专利类型": "发明申请",
            "IPC分类号": " | ".join(each.ipc),
            "IPC主分类号(小类)": each.ipc[0][:4] if each.ipc else "",
            "CPC分类号": " | ".join(each.cpc),
            "[标]当前申请(专利权)人": "Later Owner Ltd",
            "[标]原始申请(专利权)人": names,
            "发明人": "DOE, JANE | ROE, RICHARD",
            "法律状态/事件": "授权 | 权利转移",
            "简单同族": f"{each.id} | WO99{n}A1",
            "简单同族编号": each.family,
        }
        rows.append([row.get(name, "") for name in PATSNAP_HEADER])
    dates = [PATSNAP_HEADER.index(name) for name in ("申请日", "公开(公告)日", "授权日", "最早优先权日")]
    return {"patsnap.xlsx": workbook(rows, dates)}


CNIPA_HEADER = [
    *(
        "申请号",
        "申请日",
        "公开（公告）号",
        "公开（公告）日",
        "名称",
        "申请（专利权）人",
        "发明（设计）人",
        "主分类号",
        "分类号",
        "摘要",
        "英文名称",
        "英文摘要",
    ),
    *("地址", "最新法律状态"),
]


def cnipa_rows(patents: Sequence[Patent]) -> list[list[str]]:
    rows = []
    for n, each in enumerate(patents):
        row = {
            "申请号": f"CN2099100{n:05}.X",
            "申请日": day(each.filing, "{y}.{m}.{d}"),
            "公开（公告）号": each.id,
            "公开（公告）日": day(each.publication, "{y}.{m}.{d}"),
            "名称": "虚构的风筝",
            "申请（专利权）人": ";".join(name for name, _, _ in each.applicants),
            "发明（设计）人": "某甲;某乙",
            "主分类号": f"{each.ipc[0]}(2006.01)I" if each.ipc else "",
            "分类号": ";".join(f"{code}(2006.01)I" for code in each.ipc),
            "摘要": "本发明是为测试而虚构的。",
            "英文名称": each.title,
            "英文摘要": each.abstract,
            "地址": "虚构市",
            "最新法律状态": "授权",
        }
        rows.append([row[name] for name in CNIPA_HEADER])
    return [CNIPA_HEADER, *rows]


def cnipa_csv(patents: Sequence[Patent]) -> Files:
    return {"cnipa.csv": table(cnipa_rows(patents)).encode("gb18030")}


def cnipa_xlsx(patents: Sequence[Patent]) -> Files:
    return {"cnipa.xlsx": workbook(cnipa_rows(patents))}


# -- PATSTAT ------------------------------------------------------------------------------------------------------------

_SECTORS = {
    "enterprise": "COMPANY",
    "university": "UNIVERSITY",
    "individual": "INDIVIDUAL",
    "government": "GOV NON-PROFIT",
    "hospital": "HOSPITAL",
    "": "UNKNOWN",
}


def _comma(header: str, rows: Sequence[Sequence[str]]) -> bytes:
    return table([header.split(), *rows], ",", csv.QUOTE_MINIMAL, "\n").encode()


def patstat(patents: Sequence[Patent]) -> Files:
    none = "9999-12-31"
    rows: dict[str, list[list[str]]] = {name: [] for name in ("201", "202", "203", "206", "207", "209", "211", "224")}
    for n, each in enumerate(patents, start=1):
        key = f"99000{n}"
        rows["201"].append(
            [
                *(key, each.office, f"99{n}", "A", each.filing or none, each.filing[:4] or "9999", "PI", each.priority or none),
                *(
                    each.priority[:4] or "9999",
                    each.publication or none,
                    "Y" if each.grant else "N",
                    each.family or "0",
                    "1",
                    "1",
                ),
            ]
        )
        rows["202"].append([key, "en", each.title])
        rows["203"].append([key, "en", each.abstract])
        rows["211"].append(
            [
                f"88{n}",
                each.office,
                each.number,
                "",
                each.kind,
                key,
                each.publication or none,
                "en",
                "Y" if each.grant else "N",
                "9",
            ]
        )
        persons = [(name, country, kind, place, 0) for place, (name, country, kind) in enumerate(each.applicants, start=1)]
        for number, (name, country, kind, applicant, inventor) in enumerate(
            [*persons, ("ROE RICHARD", "JP", "individual", 0, 1)]
        ):
            person = f"77{n}{number}"
            rows["206"].append([person, name.upper(), "", country, name, _SECTORS[kind], name.upper()])
            rows["207"].append([person, key, str(applicant), str(inventor)])
        rows["209"] += [[key, f"{padded(code):<15}", "A", "0001-01-01", "I", "F", "EP"] for code in each.ipc]
        rows["224"] += [[key, padded(code)] for code in each.cpc]
    return {
        "tls201_appln.csv": _comma(
            "appln_id appln_auth appln_nr appln_kind appln_filing_date appln_filing_year ipr_type earliest_filing_date "
            "earliest_filing_year earliest_publn_date granted docdb_family_id nb_applicants nb_inventors",
            rows["201"],
        ),
        "tls202_appln_title.csv": _comma("appln_id appln_title_lg appln_title", rows["202"]),
        "tls203_appln_abstr.csv": _comma("appln_id appln_abstract_lg appln_abstract", rows["203"]),
        "tls206_person.csv": _comma(
            "person_id person_name person_address person_ctry_code psn_name psn_sector han_name", rows["206"]
        ),
        "tls207_pers_appln.csv": _comma("person_id appln_id applt_seq_nr invt_seq_nr", rows["207"][::-1]),
        "tls209_appln_ipc.csv": _comma(
            "appln_id ipc_class_symbol ipc_class_level ipc_version ipc_value ipc_position ipc_gener_auth", rows["209"]
        ),
        "tls211_pat_publn.csv": _comma(
            "pat_publn_id publn_auth publn_nr publn_nr_original publn_kind appln_id publn_date publn_lg publn_first_grant publn_claims",
            rows["211"],
        ),
        "tls224_appln_cpc.csv": _comma("appln_id cpc_class_symbol", rows["224"]),
    }


WRITERS: Mapping[str, Callable[[Sequence[Patent]], Files]] = {
    "lens CSV": lens_csv,
    "lens JSON": lens_jsonl,
    "bigquery JSON": bigquery_jsonl,
    "google CSV": google_csv,
    "uspto XML": uspto,
    "patentsview TSV": patentsview,
    "hupd JSON": hupd,
    "docdb XML": docdb,
    "ops XML": ops_xml,
    "ops JSON": ops_json,
    "espacenet CSV": espacenet_csv,
    "espacenet XLSX": espacenet_xlsx,
    "patentscope XLS": patentscope_xls,
    "patentscope CSV": patentscope_csv,
    "patstat CSV": patstat,
    "derwent TXT": derwent,
    "incopat XLSX": incopat_xlsx,
    "patsnap XLSX": patsnap_xlsx,
    "cnipa XLSX": cnipa_xlsx,
    "cnipa CSV": cnipa_csv,
}
"""The exports by format and kind of file; a test reads each of them field by field."""
