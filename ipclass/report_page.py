"""A report as one HTML page that needs nothing else.

Charts are read as XML and only what draws is kept, and the page's own policy lets nothing be fetched and no script run
but its own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ipclass import tables
from ipclass.cells import Cell
from ipclass.figures import SHIFT_RELIABLE
from ipclass.highlight import marked
from ipclass.markup import Html, el, embedded, safe, table
from ipclass.model import Model
from ipclass.printed import count, figure, group_name, largest_first, percent, short, shown_interval, shown_share
from ipclass.records import Definition
from ipclass.report import Example, Findings
from ipclass.report_charts import CONFIG, PARTS, Chart, charts, drawn, script

LONGEST_SHOWN = 4_000
"""Characters shown of an abstract."""


def page(found: Findings) -> str:
    """Return the report as one HTML page that needs nothing else. Equal findings give an equal page."""
    drawings = charts(found)
    sections = [
        ("shares", "Shares", _shares(found, drawings["all"])),
        ("trend", "By year", _by_year(found, drawings["year"])),
        ("countries", "By country", _by_group(found, "country", drawings["country"])),
        ("applicants", "By applicant", _by_group(found, "applicant", drawings["applicant"])),
        ("overlap", "Overlap of labels", _overlap(found, drawings["overlap"])),
        ("made", "How the numbers were made", _made(found)),
        ("trust", "How far to trust them", _trust(found)),
        ("examples", "Examples", _examples(found)),
    ]
    source = found.tables["all"].provenance["input"]
    title = f"{', '.join(found.name(label) for label in found.labels)} in {source}"
    live = {chart.id: chart.spec for part in drawings.values() for chart in part}
    program = script()
    style = (PARTS / "report.css").read_text("utf-8")
    body = el(
        "body",
        el("header", el("h1", title), _lead(found)),
        el("nav", el("ul", *(el("li", el("a", name, href=f"#{id}")) for id, name, _ in sections)), aria_label="Contents"),
        el("main", *(el("section", el("h2", name, id=id), *content, aria_labelledby=id) for id, name, content in sections)),
        el("footer", el("p", _COLOPHON, class_="soft")),
        el("script", embedded({"config": CONFIG, "charts": live}), type="application/json", id="specs"),
        Html(f"<script>{program}</script>"),
    )
    head = el(
        "head",
        Html('<meta charset="utf-8">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{_policy(program)}">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html('<meta name="referrer" content="no-referrer">'),
        el("title", title),
        Html(f"<style>{style}</style>"),
    )
    return f"<!doctype html>\n{el('html', head, body, lang='en')}\n"


_COLOPHON = (
    "Made by ipclass. Charts by Vega, Vega-Lite and Vega-Embed, © University of Washington Interactive Data Lab, "
    "BSD 3-Clause, with parts of D3, © Mike Bostock, ISC. The page holds all it needs and asks no server for anything."
)


def _policy(program: str) -> str:
    """Return the policy that lets the page's own script run, and nothing be fetched, framed or sent.

    Styles may stand in attributes, as the charts' do; with nothing to fetch they can tell nobody anything.
    """
    digest = base64.b64encode(hashlib.sha256(program.encode()).digest()).decode()
    return f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def _lead(found: Findings) -> Html:
    cell, request = found.tables["all"].cells[0], found.wanted.request
    total, unit = cell.share.n + cell.unscored, "families" if request.unit == "family" or request.family else "documents"
    said = f"{count(total)} {unit}{f' where {request.where}' if request.where else ''}, of which {count(cell.unscored)} could "
    said += f"not be tagged. Definition: {' and '.join(found.definitions)}. "
    said += f"Shares are estimates with {request.level:.0%} intervals; "
    return el("p", said, "the tags as merely counted stand beside them.", class_="soft")


def _noted(found: Findings, part: str) -> list[Html]:
    return [el("p", said, class_="note") for said in found.notes.get(part, ())]


def _figures(drawings: Sequence[Chart]) -> Html:
    return el("div", *map(_figure_of, drawings), class_="charts") if drawings else Html("")


def _figure_of(chart: Chart) -> Html:
    still = el("div", drawn(chart), class_="static")
    both = el("div", still, el("div", class_="live"), class_="chart", id=chart.id, role="img", aria_label=chart.alt)
    return el("figure", el("figcaption", chart.caption), both)


def _shares(found: Findings, drawings: Sequence[Chart]) -> list[Html]:
    head = ("label", "definition", "estimated", "interval", "counted", "documents", "unscored", "method", "flags")
    rows = [
        (
            found.name(cell.label),
            cell.definition,
            el("strong", shown_share(cell)),
            shown_interval(cell),
            percent(cell.share.naive),
            count(cell.share.n),
            count(cell.unscored),
            cell.share.method,
            cell.share.flags,
        )
        for cell in found.tables["all"].cells
    ]
    audits = [
        (
            *(_known_name(found, str(audit["label"])), audit["definition"], el("strong", _part(audit["share"]))),
            f"{_part(audit['low'])} to {_part(audit['high'])}",
            *(
                f"{audit.get('judged', '–')}",
                _range(audit.get("precision")),
                _range(audit.get("recall")),
                audit.get("flags", ""),
            ),
        )
        for audit in found.audits
    ]
    parts = [
        _figures(drawings),
        el("p", _READING, class_="soft"),
        table("Share of each label among all documents", head, rows, 7),
    ]
    shifted = [
        f"{found.name(cell.label)} ({cell.definition})"
        for cell in found.tables["all"].cells
        if cell.share.n and cell.share.shift > SHIFT_RELIABLE
    ]
    if shifted and not audits:
        said = f"These documents do not look like those the model was calibrated with: {', '.join(shifted)}. "
        parts.append(el("p", said, el("a", "How far to trust the shares", href="#trust"), class_="note"))
    if audits:
        names = ("label", "definition", "share", "interval", "judged", "precision", "recall", "flags")
        caption = "Audited shares: judged by people on a sample of these documents. Where there is one, quote it."
        parts.append(table(caption, names, audits, 6))
    return [*parts, *_noted(found, "audit")]


_READING = (
    "Dot and line: estimate and interval, hollow where reliability is low. Upright stroke: tags as counted. "
    "“< x” means below the detection floor x, “/” that too little is known to print a share."
)


def _known_name(found: Findings, label: str) -> str:
    return found.name(label) if label in found.model.labels.ids else label


def _part(value: object) -> str:
    return percent(float(value)) if isinstance(value, int | float) else "/"


def _range(interval: object) -> str:
    if not isinstance(interval, dict) or not isinstance(interval.get("value"), int | float):
        return "/"
    return f"{_part(interval['value'])} ({_part(interval.get('low'))} to {_part(interval.get('high'))})"


def _wide(found: Findings, part: str, definition: Definition, caption: str, order: Callable[[list[Cell]], list[Cell]]) -> Html:
    """Return a table with a line a group and a column a label."""
    mine = [cell for cell in found.tables[part].cells if cell.definition == definition]
    by = {(cell.label, cell.group): cell for cell in mine}
    groups = [cell.group for cell in order([cell for cell in mine if cell.label == found.labels[0]])]
    head = [part, *(found.name(label) for label in found.labels), "documents", "unscored"]
    rows = []
    for group in groups:
        first = by[found.labels[0], group]
        cells = (_cell(by[label, group]) for label in found.labels)
        rows.append((short(group_name(first), 120), *cells, count(first.share.n), count(first.unscored)))
    return table(caption, head, rows)


def _cell(cell: Cell) -> Html:
    interval = f"{shown_interval(cell)}; " if cell.share.printable else ""
    more = el("span", f"{interval}counted {percent(cell.share.naive)}", class_="soft")
    return Html(f"{el('strong', shown_share(cell))} {safe(cell.share.flags)}<br>{more}")


def _by_year(found: Findings, drawings: Sequence[Chart]) -> list[Html]:
    if "year" not in found.tables:
        return _noted(found, "year")
    parts = [_figures(drawings)]
    missing = [found.name(label) for label in found.labels if found.name(label) not in {chart.caption for chart in drawings}]
    if missing:
        parts.append(el("p", f"No chart of {', '.join(missing)}: in no year is there enough to print a share.", class_="note"))
    rows = []
    for definition in found.definitions:
        growth = found.figures.get(("growth", definition))
        for row in growth.iter_rows(named=True) if growth is not None else ():
            value = row["withheld"] or f"{row['value']:+.1%}"
            interval = "/" if row["withheld"] else f"{row['low']:+.1%} to {row['high']:+.1%}"
            rows.append((found.name(row["label"]), definition, f"{row['from']}–{row['to']}", value, interval))
    if rows:
        caption = "Growth of the share a year, between the first and the last closed year whose share may be printed"
        parts.append(table(caption, ("label", "definition", "years", "growth a year", "interval"), rows, 3))
    for definition in found.definitions:
        caption = f"Shares by year, {definition}, in per cent of the documents of the year"
        whole = _wide(found, "year", definition, caption, lambda cells: sorted(cells, key=lambda cell: cell.group))
        parts.append(el("details", el("summary", f"All years, {definition}"), whole))
    return [*parts, *_noted(found, "year"), *_noted(found, "growth")]


def _by_group(found: Findings, part: str, drawings: Sequence[Chart]) -> list[Html]:
    if part not in found.tables:
        return _noted(found, part)
    parts = [_figures(drawings)]
    for definition in found.definitions:
        caption = (
            f"Shares by {part}, {definition}, in per cent of the documents of each; the {found.wanted.top} with most documents"
        )
        parts.append(_wide(found, part, definition, caption, largest_first))
    shown = {cell.group[0] for cell in found.tables[part].cells}
    joined = {name: olds for name, olds in found.tables[part].names.items() if name in shown}
    if joined:
        said = (f"{short(name, 60)} ({_several(olds)})" for name, olds in joined.items())
        parts.append(el("p", f"Spellings put together: {', '.join(said)}.", class_="soft"))
    rows = []
    for definition in found.definitions:
        held = found.figures.get(("concentration", definition)) if part == "applicant" else None
        for row in held.iter_rows(named=True) if held is not None else ():
            interval = "/" if row["withheld"] else f"{row['low']:.3f} to {row['high']:.3f}"
            value = row["withheld"] or f"{row['value']:.3f}"
            rows.append((found.name(row["label"]), definition, row["indicator"], value, interval))
    if rows:
        parts.append(table("Concentration on applicants", ("label", "definition", "indicator", "value", "interval"), rows, 2))
    return [*parts, *_noted(found, part), *_noted(found, "concentration")]


def _several(spellings: Sequence[str], most: int = 3) -> str:
    more = f"; {len(spellings) - most} more" if len(spellings) > most else ""
    return "; ".join(short(each, 60) for each in spellings[:most]) + more


def _overlap(found: Findings, drawings: Sequence[Chart]) -> list[Html]:
    parts = [
        el("p", "Lift: how many times as often two labels meet in one document as they would by chance.", class_="soft"),
        _figures(drawings),
    ]
    for definition in found.definitions:
        overlap = found.figures.get(("overlap", definition))
        if overlap is None:
            continue
        by = {frozenset((row["label"], row["with"])): row for row in overlap.iter_rows(named=True)}
        own = {cell.label: cell for cell in found.tables["all"].cells if cell.definition == definition}
        rows = [
            (
                found.name(one),
                *(shown_share(own[one]) if one == other else _pair(by[frozenset((one, other))]) for other in found.labels),
            )
            for one in found.labels
        ]
        caption = f"Documents with both labels, and lift with its interval, {definition}; diagonal: the label's own share"
        parts.append(table(caption, ("", *(found.name(label) for label in found.labels)), rows))
    if len(parts) > 2:
        said = (
            "Model-based: given the scores, labels are taken as independent. “/”: a label is too rare. Audit before you quote."
        )
        return [*parts, el("p", said, class_="soft"), *_noted(found, "overlap")]
    return _noted(found, "overlap") or [el("p", "There are no two labels to compare, or no tags of this model.", class_="note")]


def _pair(row: Mapping[str, Any]) -> Html:
    if row["share"] is None:
        return el("span", "/", title=row["withheld"])
    share = f"{row['share']:.3%} ({row['low']:.3%} to {row['high']:.3%})"
    if row["lift"] is None:
        return el("span", share)
    lift = f"× {row['lift']:.3g} ({figure(row['lift_low'])} to {figure(row['lift_high'])})"
    return Html(f"{safe(share)}<br>{safe(lift)}")


def _made(found: Findings) -> list[Html]:
    whole = found.tables["all"]
    made = whole.provenance
    facts = [
        ("input", f"{made['input']}, sha256 {made['input_sha256']}"),
        ("model", made["model_digest"]),
        ("versions", f"ipclass {made['ipclass']}, numpy {made['numpy']}"),
        ("request", json.dumps(made["request"], sort_keys=True)),
    ]
    parts = [el("ul", *(el("li", said) for said in tables.described(whole)))]
    for label in map(found.model.labels.__getitem__, found.labels):
        parts += [el("h3", f"{label.name} ({label.id}, version {label.version})"), el("p", f"{label.summary}.")]
        parts += [el("p", el("strong", "Strict: "), label.strict), el("p", el("strong", "Broad: "), label.broad)]
    parts.append(
        table("To make the same numbers again", ("what", "value"), [(name, el("code", value)) for name, value in facts], 0)
    )
    for audit in found.audits:
        shown = json.dumps(audit, indent=1, sort_keys=True, ensure_ascii=False)
        parts.append(el("details", el("summary", f"The audit of {_known_name(found, str(audit['label']))}"), el("pre", shown)))
    if not found.audits:
        parts.append(el("p", _NO_AUDIT, class_="note"))
    return parts


_NO_AUDIT = (
    "No audit is part of this report. Estimates hold if positives and negatives look like those the model was calibrated "
    "with. An audit needs no such assumption: ipclass audit draw, judge, ipclass audit estimate."
)


_FLAGS = (
    ("e", "estimated, not audited: it rests on the calibration of the model"),
    ("u", "low reliability: a wide interval, a share near the detection floor, or scores unlike those of the calibration"),
    ("p", "open year: not all its documents are published yet"),
    ("b", "break: tagged by another model or definition, and merely counted"),
    ("/", "not printable: fewer than 30 documents, fewer than 10 expected positives, or a very wide interval"),
)


_METHODS = "Method letters: A audit, E maximum likelihood, R adjusted rates, P adjusted means, S mean probability, C count."


def _trust(found: Findings) -> list[Html]:
    said = [
        el("li", el("strong", f"{found.name(cell.label)}, {cell.definition}: "), _verdict(cell))
        for cell in found.tables["all"].cells
    ]
    parts = [*_noted(found, "trust"), el("ul", *said)]
    parts.append(table(f"What the flags mean. {_METHODS}", ("flag", "meaning"), _FLAGS, 0))
    quality = [
        (
            *(found.name(row["label"]), row["definition"], f"{row['documents']:,}", f"{row['positives']:,}"),
            *(figure(row.get(name), ".3f") for name in _QUALITY),
        )
        for row in found.model.facts.get("cross_validation", ())
        if row["label"] in found.labels and row["definition"] in found.definitions
    ]
    if quality:
        head = ("label", "definition", "judged", "positives", *(name.replace("_", " ") for name in _QUALITY))
        parts.append(table("How good the tagger was on judged documents it had not seen (cross-validation)", head, quality, 7))
    parts += _codes(found)
    rows = [(reason, f"{number:,}") for reason, number in found.unscored.items()]
    if rows:
        parts.append(
            table("Documents that could not be tagged: in no share, and never taken for “none”", ("reason", "documents"), rows)
        )
    return parts


def _codes(found: Findings) -> list[Html]:
    """Return how the classification codes of the documents and their tags agree, if the table has codes."""
    if not found.codes:
        return []
    names = ("with_codes", "agree", "model_only", "codes_only", "silent", "unscored")
    rows = [(found.name(label), *(f"{counts[name]:,}" for name in names)) for label, counts in found.codes.items()]
    head = ("label", "with codes", "agree", "disagree: tagged", "disagree: not tagged", "say nothing", "unscored")
    caption = "Do the classification codes (CPC, IPC) of the documents agree with the tags?"
    shown = any(each.doubted or each.missed for each in found.examples.values())
    link = [el("a", "Examples of disagreement", href="#examples"), "."] if shown else []
    return [table(caption, head, rows), el("p", _CODES, *link, class_="soft")]


_CODES = (
    "Codes made no tag and changed none. They disagree with a tag if one of them speaks against the label and none for it, and "
    "with its absence if one of them is enough to point to the label. That a code is lacking says nothing. "
)


_QUALITY = ("precision", "recall", "f1", "average_precision", "calibration_error")


def _verdict(cell: Cell) -> str:
    share = cell.share
    if not share.n:
        return "no document could be tagged."
    said = []
    if "b" in share.flags:
        said.append("tags of another model, merely counted: biased where a label is rare")
    if not share.printable:
        said.append("too few positives to be expected for a share that can be printed; an audit would tell")
    elif share.below_floor:
        said.append(f"below {percent(share.floor)}, the smallest share that can be told from none; an audit would tell")
    if not math.isnan(share.shift) and share.shift > SHIFT_RELIABLE:
        said.append(
            f"the scores do not look like a mix of those the model was calibrated with (shift {share.shift:.1f}, trusted up to "
            f"{SHIFT_RELIABLE:.0f}): the interval may miss the truth, so audit before you quote it"
        )
    if not said and "u" in share.flags:
        said.append("the interval is wide, or the share near the detection floor")
    return f"{'; '.join(said) or 'nothing speaks against the estimate, which still is not audited'}."


def _examples(found: Findings) -> list[Html]:
    parts = [*_noted(found, "examples")]
    if not found.examples:
        return parts
    parts.append(
        el(
            "p",
            Html('<mark class="f1">for</mark> <mark class="f2">for</mark> <mark class="f3">for</mark> the label, '),
            Html('<mark class="a1">against</mark> <mark class="a3">against</mark> it: the darker, the more the word decided. '),
            "A document may be one of several labels. The texts are quoted from the table.",
            class_="soft",
        )
    )
    for label, shown in found.examples.items():
        name, place = found.name(label), f"tagged from a probability of {shown.threshold:.3f}, {shown.definition}"
        parts.append(el("h3", name))
        likely = [_document(example, found.model) for example in shown.likely]
        if likely:
            parts.append(el("details", el("summary", f"{name}: the {len(likely)} most probable ({place})"), *likely, open=True))
        else:
            parts.append(el("p", f"No document was tagged ({place}).", class_="note"))
        for what, several in (
            ("the {} nearest to the threshold", shown.nearest),
            ("{} tagged though codes speak against it", shown.doubted),
            ("{} not tagged though a code points to it", shown.missed),
        ):
            if several:
                documents = [_document(example, found.model) for example in several]
                summary = el("summary", f"{name}: {what.format(len(several))}")
                parts.append(el("details", summary, *documents, open=True))
    return parts


def _document(example: Example, model: Model) -> Html:
    terms = {each.term: each.value for each in example.terms}
    title, abstract = marked((example.title, example.abstract), terms, model, LONGEST_SHOWN)
    decided = ", ".join(f"{each.term} {each.value:+.2f}" for each in example.terms[:6])
    state = "tagged" if example.tagged else "not tagged"
    codes = f"codes: {example.codes}" if example.codes else ""
    facts = " · ".join(filter(None, (example.id, f"probability {example.probability:.3f}", state, codes)))
    return el(
        "article",
        el("h4", title or "(no title)", dir="auto"),
        el("p", facts, class_="soft"),
        el("p", abstract, dir="auto"),
        el("p", f"Decided by: {decided or 'no word that the model knows'}", class_="soft"),
    )
