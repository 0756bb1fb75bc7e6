"""Audits in words and as records: what was drawn, what it will cost, what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from ipclass.audit_draw import Drawn
from ipclass.audit_estimate import Result
from ipclass.batch import TAGGED_BY
from ipclass.figures import Interval

_FLAGS = {
    "e": "estimated",
    "u": "of low reliability: the interval is wide",
    "p": "provisional",
    "b": "break in the series",
    "/": "too uncertain to be published: too few documents or positives, or too wide an interval",
}


def as_record(result: Result) -> dict[str, Any]:
    """Return all that an audit found and where it comes from, for JSON; what is not defined is nan."""
    found, share, plan = result.audited, result.audited.share, result.plan
    return {
        "provenance": str(plan.provenance),
        "label": result.label.id,
        "label_version": result.label.version,
        "definition": result.definition,
        **asdict(share),
        "error": found.error,
        "printable": share.printable,
        "precision": asdict(found.precision),
        "recall": asdict(found.recall),
        "judged": found.checked,
        "not_judged": result.not_judged,
        "grades": {str(grade): count for grade, count in result.grades.items()},
        "bulk_checked": found.bulk_checked,
        "bulk_positive": found.bulk_positive,
        "bulk": found.sentence,
        "unscored": dict(result.unscored),
        "model": plan.model,
        "table": plan.table,
        "table_sha256": plan.table_sha256,
        "sheet": str(result.sheet),
        "sheet_sha256": result.sheet_sha256,
        "plan_sha256": result.plan_sha256,
        "drawn": {"judgements": len(plan.rows), "bulk": plan.bulk, "seed": plan.seed, "by": plan.made_by},
        "made_by": f"ipclass {version('ipclass')}",
    }


def as_text(result: Result) -> str:
    """Return what an audit found, in words."""
    found, share, plan = result.audited, result.audited.share, result.plan
    raised = "; ".join(f"{flag} {_FLAGS[flag]}" for flag in share.flags) or "none"
    graded = ", ".join(f"{count:,} x {grade}" for grade, count in result.grades.items())
    source = f"table {plan.table}, sha256 {plan.table_sha256[:TAGGED_BY]}; {plan.provenance}, seed {plan.seed}"
    lines = (
        f"{result.label.name} ({result.label.id}, version {result.label.version}, definition {result.definition})",
        f"Share: {_in_words(Interval(share.share, share.low, share.high))} of {share.n:,.0f} documents",
        f"Counted: {_percent(share.naive)} are tagged",
        f"Precision of the tagger here: {_in_words(found.precision)}",
        f"Recall of the tagger here: {_in_words(found.recall)}",
        found.sentence,
        f"Flags: {raised}",
        f"Judged: {found.checked:,} of {len(plan.rows):,} rows drawn (grades: {graded})",
        f"Not judged: {result.not_judged:,}, in no figure and never taken for no",
        f"Unscored: {_counted(result.unscored)}, which could not be drawn and are in no figure",
        f"Model {plan.model[:TAGGED_BY]}; {source}",
    )
    return "\n".join(lines)


def drawn_as_text(drawn: Drawn) -> str:
    """Return what was drawn, in words."""
    what = f"{drawn.judgements:,} of {drawn.documents:,} documents to judge for {drawn.label} ({drawn.definition})"
    lines = (
        f"{drawn.sheet}: {what}",
        f"{drawn.guideline}: how to judge",
        f"{drawn.plan}: the plan, needed to estimate; whoever judges leaves it closed",
        f"unscored documents, which cannot be drawn: {_counted(drawn.unscored)}",
    )
    return "\n".join(lines)


def size_as_text(n: int, documents: int, width: float) -> str:
    """Return what ``size`` found, in words."""
    all_ = ", which is all of them" if n == documents else ""
    return (
        f"{n:,} judgements of {documents:,} documents{all_}: so many are expected to bring the half width of the interval "
        f"to {width:g} times the share"
    )


def _counted(unscored: Mapping[str, int]) -> str:
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in unscored.items())
    return f"{sum(unscored.values()):,}{f' ({reasons})' if reasons else ''}"


def _in_words(figure: Interval) -> str:
    if figure.reason:
        return f"withheld: {figure.reason}"
    return f"{_percent(figure.value)} (95 % interval {_percent(figure.low)} to {_percent(figure.high)})"


def _percent(value: float) -> str:
    """Return a share in per cent, with three digits.

    >>> _percent(0.05234), _percent(1.0), _percent(0.000012)
    ('5.23 %', '100 %', '0.0012 %')
    """
    percent = 100 * value
    return f"{percent:.3g} %" if percent >= 1e-4 or percent == 0 else "below 0.0001 %"
