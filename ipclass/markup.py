"""HTML that is safe by its type: all that is not ``Html`` is escaped. Texts and names are a stranger's."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from typing import Any

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]")


class Html(str):
    """Text that is HTML already; any other text is escaped."""

    __slots__ = ()


def clean(text: str) -> str:
    """Return ``text`` without signs that no page may hold or that turn the direction of what follows."""
    return _CONTROLS.sub("\ufffd", text)


def safe(value: object) -> Html:
    """Return ``value`` as HTML, escaped unless it is that already."""
    return value if isinstance(value, Html) else Html(html.escape(clean(str(value))))


def el(name: str, *content: object, **attributes: object) -> Html:
    """Return an element. ``class_`` stands for class; an attribute that is True stands alone, None is left out.

    >>> el("b", "<script>", title='"x"')
    '<b title="&quot;x&quot;">&lt;script&gt;</b>'
    """
    shown = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{safe(value)}"')
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{shown}>{''.join(map(safe, content))}</{name}>")


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[object]], numbers: int = 99, headers: int = 1) -> Html:
    """Return a table that scrolls by itself where it is too wide; the last ``numbers`` columns are set as numbers."""

    def kind(place: int) -> str | None:
        return "number" if place >= max(headers, len(head) - numbers) else None

    def line(row: Sequence[object]) -> Html:
        cells = (
            el("th", value, scope="row") if place < headers else el("td", value, class_=kind(place))
            for place, value in enumerate(row)
        )
        return el("tr", *cells)

    top = el("tr", *(el("th", name, scope="col", class_=kind(place)) for place, name in enumerate(head)))
    whole = el("table", el("caption", caption), el("thead", top), el("tbody", *(map(line, rows))))
    return el("div", whole, class_="scroll", role="region", aria_label=caption, tabindex="0")


def embedded(facts: Any) -> Html:
    """Return JSON for a script element: no sign in it can end the element.

    >>> embedded("</script>")
    '"\\\\u003c/script\\\\u003e"'
    """
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Html(text)
