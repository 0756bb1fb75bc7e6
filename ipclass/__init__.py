"""Tags patent abstracts by technology, and turns the tags into share statistics that can be defended."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ipclass.frames import classify as classify
    from ipclass.model import Model as Model
    from ipclass.records import Document as Document
    from ipclass.records import Prediction as Prediction
    from ipclass.tagger import PatentTagger as PatentTagger
    from ipclass.vectorizer import TermCounter as TermCounter

_HOMES = {
    "Document": "ipclass.records",
    "Model": "ipclass.model",
    "PatentTagger": "ipclass.tagger",
    "Prediction": "ipclass.records",
    "TermCounter": "ipclass.vectorizer",
    "classify": "ipclass.frames",
}
__all__ = ["Document", "Model", "PatentTagger", "Prediction", "TermCounter", "classify"]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: ``ipclass --help`` must not wait for numpy."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
