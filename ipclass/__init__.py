"""Tags patent abstracts by technology, and turns the tags into share statistics that can be defended."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ipclass.explanations import explain as explain
    from ipclass.explanations import explain_html as explain_html
    from ipclass.explanations import nearest as nearest
    from ipclass.frames import classify as classify
    from ipclass.frames import shares as shares
    from ipclass.model import Model as Model
    from ipclass.records import Document as Document
    from ipclass.records import Prediction as Prediction
    from ipclass.tagger import PatentTagger as PatentTagger
    from ipclass.trends import drivers as drivers
    from ipclass.vectorizer import TermCounter as TermCounter

_HOMES = {
    "Document": "ipclass.records",
    "Model": "ipclass.model",
    "PatentTagger": "ipclass.tagger",
    "Prediction": "ipclass.records",
    "TermCounter": "ipclass.vectorizer",
    "classify": "ipclass.frames",
    "drivers": "ipclass.trends",
    "explain": "ipclass.explanations",
    "explain_html": "ipclass.explanations",
    "nearest": "ipclass.explanations",
    "shares": "ipclass.frames",
}
__all__ = [
    *("Document", "Model", "PatentTagger", "Prediction", "TermCounter"),
    *("classify", "drivers", "explain", "explain_html", "nearest", "shares"),
]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: ``ipclass --help`` must not wait for numpy."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name == "__version__":
        return import_module("importlib.metadata").version("ipclass")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
