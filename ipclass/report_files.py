"""What a report leaves beside its page: every table as CSV and in one workbook, every chart as SVG and PNG."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
import vl_convert

from ipclass import excel, table_files, tables
from ipclass.markup import clean
from ipclass.report import Findings
from ipclass.report_charts import CONFIG, charts


def extra_files(found: Findings) -> dict[str, bytes]:
    """Return the tables as CSV and as one Excel file, and the charts as SVG and PNG, by file name."""
    made = frames(found)
    parts = {f"{name}.csv": table_files.csv_bytes(frame) for name, frame in made.items()}
    sheets = {name: table_files.share_sheet(frame, found.wanted.request.fractional) for name, frame in made.items()}
    parts["tables.xlsx"] = excel.write(sheets)
    config = {**dict(_in_ink(CONFIG, "#1b1f24")), "background": "#ffffff", "padding": 12}
    for chart in (each for several in charts(found).values() for each in several):
        name = chart.id.replace("chart-", "").replace("-", "_")
        spec = {**_in_ink(chart.spec, "#1b1f24"), "width": chart.width, "title": clean(chart.caption)}
        parts[f"{name}.svg"] = vl_convert.vegalite_to_svg(spec, config=config).encode()
        parts[f"{name}.png"] = vl_convert.vegalite_to_png(spec, config=config, scale=2)
    return parts


def frames(found: Findings) -> dict[str, pl.DataFrame]:
    """Return every table of the report as a data frame, by the name of its file."""
    made = {f"shares_{part}" if part != "all" else "shares": tables.as_frame(whole) for part, whole in found.tables.items()}
    for name in ("growth", "overlap", "concentration"):
        parts = [
            frame.select(pl.lit(definition).alias("definition"), pl.all())
            for (part, definition), frame in found.figures.items()
            if part == name
        ]
        if parts:
            made[name] = pl.concat(parts, how="vertical_relaxed")
    names = [
        {"column": whole.request.by[0], "name": name, "spelling": spelling}
        for whole in found.tables.values()
        for name, several in whole.names.items()
        for spelling in several
    ]
    if names:
        made["names"] = pl.DataFrame(names)
    if found.codes:
        made["codes"] = pl.DataFrame([{"label": label, **counts} for label, counts in found.codes.items()])
    if rows := list(found.model.facts.get("cross_validation", ())):
        made["quality"] = pl.DataFrame(rows, infer_schema_length=None)
    examples = [
        {
            "definition": shown.definition,
            "label": label,
            "kind": kind,
            "id": example.id,
            "probability": example.probability,
            "tagged": example.tagged,
            "codes": example.codes,
            "terms": "; ".join(f"{each.term} ({each.value:+.3f})" for each in example.terms[:6]),
        }
        for label, shown in found.examples.items()
        for kind, several in (
            ("most probable", shown.likely),
            ("nearest to the threshold", shown.nearest),
            ("tagged though codes speak against it", shown.doubted),
            ("not tagged though a code points to it", shown.missed),
        )
        for example in several
    ]
    if examples:
        made["examples"] = pl.DataFrame(examples)
    return {name: _without_controls(frame) for name, frame in made.items()}


def _without_controls(frame: pl.DataFrame) -> pl.DataFrame:
    names = [name for name, kind in frame.schema.items() if kind == pl.String]
    return frame.with_columns(pl.col(name).str.replace_all(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "\ufffd") for name in names)


def _in_ink(value: Any, ink: str) -> Any:
    """Return a specification with a colour of its own in place of the page's."""
    if isinstance(value, Mapping):
        return {name: _in_ink(each, ink) for name, each in value.items()}
    if isinstance(value, list):
        return [_in_ink(each, ink) for each in value]
    return ink if value == "currentColor" else value
