"""The charts of a report as Vega-Lite specifications, and as drawings of nothing but shapes and texts."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl
import vl_convert

from ipclass.cells import Cell
from ipclass.markup import Html, clean
from ipclass.printed import count, drawable, figure, group_name, largest_first, percent, short, shown_interval, shown_share
from ipclass.records import Definition
from ipclass.report import Findings, is_year

PARTS = Path(__file__).parent / "templates"

COLOURS = ("#2f7fc1", "#c8641b", "#1f9d78", "#b566a3", "#94792a", "#7480d6", "#b8584f", "#7d8790")
"""Each at least 3 : 1 on the light page and on the dark one."""

_AXIS = {f"{part}Color": "currentColor" for part in ("label", "title", "domain", "tick", "grid")}

CONFIG: Mapping[str, Any] = {
    "aria": False,
    "background": None,
    "font": "Arial, Helvetica, 'Liberation Sans', sans-serif",  # of widths that are known when the stills are laid out
    "view": {"stroke": None},
    "axis": {**_AXIS, "gridOpacity": 0.14, "domainOpacity": 0.5, "tickOpacity": 0.5, "labelFontSize": 12, "labelLimit": 220},
    "text": {"color": "currentColor"},
}
"""Ink is the page's own, so that a chart is legible on a light page and on a dark one."""

_TIPS = [{"field": name, "title": name} for name in ("group", "share", "interval", "counted", "documents", "flags")]

_WIDE = {"type": "fit-x", "contains": "padding"}

_PER_CENT = {"format": ".2~p", "title": None, "tickCount": 5}

_SHAPES = frozenset("svg g path rect line circle text tspan defs clipPath linearGradient stop".split())


@dataclass(frozen=True)
class Chart:
    """A Vega-Lite specification without size, what it is called, and what it shows in words."""

    id: str
    caption: str
    alt: str
    spec: Mapping[str, Any]
    width: int = 440


def charts(found: Findings) -> dict[str, list[Chart]]:
    """Return the charts of each part, of the first definition that has something to show."""
    (definition, *_), made = found.definitions, {}
    colours = {label: COLOURS[place % len(COLOURS)] for place, label in enumerate(found.model.labels.ids)}

    def of(part: str, label: str) -> list[Cell]:
        cells = found.tables[part].cells if part in found.tables else ()
        return [cell for cell in cells if (cell.label, cell.definition) == (label, definition)]

    points = [_point(of("all", label)[0], found.name(label)) for label in found.labels]
    told = "; ".join(f"{point['group']} {point['share']}, {point['interval']}" for point in points)
    made["all"] = [
        Chart("chart-all", f"Shares, {definition}", f"Shares with intervals: {told}.", _dots(points, COLOURS[0]), 560)
    ]
    made |= {part: [] for part in ("year", "country", "applicant", "overlap")}
    for place, label in enumerate(found.labels):
        years = [cell for cell in of("year", label) if is_year(cell.group[0])]
        drawn = [at for at, cell in enumerate(years) if drawable(cell)]
        if drawn:
            years = years[drawn[0] : drawn[-1] + 1]
            points = [{**_point(cell, cell.group[0]), "year": int(cell.group[0])} for cell in years]
            alt = (
                f"{found.name(label)} by year: {points[0]['share']} in {points[0]['group']}, "
                f"{points[-1]['share']} in {points[-1]['group']}; all figures are in the table below."
            )
            made["year"].append(Chart(f"chart-year-{place}", found.name(label), alt, _trend(points, colours[label])))
        for part in ("country", "applicant"):
            cells = largest_first(of(part, label))
            if any(drawable(cell) for cell in cells):
                points = [_point(cell, name) for cell, name in zip(cells, _distinct(map(group_name, cells)), strict=True)]
                alt = f"{found.name(label)} by {part}: dots with intervals; all figures are in the table below."
                made[part].append(Chart(f"chart-{part}-{place}", found.name(label), alt, _dots(points, colours[label])))
    for each in found.definitions:
        overlap = found.figures.get(("overlap", each))
        if not made["overlap"] and overlap is not None and overlap["lift"].is_not_null().any():
            made["overlap"] = [_overlap_chart(found, each, overlap)]
    return made


def _point(cell: Cell, group: str) -> dict[str, Any]:
    share, drawn = cell.share, drawable(cell)
    return {
        "group": clean(group),
        "value": share.share if drawn else None,
        "low": share.low if drawn else None,
        "high": share.high if drawn else None,
        "naive": None if math.isnan(share.naive) else share.naive,
        "sure": "u" not in share.flags,
        "share": shown_share(cell),
        "interval": shown_interval(cell),
        "counted": percent(share.naive),
        "documents": count(share.n),
        "flags": share.flags or "none",
    }


def _dots(points: Sequence[Mapping[str, Any]], colour: str) -> dict[str, Any]:
    """Return a chart of shares with intervals, a line a group."""
    y = {
        "field": "group",
        "type": "nominal",
        "sort": None,
        "axis": {"title": None, "grid": False, "domain": False, "ticks": False},
    }
    x = {"type": "quantitative", "axis": _PER_CENT, "scale": {"zero": True, "nice": True}}
    fill = {"condition": {"test": "datum.sure", "value": colour}, "value": "transparent"}
    return {
        "data": {"values": list(points)},
        "height": 26 * len(points),
        "autosize": _WIDE,
        "encoding": {"y": y, "tooltip": _TIPS},
        "layer": [
            {
                "mark": {"type": "tick", "color": "currentColor", "opacity": 0.6, "thickness": 2},
                "encoding": {"x": {"field": "naive", **x}},
            },
            {
                "mark": {"type": "rule", "color": colour, "strokeWidth": 2},
                "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}},
            },
            {
                "mark": {"type": "point", "stroke": colour, "size": 70, "opacity": 1},
                "encoding": {"x": {"field": "value", **x}, "fill": fill},
            },
        ],
    }


def _trend(points: Sequence[Mapping[str, Any]], colour: str) -> dict[str, Any]:
    """Return a chart of shares over the years, with a band for the intervals; it is broken where nothing may be shown."""
    years = list(range(points[0]["year"], points[-1]["year"] + 1))
    x = {
        "field": "year",
        "type": "quantitative",
        "scale": {"zero": False, "nice": False, "padding": 8},
        "axis": {"format": "d", "values": years[:: -(-len(years) // 7)], "title": None, "grid": False},
    }
    y = {"type": "quantitative", "axis": _PER_CENT, "scale": {"zero": True}}
    band = {"x": x, "y": {"field": "low", **y}, "y2": {"field": "high"}}
    line = {"x": x, "y": {"field": "value", **y}}
    fill = {"condition": {"test": "datum.sure", "value": colour}, "value": "transparent"}
    return {
        "data": {"values": list(points)},
        "height": 200,
        "autosize": _WIDE,
        "layer": [
            {"mark": {"type": "area", "color": colour, "opacity": 0.2}, "encoding": band},
            {"mark": {"type": "rule", "color": colour, "opacity": 0.45}, "encoding": band},
            {"mark": {"type": "line", "color": colour, "strokeWidth": 2}, "encoding": line},
            {
                "mark": {"type": "point", "stroke": colour, "size": 40, "opacity": 1},
                "encoding": {**line, "fill": fill, "tooltip": _TIPS},
            },
        ],
    }


def _matrix(points: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """Return a chart of the lift of each pair of labels: blue above 1, brown below."""
    side: dict[str, Any] = {
        "type": "nominal",
        "sort": list(names),
        "axis": {"title": None, "domain": False, "ticks": False, "labelLimit": 110},
    }
    opacity = {
        "field": "depth",
        "type": "quantitative",
        "scale": {"domain": [0, 4], "range": [0.05, 0.45], "clamp": True},
        "legend": None,
    }
    fill = {"condition": {"test": "datum.above", "value": "#2f7fc1"}, "value": "#c8641b"}
    tips = [{"field": name, "title": name} for name in ("pair", "lift", "interval", "share")]
    return {
        "data": {"values": list(points)},
        "height": 44 * len(names),
        "autosize": _WIDE,
        "encoding": {
            "x": {"field": "column", **side, "axis": {**side["axis"], "orient": "top", "labelAngle": 0}},
            "y": {"field": "row", **side},
            "tooltip": tips,
        },
        "layer": [
            {"mark": {"type": "rect"}, "encoding": {"fill": fill, "fillOpacity": opacity}},
            {"mark": {"type": "text", "fontSize": 12}, "encoding": {"text": {"field": "lift"}}},
        ],
    }


def _distinct(names: Iterable[str]) -> list[str]:
    """Return the names short enough for an axis, and no two alike: a chart would put these on one line."""
    found: list[str] = []
    for name in names:
        brief = short(name, 28)
        found.append(brief if brief not in found else f"{brief} ({len(found) + 1})")
    return found


def _overlap_chart(found: Findings, definition: Definition, overlap: pl.DataFrame) -> Chart:
    points = []
    for row in overlap.iter_rows(named=True):
        lift = row["lift"]
        facts: dict[str, Any] = {
            "pair": f"{found.name(row['label'])} and {found.name(row['with'])}",
            "lift": "/" if lift is None else f"× {lift:.3g}",
            "depth": 0 if not lift else min(4.0, abs(math.log2(lift))),
            "above": lift is not None and lift > 1,
            "interval": f"{figure(row['lift_low'])} to {figure(row['lift_high'])}",
            "share": figure(row["share"], ".3%"),
        }
        ends = row["label"], row["with"]
        points += [{"row": one, "column": other, **facts} for one, other in (ends, ends[::-1])]
    told = "; ".join(f"{point['pair']} {point['lift']}" for point in points[::2])
    names = ", ".join(f"{label}: {found.name(label)}" for label in found.labels)
    alt = f"Lift of each pair of labels: {told}."
    return Chart("chart-overlap", f"Lift of each pair, {definition} ({names})", alt, _matrix(points, found.labels), 440)


def drawn(chart: Chart) -> Html:
    """Return the chart as SVG to be put into a page: nothing in it but shapes and texts, its ids its own.

    >>> kept_shapes('<svg xmlns="http://www.w3.org/2000/svg"><a href="x:"><script>1</script></a><g id="a"/></svg>', "c")
    '<svg><g id="c-a" /></svg>'
    """
    svg = vl_convert.vegalite_to_svg({**chart.spec, "width": chart.width}, config=dict(CONFIG))
    return kept_shapes(svg, chart.id)


def kept_shapes(svg: str, prefix: str) -> Html:
    """Return ``svg`` with nothing but shapes, texts and references within it."""
    root = ElementTree.fromstring(svg)

    def keep(node: ElementTree.Element) -> None:
        node.tag = node.tag.rpartition("}")[2]
        for name, value in list(node.attrib.items()):
            if ":" in name or "}" in name or name.lower().startswith("on") or name in ("href", "class", "style"):
                del node.attrib[name]
            elif name == "id":
                node.attrib[name] = f"{prefix}-{value}"
            elif "url(" in value:
                node.attrib[name] = re.sub(r"url\(['\"]?#([\w-]+)['\"]?\)", rf"url(#{prefix}-\1)", value)
        for child in list(node):
            if child.tag.rpartition("}")[2] in _SHAPES:
                keep(child)
            else:
                node.remove(child)

    keep(root)
    return Html(ElementTree.tostring(root, encoding="unicode"))


def script() -> str:
    """Return Vega, Vega-Lite and the page's own lines as one script that asks for nothing."""
    bundle: str = vl_convert.javascript_bundle((PARTS / "report.js").read_text("utf-8"))
    bundle = re.sub(r"<(?=/script|script|!--)", r"\\x3c", bundle, flags=re.IGNORECASE)  # all of them stand in texts
    return bundle.replace("\r", "").strip()
