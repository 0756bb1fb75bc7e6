"""The fitted model: counts of terms in, calibrated probabilities and tags out, each split exactly into its terms."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ipclass import parts, scope, writing
from ipclass.counts import Counts, Lexicon
from ipclass.errors import InputError, LabelError, ModelError, OutputError, choices
from ipclass.labels import LabelSet, parse_label
from ipclass.records import (
    DEFINITIONS,
    OTHER,
    UNSCORED,
    Contribution,
    Definition,
    Document,
    Prediction,
    definition_named,
)
from ipclass.scope import Scope
from ipclass.scores import Platt

if TYPE_CHECKING:
    from ipclass.calibration import Calibration

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SHIPPED = "frontier"
_BATCH = 1000
_LARGEST = 1e6  # far beyond any weight, slope or score that training makes: sums of these stay finite
_MOST_TERMS = 2_000_000
_LONGEST_TERM = 200
_HEAVIEST_TITLE = 10
_TERM = re.compile(r"[^\W_][^\W_.]*(?:\.[^\W_.]+)*(?: [^\W_][^\W_.]*(?:\.[^\W_.]+)*)?")


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
    def load(cls, path: str | Path | None = None) -> Model:
        """Return the model in ``path``, a folder or a zip file of one; by default the one that comes with the package.

        Nothing in a model is executed: it holds JSON, TOML, text and plain arrays.

        Raises:
            ModelError: There is no model, a part is damaged, or it was made by a newer ipclass.
        """
        return read(shipped() if path is None else Path(path))

    @cached_property
    def digest(self) -> str:
        """The sha256 of all that decides a prediction, as 64 hexadecimal digits."""
        return parts.digest_of({name: hashlib.sha256(part).hexdigest() for name, part in _parts(self).items()})

    def columns(self, definition: Definition) -> list[int]:
        """Return the places of the targets of ``definition``, in the order of the labels.

        Raises:
            LabelError: There is no such definition, or the model was not trained for it.
        """
        wanted = definition_named(definition)
        places = [place for place, target in enumerate(self.targets) if target.definition == wanted]
        if not places:
            known = dict.fromkeys(target.definition for target in self.targets)
            raise LabelError(f"the model was not trained for the definition {wanted!r}; {choices(wanted, known)}")
        return places

    def classify(
        self, documents: Iterable[Document | str], definition: Definition = "strict", explain: int = 0
    ) -> Iterator[Prediction]:
        """Yield a prediction a document, in order. ``explain`` terms are given for each label assigned.

        A text stands for a document: its first line is the title, and a text of one line is an abstract.

        Raises:
            InputError: One document is given instead of several.

        >>> [p.primary for p in Model.load().classify([Document("Qubit readout", "A resonator reads out a qubit.")])]
        ['quantum']
        """
        if isinstance(documents, str | Document):
            raise InputError("one document was given where several are expected: put it into a list")
        given = map(Document.of, documents)
        while batch := list(islice(given, _BATCH)):
            tags = self.tag([document.text for document in batch], definition, explain)
            for row, document in enumerate(batch):
                yield _prediction(tags, row, document.id)

    def tag(self, texts: Sequence[str], definition: Definition = "strict", explain: int = 0) -> Tags:
        """Return the tags of ``texts``; each is a title, a line feed and an abstract, or an abstract alone.

        Raises:
            InputError: ``explain`` is less than 0.
        """
        if explain < 0:
            raise InputError(f"explain={explain}: a number of terms is 0 or more")
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
        added = self.contributions(counts, column)
        order = np.argsort(-np.abs(added), kind="stable")
        found = [Contribution(self.lexicon.terms[counts.terms[place]], float(added[place])) for place in order]
        return (*found, Contribution("(intercept)", float(self.intercepts[column])))

    def contributions(self, counts: Counts, column: int) -> Floats:
        """Return what each of ``counts.terms`` adds to its text's score of the target at ``column``, of the same shape."""
        values, norms = self._features(counts)
        return np.asarray(values * self._weighted((column,))[counts.terms, 0] / np.repeat(norms, np.diff(counts.starts)))

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
        OutputError: A file cannot be written.
    """
    refuse_to_write(folder)
    files = files_of(model)
    try:
        (folder / "labels").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror}") from error
    writing.write({folder / name: content for name, content in files.items()}, force=True)
    for path in (folder / "labels").glob("*.toml"):
        if f"labels/{path.name}" not in files:
            path.unlink()  # of the model that was here


def refuse_to_write(folder: Path) -> None:
    """Say, before any work is done, that no model can be written to ``folder``.

    Raises:
        ModelError: It is a file, or holds something that is not a model.
    """
    if folder.exists() and not folder.is_dir():
        raise ModelError(f"{folder}: is a file; a model is a folder")
    if folder.exists() and any(folder.iterdir()) and not (folder / parts.MANIFEST).is_file():
        raise ModelError(f"{folder}: holds files but no model; choose an empty folder")


def files_of(model: Model) -> dict[str, bytes]:
    """Return the files that ``model`` is kept in, by name."""
    made = _parts(model)
    digests = {name: hashlib.sha256(part).hexdigest() for name, part in made.items()}
    manifest = {
        "format": parts.FORMAT,
        "digest": parts.digest_of(digests),
        "parts": digests,
        "facts": dict(model.facts),
    }
    return {**made, parts.CARD: model.card.encode(), parts.MANIFEST: parts.write_json(manifest)}


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
        parts.DECISIONS: parts.write_json(decisions),
        parts.TERMS: "\n".join(model.lexicon.terms).encode(),
        parts.WEIGHTS: parts.write_arrays(idf=model.idf.astype("<f4"), weights=model.weights.astype("<f4")),
        parts.HELD_OUT: parts.write_arrays(**held_out),
        **{f"labels/{label.id}.toml": label.source.encode() for label in model.labels},
    }


def read(path: Path) -> Model:
    """Return the model in ``path``, a folder or a zip file of one, after checking every part.

    Raises:
        ModelError: A part is missing, damaged, does not fit the others, or is none that we write.
    """
    files = parts.read(path)
    try:
        return _assemble(files, path)
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError, RecursionError, LabelError) as error:
        told = str(error) if isinstance(error, ValueError | LabelError) else repr(error)
        raise ModelError(f"{path}: the parts of the model do not fit together: {told[:300]}") from error


def _assemble(files: parts.Files, path: Path) -> Model:
    decisions = parts.read_json(files.parts[parts.DECISIONS], str(path / parts.DECISIONS))
    labels = _labels(decisions, files, path)
    entries = _entries(decisions, labels)
    kinds: dict[str, parts.Kind] = {}
    for place in range(len(entries)):
        kinds |= {f"scores_{place}": "<f8", f"truth_{place}": "|b1"}
    held_out = parts.read_arrays(files.parts[parts.HELD_OUT], kinds, str(path / parts.HELD_OUT))
    arrays = parts.read_arrays(files.parts[parts.WEIGHTS], {"idf": "<f4", "weights": "<f4"}, str(path / parts.WEIGHTS))
    targets = tuple(
        Target(
            definition_named(entry["definition"]),
            entry["label"],
            Platt(_number(entry, "slope"), _number(entry, "offset")),
            _number(entry, "threshold"),
            held_out[f"scores_{place}"].astype(np.float64),
            held_out[f"truth_{place}"].astype(bool),
        )
        for place, entry in enumerate(entries)
    )
    for target in targets:
        _check_held_out(target)
    terms = _terms(files.parts[parts.TERMS])
    idf, weights = arrays["idf"].astype(np.float64), arrays["weights"].astype(np.float64)
    if idf.shape != (len(terms),) or weights.shape != (len(terms), len(targets)):
        raise ValueError(f"{len(terms)} terms, {len(targets)} targets, but weights of shape {weights.shape}")
    if not (idf > 0).all() or max(idf.max(), np.abs(weights).max()) > _LARGEST:
        raise ValueError("a weight or a document frequency is no number that training makes")
    try:
        lexicon = Lexicon(terms, labels.settings, _title_weight(decisions), _stop_words(decisions))
    except ModelError as error:
        raise ValueError(str(error)) from error
    intercepts = np.array([_number(entry, "intercept") for entry in entries])
    return Model(labels, lexicon, idf, weights, intercepts, targets, files.card, _facts(files.manifest))


def _labels(decisions: Mapping[str, Any], files: parts.Files, path: Path) -> LabelSet:
    ids = decisions["labels"]
    named = {f"labels/{id}.toml" for id in ids}
    if ids != sorted(set(ids)) or not ids or named != {name for name in files.parts if name.startswith("labels/")}:
        raise ValueError(f"the labels {str(ids)[:80]} are not those of the label files")
    return LabelSet(
        tuple(parse_label(id, files.parts[f"labels/{id}.toml"].decode(), str(path / f"labels/{id}.toml")) for id in ids)
    )


def _entries(decisions: Mapping[str, Any], labels: LabelSet) -> list[Mapping[str, Any]]:
    """Return what is said of each target, after checking that there is one a label and definition, in their order.

    A model may know one definition only, as ``PatentTagger`` makes it of yes and no.
    """
    entries = list(decisions["targets"])
    found = [(entry["definition"], entry["label"]) for entry in entries]
    known = {definition for definition, _ in found}
    if not found or found != [(each, label) for each in DEFINITIONS if each in known for label in labels.ids]:
        raise ValueError(f"the targets {str(found)[:80]} are not each label under each definition")
    return entries


def _number(entry: Mapping[str, Any], name: str) -> float:
    value = entry[name]
    if type(value) not in (int, float) or not abs(value) <= _LARGEST:
        raise ValueError(f"the {name} of {entry['label']} is {str(value)[:40]}, no number that training makes")
    return float(value)


def _check_held_out(target: Target) -> None:
    where = f"{target.label}, {target.definition}"
    if target.held_out.ndim != 1 or target.held_out.shape != target.truth.shape:
        raise ValueError(f"{where}: {target.held_out.shape} held-out scores, {target.truth.shape} truths")
    if (np.diff(target.held_out) < 0).any() or (len(target.held_out) and np.abs(target.held_out).max() > _LARGEST):
        raise ValueError(f"{where}: the held-out scores are not in order, or no numbers that training makes")
    if not 0 <= target.threshold <= 1:
        raise ValueError(f"{where}: the threshold {target.threshold:g} is no probability")


def _terms(content: bytes) -> list[str]:
    if content.count(b"\n") >= _MOST_TERMS:
        raise ValueError(f"more than {_MOST_TERMS:,} terms")
    terms = content.decode().split("\n")
    if strange := [term[:60] for term in terms if len(term) > _LONGEST_TERM or not _TERM.fullmatch(term)]:
        raise ValueError(f"{strange[0]!r} is no term: one word, or two with a space between")
    if len(set(terms)) < len(terms):
        raise ValueError("a term stands twice")
    return terms


def _title_weight(decisions: Mapping[str, Any]) -> int:
    weight = decisions["title_weight"]
    if type(weight) is not int or not 1 <= weight <= _HEAVIEST_TITLE:
        raise ValueError(f"a title that counts {str(weight)[:40]} times")
    return weight


def _stop_words(decisions: Mapping[str, Any]) -> frozenset[str]:
    words = decisions["stop_words"]
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError("stop_words must be a list of texts")
    return frozenset(words)


def _facts(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the manifest tells for people and for the next training; tables of figures must be such."""
    facts = manifest.get("facts", {})
    tables = [facts.get(name, {}) for name in ("recipe", "documents", "labels", "made_with")]
    rows = facts.get("cross_validation", [])
    if not all(map(_is_flat, tables)):
        raise ValueError("the facts of the manifest are no tables")
    if not isinstance(rows, list) or not all(_is_flat(row) and {"definition", "label"} <= set(row) for row in rows):
        raise ValueError("the cross-validated figures of the manifest are no table")
    return dict(facts)


def _is_flat(table: Any) -> bool:
    return isinstance(table, dict) and not any(isinstance(value, dict | list) for value in table.values())
