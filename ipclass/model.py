"""The fitted model: counts of terms in, calibrated probabilities and tags out, each split exactly into its terms."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ipclass import scope
from ipclass.counts import Counts, Lexicon
from ipclass.errors import LabelError, ModelError, choices
from ipclass.labels import LabelSet, parse_label
from ipclass.records import OTHER, UNSCORED, Contribution, Definition, Document, Prediction, definition_named
from ipclass.scope import Scope
from ipclass.scores import Platt

if TYPE_CHECKING:
    from ipclass.calibration import Calibration

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FORMAT = 1
SHIPPED = "frontier"
_BATCH = 1000
_LARGEST_PART = 200_000_000  # bytes; a damaged manifest must not make us read more


@dataclass(frozen=True)
class Target:
    """One classifier: a label under a definition.

    ``threshold`` is the probability from which the label is assigned. ``held_out`` and ``truth`` are the scores of the
    judged documents by models that had not seen them, ascending, and which of these are positive: what share
    estimates are calibrated with.
    """

    definition: Definition
    label: str
    platt: Platt
    threshold: float
    held_out: Floats
    truth: Bools

    @cached_property
    def calibration(self) -> Calibration:
        """What the scores mean, for share estimates.

        Raises:
            ShareError: The held-out documents do not allow it.
        """
        from ipclass.calibration import Calibration, score_at  # half a second of SciPy, which tagging does without

        threshold = float(score_at(self.threshold, self.platt))
        return Calibration.of(self.held_out, self.truth, self.platt, threshold)


@dataclass(frozen=True)
class Tags:
    """What the model says of a batch of texts: one row a text, one column a label of the model, in its order."""

    labels: tuple[str, ...]
    definition: Definition
    scores: Floats
    probabilities: Floats
    assigned: Bools
    primary: tuple[str, ...]
    known: Floats
    unscored: tuple[str, ...]
    scope: tuple[Scope, ...]
    explanations: tuple[Mapping[str, tuple[Contribution, ...]], ...] = ()

    def __len__(self) -> int:
        return len(self.primary)


@dataclass(frozen=True)
class Model:
    """A fitted model. ``weights`` has a row a term and a column a target; ``idf`` an entry a term."""

    labels: LabelSet
    lexicon: Lexicon
    idf: Floats
    weights: Floats
    intercepts: Floats
    targets: tuple[Target, ...]
    card: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What is known of the model beside its numbers: recipe, corpus, versions, cross-validated scores."""

    @classmethod
    def load(cls, folder: str | Path | None = None) -> Model:
        """Return the model in ``folder``, by default the one that comes with the package.

        Nothing in a model folder is executed: it holds JSON, TOML, text and plain arrays.

        Raises:
            ModelError: There is no model, a part is damaged, or it was made by a newer ipclass.
        """
        return read(shipped() if folder is None else Path(folder))

    @cached_property
    def digest(self) -> str:
        """The sha256 of all that decides a prediction, as 64 hexadecimal digits."""
        whole = hashlib.sha256()
        for name, part in sorted(_parts(self).items()):
            whole.update(f"{name} {hashlib.sha256(part).hexdigest()}\n".encode())
        return whole.hexdigest()

    def columns(self, definition: Definition) -> list[int]:
        """Return the places of the targets of ``definition``, in the order of the labels."""
        wanted = definition_named(definition)
        return [place for place, target in enumerate(self.targets) if target.definition == wanted]

    def classify(
        self, documents: Iterable[Document], definition: Definition = "strict", explain: int = 0
    ) -> Iterator[Prediction]:
        """Yield a prediction a document, in order. ``explain`` terms are given for each label assigned.

        >>> [p.primary for p in Model.load().classify([Document("Qubit readout", "A resonator reads out a qubit.")])]
        ['quantum']
        """
        documents = iter(documents)
        while batch := list(islice(documents, _BATCH)):
            tags = self.tag([document.text for document in batch], definition, explain)
            for row, document in enumerate(batch):
                yield _prediction(tags, row, document.id)

    def tag(self, texts: Sequence[str], definition: Definition = "strict", explain: int = 0) -> Tags:
        """Return the tags of ``texts``; each is a title, a line feed and an abstract, or an abstract alone."""
        counts = self.lexicon.count(texts)
        columns = self.columns(definition)
        targets = [self.targets[column] for column in columns]
        scores = self.score(counts, columns)
        probabilities = np.column_stack([target.platt(scores[:, place]) for place, target in enumerate(targets)])
        unscored = scope.unscored(counts, texts)
        scored = np.array([not reason for reason in unscored], bool)
        thresholds = np.array([target.threshold for target in targets])
        assigned = (probabilities >= thresholds) & scored[:, None]
        labels = tuple(target.label for target in targets)
        explanations: tuple[Mapping[str, tuple[Contribution, ...]], ...] = ()
        if explain:
            explanations = tuple(
                {
                    label: self.explain(text, label, definition)[:explain]
                    for place, label in enumerate(labels)
                    if assigned[row, place]
                }
                for row, text in enumerate(texts)
            )
        return Tags(
            labels,
            definition,
            scores,
            probabilities,
            assigned,
            _primary(labels, probabilities, assigned, scored),
            counts.known / np.maximum(counts.content, 1),
            unscored,
            scope.scopes(counts, scored, self.idf, self._typical),
            explanations,
        )

    def score(self, counts: Counts, columns: Sequence[int]) -> Floats:
        """Return the log-odds of the targets at ``columns``, a row a text, before calibration."""
        values, norms = self._features(counts)
        sums = np.zeros((len(counts), len(columns)))
        filled = np.flatnonzero(np.diff(counts.starts))
        if len(filled):
            weights = self._weighted(tuple(columns)).take(counts.terms, axis=0)
            for place in range(len(columns)):  # one column at a time is twice as fast as all of them in rows of four
                sums[filled, place] = np.add.reduceat(weights[:, place] * values, counts.starts[filled])
        return sums / norms[:, None] + self.intercepts[list(columns)]

    def explain(self, text: str, label: str, definition: Definition = "strict") -> tuple[Contribution, ...]:
        """Return what each term of ``text`` adds to the score of ``label``, the largest effects first.

        The contributions and the entry ``(intercept)`` sum to the score.
        """
        column = self.column(label, definition)
        counts = self.lexicon.count([text])
        values, norms = self._features(counts)
        added = values * self._weighted((column,))[counts.terms, 0] / norms[0]
        order = np.argsort(-np.abs(added), kind="stable")
        found = [Contribution(self.lexicon.terms[counts.terms[place]], float(added[place])) for place in order]
        return (*found, Contribution("(intercept)", float(self.intercepts[column])))

    def column(self, label: str, definition: Definition) -> int:
        """Return the place of the target of ``label`` under ``definition``.

        Raises:
            LabelError: The model has no such label.
        """
        for place in self.columns(definition):
            if self.targets[place].label == label:
                return place
        raise LabelError(f"the model has no label {label!r}; {choices(label, self.labels.ids)}")

    def _weighted(self, columns: tuple[int, ...]) -> Floats:
        """Return weights times inverse document frequencies, made once for each choice of columns."""
        if columns not in self._made:
            self._made[columns] = np.ascontiguousarray(self.weights[:, list(columns)] * self.idf[:, None])
        return self._made[columns]

    @cached_property
    def _typical(self) -> Floats | None:
        return scope.typical(self.idf, sum(" " in term for term in self.lexicon.terms))

    @cached_property
    def _made(self) -> dict[tuple[int, ...], Floats]:
        return {}

    def _features(self, counts: Counts) -> tuple[Floats, Floats]:
        """Return damped counts and the length that each text's TF-IDF vector has."""
        values = 1 + np.log(counts.values)
        squares = np.zeros(len(counts))
        filled = np.flatnonzero(np.diff(counts.starts))
        if len(filled):
            squares[filled] = np.add.reduceat((values * self.idf[counts.terms]) ** 2, counts.starts[filled])
        return values, np.sqrt(np.where(squares > 0, squares, 1.0))

    def save(self, folder: Path) -> None:
        """Write the model to ``folder``, which is made if need be.

        Raises:
            ModelError: The folder holds something that is not a model.
        """
        write(self, folder)


def _prediction(tags: Tags, row: int, id: str) -> Prediction:
    if tags.unscored[row]:
        return Prediction(id, (), UNSCORED, {}, float(tags.known[row]), tags.unscored[row])
    return Prediction(
        id,
        tuple(label for place, label in enumerate(tags.labels) if tags.assigned[row, place]),
        tags.primary[row],
        dict(zip(tags.labels, tags.probabilities[row].tolist(), strict=True)),
        float(tags.known[row]),
        scope=tags.scope[row],
        explanations=tags.explanations[row] if tags.explanations else {},
    )


def _primary(labels: tuple[str, ...], probabilities: Floats, assigned: Bools, scored: Bools) -> tuple[str, ...]:
    names = np.array([*labels, OTHER, UNSCORED])
    best = np.where(assigned, probabilities, -1.0).argmax(axis=1)
    best[~assigned.any(axis=1)] = len(labels)
    best[~scored] = len(labels) + 1
    return tuple(names[best].tolist())


def shipped() -> Path:
    """Return the folder of the model that comes with the package: in the wheel, or in a checkout of the project."""
    here = Path(__file__).parent
    for folder in (here / "models" / SHIPPED, here.parent / "models" / SHIPPED):
        if (folder / "manifest.json").is_file():
            return folder
    raise ModelError("this installation has no model of its own; name a model folder, or make one: ipclass train")


def write(model: Model, folder: Path) -> None:
    """Write ``model`` to ``folder`` as data only: a manifest, arrays, terms, label files, a card.

    Raises:
        ModelError: The folder holds something that is not a model.
    """
    if folder.exists() and not folder.is_dir():
        raise ModelError(f"{folder}: is a file; a model is a folder")
    if folder.exists() and any(folder.iterdir()) and not (folder / "manifest.json").is_file():
        raise ModelError(f"{folder}: holds files but no model; choose an empty folder")
    parts = _parts(model)
    (folder / "labels").mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        (folder / name).write_bytes(part)
    manifest = {
        "format": FORMAT,
        "digest": model.digest,
        "parts": {name: hashlib.sha256(part).hexdigest() for name, part in sorted(parts.items())},
        "facts": dict(model.facts),
    }
    (folder / "README.md").write_text(model.card, "utf-8")
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", "utf-8")


def _parts(model: Model) -> dict[str, bytes]:
    """Return the files that decide a prediction."""
    decisions = {
        "labels": list(model.labels.ids),
        "title_weight": model.lexicon.title_weight,
        "stop_words": sorted(model.lexicon.stop_words),
        "targets": [
            {
                "definition": target.definition,
                "label": target.label,
                "slope": target.platt.slope,
                "offset": target.platt.offset,
                "threshold": target.threshold,
                "intercept": float(model.intercepts[place]),
            }
            for place, target in enumerate(model.targets)
        ],
    }
    held_out: dict[str, npt.NDArray[Any]] = {}
    for place, target in enumerate(model.targets):
        held_out[f"scores_{place}"] = target.held_out
        held_out[f"truth_{place}"] = target.truth
    return {
        "decisions.json": (json.dumps(decisions, indent=1, sort_keys=True) + "\n").encode(),
        "terms.txt": "\n".join(model.lexicon.terms).encode(),
        "weights.npz": _arrays(idf=model.idf.astype(np.float32), weights=model.weights.astype(np.float32)),
        "held_out.npz": _arrays(**held_out),
        **{f"labels/{label.id}.toml": label.source.encode() for label in model.labels},
    }


def _arrays(**arrays: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)  # not compressed: the same bytes whatever the zlib
    return buffer.getvalue()


def read(folder: Path) -> Model:
    """Return the model in ``folder`` after checking every part against the manifest.

    Raises:
        ModelError: A part is missing, damaged or does not fit the others.
    """
    manifest = _manifest(folder)
    parts = {name: _part(folder, name, digest) for name, digest in manifest["parts"].items()}
    try:
        return _assemble(parts, manifest, folder)
    except (KeyError, ValueError, TypeError, IndexError, LabelError, OSError) as error:
        raise ModelError(f"{folder}: the parts of the model do not fit together: {error!r}") from error


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    if not path.is_file():
        raise ModelError(f"{folder}: no model here (manifest.json is missing)")
    try:
        manifest = json.loads(path.read_text("utf-8"))
        made_by, parts = manifest["format"], manifest["parts"]
        named = all(isinstance(name, str) and isinstance(digest, str) for name, digest in parts.items())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path}: not a manifest of a model: {error!r}") from error
    if made_by != FORMAT:
        raise ModelError(f"{path}: model format {made_by!r}, this ipclass reads {FORMAT}; retrain, or use its ipclass")
    if not named:
        raise ModelError(f"{path}: parts must map file names to sha256 digests")
    return dict(manifest)


def _part(folder: Path, name: str, digest: str) -> bytes:
    path = folder / name
    if Path(name).is_absolute() or ".." in Path(name).parts or not path.resolve().is_relative_to(folder.resolve()):
        raise ModelError(f"{folder}: the manifest names {name!r}, which lies outside the model")
    if not path.is_file():
        raise ModelError(f"{path}: missing from the model")
    if path.stat().st_size > _LARGEST_PART:
        raise ModelError(f"{path}: {path.stat().st_size} bytes is no part of a model")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise ModelError(f"{path}: damaged or changed since the model was made (sha256 differs); install it anew")
    return content


def _assemble(parts: Mapping[str, bytes], manifest: Mapping[str, Any], folder: Path) -> Model:
    decisions = json.loads(parts["decisions.json"])
    labels = LabelSet(
        tuple(
            parse_label(id, parts[f"labels/{id}.toml"].decode(), str(folder / "labels" / f"{id}.toml"))
            for id in decisions["labels"]
        )
    )
    arrays = np.load(io.BytesIO(parts["weights.npz"]), allow_pickle=False)
    held_out = np.load(io.BytesIO(parts["held_out.npz"]), allow_pickle=False)
    terms = parts["terms.txt"].decode().split("\n")
    idf, weights = arrays["idf"].astype(np.float64), arrays["weights"].astype(np.float64)
    targets = tuple(
        Target(
            entry["definition"],
            labels[entry["label"]].id,
            Platt(float(entry["slope"]), float(entry["offset"])),
            float(entry["threshold"]),
            held_out[f"scores_{place}"].astype(np.float64),
            held_out[f"truth_{place}"].astype(bool),
        )
        for place, entry in enumerate(decisions["targets"])
    )
    if idf.shape != (len(terms),) or weights.shape != (len(terms), len(targets)):
        raise ValueError(f"{len(terms)} terms, {len(targets)} targets, but weights of shape {weights.shape}")
    lexicon = Lexicon(terms, labels.settings, int(decisions["title_weight"]), frozenset(decisions["stop_words"]))
    card = (folder / "README.md").read_text("utf-8") if (folder / "README.md").is_file() else ""
    intercepts = np.array([float(entry["intercept"]) for entry in decisions["targets"]])
    return Model(labels, lexicon, idf, weights, intercepts, targets, card, manifest.get("facts", {}))
