"""The tagger as a spaCy component: ``nlp.add_pipe("ipclass")`` fills ``doc.cats`` and ``doc._.ipclass``."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import raise_error

from ipclass.errors import InputError, IpclassError, ModelError
from ipclass.model import Model, files_of
from ipclass.records import Contribution, Document, Prediction, definition_named

NAME = "ipclass"
TITLE = "title"

ErrorHandler = Callable[[str, "Component", list[Doc], Exception], Any]
"""As spaCy calls it: with the name of the component, the component, the documents and the error."""


@Language.factory(
    NAME,
    default_config={"model": "", "definition": "strict", "explain": 0},
    assigns=["doc.cats", f"doc._.{NAME}"],
)
def make(nlp: Language, name: str, model: str, definition: str, explain: int) -> Component:
    """Return the component that a pipeline's configuration asks for.

    Raises:
        LabelError: There is no such definition.
    """
    return Component(name, model, definition, explain)


class Component:
    """Tags each document of a pipeline, a batch at a time.

    The text is read as everywhere in ipclass: its first line is the title, and a text of one line is an abstract. If
    ``doc.user_data["title"]`` is set, that is the title and the whole text the abstract.

    ``doc.cats`` gets the calibrated probability of each label, beside what other components put there, and
    ``doc._.ipclass`` a ``Prediction``. A document that could not be tagged gets no cats, and the prediction says why.

    Args:
        name: The name of the component in its pipeline.
        model: A model folder; "" is the model that comes with the package. It is read when it is first needed: a pipeline
            that was saved brings its own, wherever it is loaded.
        definition: ``strict`` or ``broad``.
        explain: How many terms to give for each label assigned.
    """

    def __init__(self, name: str = NAME, model: str = "", definition: str = "strict", explain: int = 0) -> None:
        self.name = name
        self.definition = definition_named(definition)
        self.explain = explain
        self._folder = model
        self._on_error: ErrorHandler = raise_error

    @cached_property
    def fitted(self) -> Model:
        """The model that tags. It is not called ``model``: spaCy asks each component for that, to find its networks.

        Raises:
            ModelError: There is none, or it is damaged.
        """
        return Model.load(self._folder or None)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that may be assigned, none while there is no model to read: what ``nlp.pipe_labels`` shows."""
        try:
            return self.fitted.labels.ids
        except ModelError:
            return ()

    def __call__(self, doc: Doc) -> Doc:
        """Tag one document."""
        return next(self.pipe([doc]))

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 1000) -> Iterator[Doc]:
        """Tag documents in order, ``batch_size`` at a time."""
        documents = iter(stream)
        while batch := list(islice(documents, batch_size)):
            try:
                predictions = list(self.fitted.classify(map(_document, batch), self.definition, self.explain))
            except IpclassError as error:
                self._on_error(self.name, self, batch, error)
                continue
            for doc, prediction in zip(batch, predictions, strict=True):
                doc.cats.update(prediction.probabilities)
                doc.user_data[NAME] = asdict(prediction)  # plain values: a document is sent and stored as bytes
                yield doc

    def set_error_handler(self, handler: ErrorHandler) -> None:
        """Have ``handler`` told of a batch that cannot be tagged, and of why: ``nlp.set_error_handler`` does it."""
        self._on_error = handler

    def get_error_handler(self) -> ErrorHandler:
        """Return what is told of a batch that cannot be tagged; by default it raises the error."""
        return self._on_error

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Save the model to ``path``, a folder within that of the pipeline.

        Raises:
            ModelError: The folder holds something that is not a model.
        """
        self.fitted.save(Path(path))

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> Component:
        """Read the model in ``path``, every part of it checked, and use it from now on.

        Raises:
            ModelError: It is not there, or damaged.
        """
        self.fitted = Model.load(path)
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Return the model as bytes: an archive of its files."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in sorted(files_of(self.fitted).items()):
                archive.writestr(zipfile.ZipInfo(name), content)
        return buffer.getvalue()

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> Component:
        """Read the model in ``data`` with the same checks as ``from_disk``.

        Raises:
            ModelError: It is damaged.
        """
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "bytes.zip"
            path.write_bytes(data)
            return self.from_disk(path)


def _document(doc: Doc) -> Document:
    title = doc.user_data.get(TITLE)
    if title is None:
        return Document.of(doc.text)
    if not isinstance(title, str):
        raise InputError(f"doc.user_data[{TITLE!r}] must be a text, got {type(title).__name__} {str(title)[:40]!r}")
    return Document(title, doc.text)


def _prediction(doc: Doc) -> Prediction | None:
    """Return what the component said of ``doc``, or None if it has not seen it."""
    told = doc.user_data.get(NAME)
    if told is None:
        return None
    terms = {label: tuple(Contribution(**each) for each in found) for label, found in told["explanations"].items()}
    return Prediction(**{**told, "labels": tuple(told["labels"]), "explanations": terms})


if not Doc.has_extension(NAME):
    Doc.set_extension(NAME, getter=_prediction)
