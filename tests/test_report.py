"""What the report promises: the numbers of the tables, nothing fetched, nothing of a stranger's text run or hidden."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest
import typer
from conftest import Ended, document, ipclass, patents, write_csv
from hostile import EVIL, hostile_table
from typer.testing import CliRunner

from ipclass import cli_report, highlight, printed, report, report_charts, report_files, report_page, tables
from ipclass import tagged as tagging
from ipclass.cells import Cell
from ipclass.commands import Commands
from ipclass.errors import InputError
from ipclass.figures import Share
from ipclass.grouping import Request
from ipclass.labels import LabelSet
from ipclass.model import Model
from ipclass.records import Document
from ipclass.report import Wanted, gather
from ipclass.report_page import page
from ipclass.text import Setting, Settings, terms

COUNT = Request(method="cc", draws=50)


@pytest.fixture(scope="module")
def model(tiny_model: str) -> Model:
    return Model.load(tiny_model)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile_table(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def tagged(table: Path, tiny_model: str) -> Path:
    target = table.with_name("tagged.csv")
    assert ipclass("classify", table, "-o", target, "-m", tiny_model, "-q").code == 0
    return target


@pytest.fixture(scope="module")
def found(tagged: Path, model: Model, tiny_model: str) -> report.Findings:
    return gather(Wanted(str(tagged), COUNT, tiny_model), model)


@pytest.fixture(scope="module")
def html(found: report.Findings) -> str:
    return page(found)


class Reader(HTMLParser):
    """Takes a page apart: its elements with their attributes, and the text of each kind of element."""

    VOID = ("meta", "br")

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: dict[str, list[list[str]]] = {}
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self._caption = ""
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")
        if tag == "tr":
            self.rows[self._caption].append([])
        if tag in ("td", "th"):
            self.rows[self._caption][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag == "caption":
            self._caption = self.texts["caption"][-1]
            self.rows.setdefault(self._caption, [])

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.texts[tag][-1] += data
            if tag in ("td", "th"):
                self.rows[self._caption][-1][-1] += data

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


def run(*arguments: str | Path) -> Ended:
    app = typer.Typer(cls=Commands)
    app.command()(cli_report.report)
    app.command()(lambda: None)  # a second command, so that the first keeps its name
    found = CliRunner().invoke(app, ["report", *map(str, arguments)])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    return Ended(found.exit_code, found.stdout_bytes, found.stderr)


# --- nothing of a stranger's


def test_names_and_texts_of_strangers_stay_text(html: str) -> None:
    read = Reader(html)
    assert EVIL in html.replace("&lt;", "<").replace("&gt;", ">")
    scripts = [attributes for tag, attributes in read.elements if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "specs"}, {}]
    assert not [tag for tag, _ in read.elements if tag in ("img", "iframe", "object", "embed", "link", "base", "form", "image")]
    assert not [name for _, attributes in read.elements for name in attributes if name.startswith("on")]
    assert any(EVIL in text for text in read.texts["article"]), "titles and abstracts are quoted"
    firsts = {caption.split(",")[0]: [row[0] for row in rows] for caption, rows in read.rows.items()}
    assert EVIL in firsts["Shares by country"]
    assert any("SCRIPT" in name for name in firsts["Shares by applicant"]), "in capitals, as all applicants"


def test_signs_that_turn_or_break_a_text_are_replaced(html: str) -> None:
    assert not re.search("[\x00-\x08\u202a-\u202e\u2066-\u2069]", html)
    assert "\ufffd\ufffdabc" in html


def test_nothing_is_fetched(html: str) -> None:
    read = Reader(html)
    for tag, attributes in read.elements:
        for name in ("src", "href", "srcset", "action", "data", "poster", "xlink:href", "background"):
            if name in attributes:
                assert tag == "a", tag
                assert str(attributes[name]).startswith("#")
        assert "url(" not in (attributes.get("style") or "")
    assert not re.search(r"url\((?!#)|@import", "".join(read.texts["style"]))


def test_the_policy_names_the_one_script_and_allows_no_other_source(html: str) -> None:
    read = Reader(html)
    (policy,) = (each["content"] for _, each in read.elements if each.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(read.texts["script"][1].encode()).digest()).decode()
    rules = dict(rule.strip().split(" ", 1) for rule in str(policy).split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'sha256-{digest}'"
    assert "unsafe-eval" not in str(policy)
    assert set(rules) == {"default-src", "script-src", "style-src", "base-uri", "form-action"}


def test_the_charts_data_cannot_end_its_element(html: str) -> None:
    data = Reader(html).texts["script"][0]
    assert not set("<>&") & set(data)
    specs = json.loads(data)["charts"]
    assert specs
    assert "<" in json.dumps(specs), "the hostile name is drawn, as text"


@pytest.mark.parametrize(
    "svg",
    [
        '<svg xmlns="http://www.w3.org/2000/svg" onload="x()"><script>x()</script><rect/></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg"><a href="http://x.y"><rect/></a><rect onclick="x()" style="fill:url(http://x.y)"/></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg"><foreignObject><p xmlns="http://www.w3.org/1999/xhtml"/></foreignObject><rect/></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:l="http://www.w3.org/1999/xlink"><image l:href="http://x.y"/><rect/></svg>',
    ],
)
def test_of_a_drawing_only_shapes_are_kept(svg: str) -> None:
    assert report_charts.kept_shapes(svg, "c") == "<svg><rect /></svg>"


def test_ids_within_drawings_are_their_own() -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><clipPath id="a"/><g clip-path="url(#a)"/></svg>'
    assert report_charts.kept_shapes(svg, "c") == '<svg><clipPath id="c-a" /><g clip-path="url(#c-a)" /></svg>'


def test_all_ids_of_a_page_differ_and_links_lead_somewhere(html: str) -> None:
    elements = Reader(html).elements
    ids = [each["id"] for _, each in elements if "id" in each]
    assert len(ids) == len(set(ids))
    assert {str(each["href"])[1:] for tag, each in elements if tag == "a"} <= set(ids)
    assert {each["aria-labelledby"] for _, each in elements if "aria-labelledby" in each} <= set(ids)


# --- for every reader


def test_every_table_has_a_caption_and_every_chart_a_picture_and_words(html: str) -> None:
    elements = Reader(html).elements
    tags = [tag for tag, _ in elements]
    assert tags.count("caption") == tags.count("table") > 4
    figures = [each for _, each in elements if each.get("role") == "img"]
    assert tags.count("svg") == tags.count("figure") == len(figures) > 3
    assert all(each["aria-label"] for each in figures)
    levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_colours_have_contrast_on_the_light_and_the_dark_page() -> None:
    style = (report_charts.PARTS / "report.css").read_text("utf-8")
    pages = [colour if len(colour) == 7 else "#ffffff" for colour in re.findall(r"--page: (#\w+)", style)[:2]]
    for place, back in enumerate(pages):
        for ink in ("ink", "soft", "link"):
            assert contrast(re.findall(rf"--{ink}: (#\w+)", style)[place], back) >= 4.5
        assert all(contrast(colour, back) >= 3 for colour in report_charts.COLOURS)


# --- the numbers


def test_the_numbers_are_those_of_the_tables(
    found: report.Findings, html: str, tagged: Path, model: Model, tiny_model: str
) -> None:
    for part, by, top in (
        ("all", (), 0),
        ("year", ("year",), 0),
        ("country", ("country",), 10),
        ("applicant", ("applicant",), 10),
    ):
        same = tables.share_table(str(tagged), model, replace(COUNT, by=by, top=top), tiny_model)
        assert found.tables[part].cells == same.cells, part
        assert found.tables[part].provenance["input_sha256"] == same.provenance["input_sha256"]
    rows = {row[0]: row for row in Reader(html).rows["Share of each label among all documents"]}
    for cell in found.tables["all"].cells:
        row = rows[found.name(cell.label)]
        assert row[2:5] == [
            f"{cell.share.share:.2%}",
            f"{cell.share.low:.2%} to {cell.share.high:.2%}",
            f"{cell.share.naive:.2%}",
        ]
        assert row[5:] == [f"{cell.share.n:,.0f}", f"{cell.unscored:,.0f}", "C", cell.share.flags]
    years = Reader(html).rows["Shares by year, strict, in per cent of the documents of the year"]
    cell = next(each for each in found.tables["year"].cells if each.group == ("2017",) and each.label == "looms")
    assert next(row for row in years if row[0] == "2017")[2].startswith(f"{cell.share.share:.2%}")


def cell(share: float, flags: str, floor: float = 0.01, shift: float = 1.0, n: float = 100) -> Cell:
    return Cell("strict", "kites", (), 0, Share(n, n, 0.2, share, share / 2, share * 2, "E", flags, floor, shift))


def test_what_must_not_be_printed_is_not() -> None:
    hidden, low, good = cell(0.123, "eu/"), cell(0.005, "eu"), cell(0.123, "e")
    assert [printed.shown_share(each) for each in (hidden, low, good)] == ["/", "< 1.00%", "12.30%"]
    assert printed.shown_interval(hidden) == "/"
    point = report_charts._point(hidden, "x")
    assert point["value"] is point["low"] is point["high"] is None
    assert "12.3" not in json.dumps(point)
    assert report_charts._point(low, "x")["value"] is None


def test_verdicts_name_what_is_wrong() -> None:
    assert "nothing speaks against" in report_page._verdict(cell(0.2, "e"))
    assert "mix" in report_page._verdict(cell(0.2, "eu", shift=9))
    assert "smallest share" in report_page._verdict(cell(0.001, "eu"))
    assert "too few" in report_page._verdict(cell(0.001, "eu/"))
    assert "another model" in report_page._verdict(cell(0.2, "eb"))
    assert "no document" in report_page._verdict(cell(0.2, "/", n=0))


def test_equal_findings_give_an_equal_page(html: str, tagged: Path, model: Model, tiny_model: str) -> None:
    assert page(gather(Wanted(str(tagged), COUNT, tiny_model), model)) == html


# --- examples


def test_examples_are_the_most_probable_and_the_nearest(found: report.Findings, tagged: Path) -> None:
    rows = {row["publication_number"]: row for row in csv.DictReader(tagged.read_text("utf-8").splitlines(keepends=True))}
    for label, shown in found.examples.items():
        likely = [example.probability for example in shown.likely]
        assert likely == sorted(likely, reverse=True)
        assert len(likely) == 20
        assert all(example.tagged for example in shown.likely)
        assert likely[0] == max(float(row[f"{label}_probability"]) for row in rows.values())
        assert len(shown.nearest) == 10
        for example in (*shown.likely, *shown.nearest):
            row = rows[example.id]
            assert example.probability == pytest.approx(float(row[f"{label}_probability"]))
            assert (example.title, example.abstract) == (row["title"], row["abstract"])
            assert example.tagged == (row[label] == "1")


def test_a_text_that_comes_again_is_shown_once(tmp_path: Path, model: Model, tiny_model: str) -> None:
    rows = [{"title": document("kites", 3)[0], "abstract": document("kites", 3)[1]} for _ in range(40)]
    path = write_csv(tmp_path / "same.csv", rows)
    assert len(gather(Wanted(str(path), COUNT, tiny_model), model).examples["kites"].likely) == 1


TEXTS = [
    ("Kite flying", "The kites, 12 of them, fly with a second bridle and spar. Kites fly on a tether in gusts of wind."),
    ("Méthode — 6Ｇ looms", "A 100GHz shuttle (S101) and 3.5 reeds: the loom's heddle moves, e.g. past a warp-beam."),
    ("", "In a world of looms, a kite flies. Ｌｏｏｍｓ and ﬁne yarn; 1.2a x 5"),
]


@pytest.mark.parametrize(("title", "abstract"), TEXTS)
def test_words_are_placed_as_the_text_stage_reads_them(title: str, abstract: str, model: Model) -> None:
    settings = Settings((Setting("looms", (r"in a world of looms",)),))
    stop_words = model.lexicon.stop_words
    expected = terms(Document(title, abstract).text, settings)
    for text, wanted in zip((title, abstract), expected, strict=True):
        placed = [name for _, _, name in highlight.placed_terms(text, settings, stop_words)]
        assert placed == [name for name in wanted if " " not in name]


def test_every_term_that_decided_is_found_in_the_text(model: Model) -> None:
    for theme in ("kites", "looms", ""):
        for number in range(6):
            title, abstract = document(theme, number)
            weights = {each.term: each.value for each in model.explain(f"{title}\n{abstract}", "kites")[:-1]}
            words = [
                name
                for text in (title, abstract)
                for *_, name in highlight.placed_terms(text, Settings(), model.lexicon.stop_words)
            ]
            pairs = {f"{one} {two}" for one, two in pairwise(words)}
            assert set(weights) <= set(words) | pairs


def test_highlights_keep_the_text_and_escape_it() -> None:
    text = "a <b>kite</b> & a loom"
    shown = highlight.highlighted(text, [(5, 9, 2.0), (18, 22, -0.6), (2, 3, 0.01)], 2.0)
    assert shown == 'a &lt;b&gt;<mark class="f3">kite</mark>&lt;/b&gt; &amp; a <mark class="a2">loom</mark>'
    assert "".join(Reader(f"<p>{shown}</p>").texts["p"]) == text


def test_a_very_long_abstract_is_cut(model: Model) -> None:
    example = report.Example("1", "", "kite " * 50_000, 0.9, True, model.explain("kite\nkite", "kites")[:-1])
    shown = report_page._document(example, model)
    assert "[…]" in shown
    assert "(no title)" in shown
    assert len(shown) < 60_000


# --- tables that lack something


def untagged(rows: int = 60) -> Iterator[dict[str, str]]:
    for row in patents(rows):
        yield {"title": row["title"], "abstract": row["abstract"]}


def test_a_table_of_texts_alone_is_enough(tmp_path: Path, model: Model, tiny_model: str) -> None:
    path = write_csv(tmp_path / "bare.csv", list(untagged()))
    found = gather(Wanted(str(path), COUNT, tiny_model), model)
    shown = page(found)
    assert set(found.tables) == {"all"}
    for part in ("year", "country", "applicant"):
        assert f"no column of the {part} under a usual name; name it with --{part}" in shown
    assert found.examples["kites"].likely


def test_both_definitions_are_told_apart(tagged: Path, model: Model, tiny_model: str) -> None:
    request = replace(COUNT, definitions=("strict", "broad"))
    found = gather(Wanted(str(tagged), request, tiny_model), model)
    assert found.definitions == ("strict", "broad")
    for part, by in (("all", ()), ("year", ("year",))):
        same = tables.share_table(str(tagged), model, replace(request, by=by), tiny_model)
        assert found.tables[part].cells == same.cells
    assert "Definition: strict, broad" in page(found)


def test_without_texts_there_are_no_examples_and_no_second_definition(
    tagged: Path, tmp_path: Path, model: Model, tiny_model: str
) -> None:
    path = tmp_path / "titles.csv"
    pl.read_csv(tagged).drop("abstract").with_columns(pl.lit("").alias("title")).write_csv(path)
    found = gather(Wanted(str(path), replace(COUNT, definitions=("broad", "strict")), tiny_model), model)
    assert found.definitions == ("strict",)
    assert "has no abstracts" in page(found)
    assert "No broad shares" in page(found)


def test_tags_of_another_model_are_counted_and_said_so(tagged: Path, tmp_path: Path, model: Model, tiny_model: str) -> None:
    path = tmp_path / "other.csv"
    frame = pl.read_csv(tagged).drop("abstract").with_columns(pl.lit("strict:0123456789ab").alias("tagged_by"))
    frame.write_csv(path)
    found = gather(Wanted(str(path), Request(draws=50), tiny_model), model)
    assert not found.figures
    assert all("b" in each.share.flags for each in found.tables["all"].cells)
    assert "not tagged by this model" in page(found)


def test_columns_may_be_named_or_left_out(tagged: Path, tmp_path: Path, model: Model, tiny_model: str) -> None:
    path = tmp_path / "other.csv"
    frame = pl.read_csv(tagged).rename({"year": "filing_date", "country": "Land", "applicant": "Owner"})
    frame.with_columns(pl.format("{}-05-01", "filing_date").alias("filing_date")).write_csv(path)
    found = gather(Wanted(str(path), COUNT, tiny_model, country="Land", applicant="none"), model)
    assert set(found.tables) == {"all", "year", "country"}
    assert [each.group[0] for each in found.tables["year"].cells][:2] == ["2015", "2016"]
    assert found.notes["applicant"] == ("Left out as asked.",)
    with pytest.raises(InputError, match="no column 'Lnd'; did you mean 'Land'"):
        gather(Wanted(str(path), COUNT, tiny_model, country="Lnd"), model)


def test_a_column_of_days_is_no_column_of_years(tagged: Path, tmp_path: Path, model: Model, tiny_model: str) -> None:
    path = tmp_path / "days.csv"
    pl.read_csv(tagged).with_columns(pl.int_range(pl.len()).alias("year")).write_csv(path)
    found = gather(Wanted(str(path), COUNT, tiny_model), model)
    assert "360 values" in found.notes["year"][0]


def test_unscored_documents_are_counted(tmp_path: Path, model: Model, tiny_model: str) -> None:
    path = write_csv(tmp_path / "bare.csv", [*untagged(), {"title": "", "abstract": ""}, {"title": "x", "abstract": ""}])
    target = tmp_path / "tagged.csv"
    assert ipclass("classify", path, "-o", target, "-m", tiny_model, "-q").code == 0
    found = gather(Wanted(str(target), COUNT, tiny_model), model)
    assert sum(found.unscored.values()) == found.tables["all"].cells[0].unscored == 2
    assert "62 documents, of which 2 could not be tagged" in page(found)


def with_codes(model: Model) -> Model:
    """Return the model with labels that list codes."""
    codes = {"strong": ("A63H27/08",), "supporting": ("B64C31/02",), "against": ("A47J",)}
    kites = replace(model.labels["kites"], codes=codes)
    return replace(model, labels=LabelSet((kites, *(each for each in model.labels if each.id != "kites"))))


def codes_of(frame: pl.DataFrame) -> pl.Series:
    return pl.Series("cpc", ["A63H27/08", "A47J43/28;B64C33/00", "", f"B64C31/02;{EVIL}"] * (frame.height // 4))


def test_codes_and_tags_that_agree_and_disagree_are_counted_and_shown(
    tagged: Path, tmp_path: Path, model: Model, tiny_model: str
) -> None:
    path = tmp_path / "codes.csv"
    frame = pl.read_csv(tagged, infer_schema=False).with_columns(kites_codes=pl.lit("silent"))
    frame.with_columns(codes_of(frame)).write_csv(path)
    found = gather(Wanted(str(path), COUNT, tiny_model), with_codes(model))
    tags = [tag == "1" for tag in frame["kites"].to_list()]
    strong, against, none, support = (tags[place::4] for place in range(4))
    counts = found.codes["kites"]
    assert counts["with_codes"] == len(tags) - len(none)
    assert (counts["model_only"], counts["codes_only"]) == (sum(against), strong.count(False))
    assert min(counts["model_only"], counts["codes_only"]) > 0
    assert counts["agree"] == sum(strong) + against.count(False) + sum(support)
    assert counts["silent"] == support.count(False)
    by_id = dict(zip(frame["publication_number"].to_list(), zip(tags, codes_of(frame), strict=True), strict=True))
    shown = found.examples["kites"]
    assert [by_id[each.id] for each in shown.doubted] == [(True, "A47J43/28;B64C33/00")] * 5
    assert [by_id[each.id] for each in shown.missed] == [(False, "A63H27/08")] * 5
    assert {each.codes for each in shown.missed} == {"disagree: A63H27/08"}
    assert [each.probability for each in shown.missed] == sorted(each.probability for each in shown.missed)
    read = Reader(page(found))
    rows = next(rows for caption, rows in read.rows.items() if caption.startswith("Do the classification codes"))
    assert "Examples of disagreement" in read.texts["a"]
    names = ("with_codes", "agree", "model_only", "codes_only", "silent", "unscored")
    assert rows[1] == ["Kites", *(str(counts[name]) for name in names)]
    assert rows[2] == ["Looms", str(counts["with_codes"]), "0", "0", "0", str(counts["with_codes"]), "0"]
    assert {"Kites: 5 tagged though codes speak against it", "Kites: 5 not tagged though a code points to it"} <= set(
        read.texts["summary"]
    )
    made = report_files.frames(found)
    assert made["codes"].row(0, named=True) == {"label": "kites", **counts}
    assert (
        made["examples"].filter(kind="not tagged though a code points to it")["codes"].to_list() == ["disagree: A63H27/08"] * 5
    )


def test_without_columns_of_codes_what_was_said_of_them_counts_and_stays_text(
    tagged: Path, tmp_path: Path, model: Model, tiny_model: str
) -> None:
    path = tmp_path / "said.csv"
    frame = pl.read_csv(tagged, infer_schema=False)
    said = pl.Series("kites_codes", ["agree: A63H27/08", f"disagree: {EVIL}", "", EVIL] * (frame.height // 4))
    frame.with_columns(said).write_csv(path)
    found = gather(Wanted(str(path), COUNT, tiny_model), model)
    assert set(found.codes) == {"kites"}
    assert (found.codes["kites"]["with_codes"], found.codes["kites"]["disagree"]) == (frame.height // 2, frame.height // 4)
    read = Reader(page(found))
    assert any(f"codes: disagree: {EVIL}" in text for text in read.texts["article"])
    assert [attributes for tag, attributes in read.elements if tag == "script"] == [
        {"type": "application/json", "id": "specs"},
        {},
    ]


def test_a_table_without_codes_has_no_table_of_them(found: report.Findings, html: str) -> None:
    assert not found.codes
    assert not [caption for caption in Reader(html).rows if caption.startswith("Do the classification codes")]


# --- audits


AUDIT = {"label": "kites", "definition": "strict", "share": 0.31, "low": 0.25, "high": 0.4, "flags": "", "judged": 40}


def test_an_audit_stands_beside_the_estimates(tagged: Path, tmp_path: Path, model: Model, tiny_model: str) -> None:
    path = tmp_path / "audit.json"
    of_this = {"table_sha256": tagging.sha256(str(tagged)), "model": model.digest, "bulk": EVIL}
    path.write_text(json.dumps(AUDIT | of_this | {"precision": {"value": 0.9, "low": None, "high": 1.0}}), "utf-8")
    found = gather(Wanted(str(tagged), COUNT, tiny_model, audits=(path,)), model)
    assert "audit" not in found.notes
    rows = next(rows for caption, rows in Reader(page(found)).rows.items() if caption.startswith("Audited"))
    assert rows[1] == ["Kites", "strict", "31.00%", "25.00% to 40.00%", "40", "90.00% (/ to 100.00%)", "/", ""]
    path.write_text(json.dumps(AUDIT | of_this | {"table_sha256": "0"}), "utf-8")
    found = gather(Wanted(str(tagged), COUNT, tiny_model, audits=(path,)), model)
    assert "another table" in found.notes["audit"][0]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"label": 1}', "\xff"])
def test_what_is_no_audit_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "audit.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError, match="not a result of ipclass audit estimate"):
        report.read_audit(path)


# --- files beside it, and the command


def test_every_table_and_chart_can_be_had_as_a_file(found: report.Findings) -> None:
    parts = report_files.extra_files(found)
    assert {"shares.csv", "shares_year.csv", "shares_country.csv", "shares_applicant.csv", "examples.csv", "names.csv"} <= set(
        parts
    )
    assert pl.read_csv(parts["shares.csv"])["share"].to_list() == tables.as_frame(found.tables["all"])["share"].to_list()
    charts = [name[:-4] for name in parts if name.endswith(".png")]
    assert len(charts) > 3
    for name in charts:
        assert parts[f"{name}.png"].startswith(b"\x89PNG")
        svg = parts[f"{name}.svg"].decode()
        assert ElementTree.fromstring(svg).tag.endswith("svg")
        assert "currentColor" not in svg
    for name, part in parts.items():
        if name.endswith(".csv"):
            assert not [
                field
                for row in csv.reader(part.decode().splitlines())
                for field in row
                if re.match(r"[=@\t]|[+-](?!\d)", field)
            ]


def test_the_workbook_holds_texts_as_texts(found: report.Findings) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    import io

    book = openpyxl.load_workbook(io.BytesIO(report_files.extra_files(found)["tables.xlsx"]))
    assert "shares_applicant" in book.sheetnames
    cells = [each for sheet in book for row in sheet for each in row]
    assert not [each for each in cells if each.data_type == "f"]
    frame = tables.as_frame(found.tables["all"])
    assert [each.value for each in book["shares"]["F"]][1:] == frame[frame.columns[5]].to_list()


def test_the_command_writes_page_and_files_and_says_so(tagged: Path, tmp_path: Path, tiny_model: str) -> None:
    target, folder = tmp_path / "report.html", tmp_path / "new" / "files"
    options = ["-m", tiny_model, "--method", "cc", "--draws", "50", "-o", target]
    ended = run(tagged, *options, "--files", folder)
    assert ended.code == 0, ended.err
    assert re.fullmatch(rf"{re.escape(str(target))}: [0-9.]+ MB; \d+ files in {re.escape(str(folder))}\n", ended.err)
    assert target.read_text("utf-8").startswith("<!doctype html>")
    assert (folder / "shares.csv").is_file()
    again = run(tagged, *options)
    assert again.code == 1
    assert again.lines == [f"ipclass: {target}: exists; --force replaces it"]
    assert run(tagged, *options, "--force", "-q").err == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none.csv"], "no such file"),
        (["-", "-d", "strict"], "name a file in place of standard input"),
        (["t.csv", "-l", "kite"], "did you mean 'kites'"),
        (["t.csv", "--where", "nothing = 1"], "no column 'nothing'"),
        (["t.csv", "--audit", "none.json"], "none.json: not a result"),
        (["t.csv", "-o", "no/such/r.html"], "its folder does not exist"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str], said: str, tagged: Path, tmp_path: Path, tiny_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_bytes(tagged.read_bytes())
    ended = run(*arguments, "-m", tiny_model, "--method", "cc")
    assert ended.code == 1
    assert len(ended.lines) == 1
    assert said in ended.err
    assert not Path("report.html").exists()


def test_what_is_left_out_is_said_with_its_reason(
    tagged: Path, tmp_path: Path, model: Model, tiny_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "titles.csv"
    pl.read_csv(tagged, infer_schema=False).drop("abstract").write_csv(path)
    monkeypatch.setattr(report, "MOST_HOLDERS", 1)
    shown = page(gather(Wanted(str(path), COUNT, tiny_model), model))
    assert re.search("No concentration: [0-9,]+ applicants are more than 1", shown)
    assert "the examples are titles alone" in shown


def test_a_table_that_changes_while_it_is_read_has_no_examples(
    tagged: Path, tmp_path: Path, model: Model, tiny_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "growing.csv"
    path.write_bytes(tagged.read_bytes())
    opened = report.Source

    def grown(name: str) -> report.Source:
        path.write_bytes(path.read_bytes() + tagged.read_bytes().splitlines(keepends=True)[-1])
        return opened(name)

    monkeypatch.setattr(report, "Source", grown)
    found = gather(Wanted(str(path), COUNT, tiny_model), model)
    assert not found.examples
    assert "the table changed while it was read" in page(found)
