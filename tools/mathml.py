"""A hook of mkdocs: formulas become MathML when the site is built, so that pages need no script and no network to show them."""

from __future__ import annotations

import html
import re
from typing import Any

from latex2mathml.converter import convert

FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)


def on_page_content(content: str, **_: Any) -> str:
    """Return the page with each formula that arithmatex marked turned into MathML."""
    return FORMULA.sub(lambda found: as_mathml(html.unescape(found[3]), block=found[2] == "["), content)


def as_mathml(latex: str, *, block: bool) -> str:
    """Return a formula as MathML, in a box that scrolls if it is wider than the page."""
    made = convert(latex.strip(), display="block" if block else "inline")
    return f'<div class="formula">{made}</div>' if block else made
