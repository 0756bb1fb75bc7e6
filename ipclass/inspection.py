"""What a model is, part by part, and how two differ: labels, recipe, corpora, figures, terms."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ipclass import parts
from ipclass.errors import ModelError
from ipclass.model import Model, files_of, read
from ipclass.records import Contribution, Definition


@dataclass(frozen=True)
class Verified:
    """A model all of whose parts are what its manifest says: the bytes and the sha256 of each."""

    path: Path
    model: Model
    parts: Mapping[str, tuple[int, str]]


def verify(path: Path) -> Verified:
    """Return what a model consists of, after reading and checking all of it and writing it again in memory.

    Raises:
        ModelError: A part is not what it must be, or not as this ipclass writes it.
    """
    model = read(path)
    files = parts.read(path)
    ours = files_of(model)
    if strange := [name for name in files.parts if files.parts[name] != ours.get(name)]:
        raise ModelError(f"{path / strange[0]}: makes sense, but is not as this ipclass writes it; train the model anew")
    return Verified(path, model, {name: (len(part), _sha256(part)) for name, part in sorted(files.parts.items())})


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def as_text(verified: Verified) -> str:
    """Return what a model is, for a terminal."""
    model = verified.model
    lines = [f"{verified.path}: whole and unchanged", f"digest  {model.digest}", f"format  {parts.FORMAT}"]
    lines += [f"labels  {', '.join(f'{label.id} ({label.version})' for label in model.labels)}"]
    lines += [f"terms   {len(model.lexicon.terms):,}"]
    made = model.facts.get("made_with", {})
    lines += [f"made    {', '.join(f'{name} {version}' for name, version in made.items())}"] if made else []
    lines += [f"        {digest[:12]} {size:>12,} bytes  {name}" for name, (size, digest) in verified.parts.items()]
    return "\n".join(lines)


@dataclass(frozen=True)
class Moved:
    """The terms whose effect changed most in one target, new less old.

    An effect is what a term adds to the calibrated log-odds of a text of whose TF-IDF vector it is a tenth.
    """

    definition: Definition
    label: str
    old_threshold: float
    new_threshold: float
    terms: tuple[Contribution, ...]


@dataclass(frozen=True)
class Diff:
    """How two models differ. Mappings go from a name to what it was and is; what is the same in both is left out."""

    old: str
    new: str
    labels: Mapping[str, str]
    facts: Mapping[str, tuple[Any, Any]]
    terms: tuple[int, int, int]
    """Terms that both have, and those of the old and of the new alone."""
    figures: Sequence[tuple[str, str, float | None, float | None]]
    moved: tuple[Moved, ...]


def diff(old: Model, new: Model, terms: int = 8) -> Diff:
    """Return how two models differ; ``terms`` are listed for each target that both have."""
    ours, theirs = set(new.lexicon.terms), set(old.lexicon.terms)
    return Diff(
        old.digest,
        new.digest,
        _labels(old, new),
        _facts(old, new),
        (len(ours & theirs), len(theirs - ours), len(ours - theirs)),
        _figures(old, new),
        tuple(_moved(old, new, terms)),
    )


def _labels(old: Model, new: Model) -> dict[str, str]:
    found = {}
    for id in sorted({*old.labels.ids, *new.labels.ids}):
        if id not in new.labels.ids:
            found[id] = "only in the old model"
        elif id not in old.labels.ids:
            found[id] = "only in the new model"
        elif old.labels[id].source != new.labels[id].source:
            versions = f"version {old.labels[id].version} > {new.labels[id].version}"
            found[id] = f"the definition changed ({versions})"
    return found


def _facts(old: Model, new: Model) -> dict[str, tuple[Any, Any]]:
    found: dict[str, tuple[Any, Any]] = {}
    for table in ("recipe", "documents", "made_with"):
        before, after = old.facts.get(table, {}), new.facts.get(table, {})
        for name in dict.fromkeys([*before, *after]):
            if before.get(name) != after.get(name):
                found[f"{table}: {name}"] = before.get(name), after.get(name)
    for table in ("corpora", "judgements"):
        if old.facts.get(table) != new.facts.get(table):
            found[table] = _sources(old.facts.get(table)), _sources(new.facts.get(table))
    return found


def _sources(told: Any) -> str | None:
    """Return the corpora or the files that a model says it learnt from, in a line."""
    if not isinstance(told, list) or not all(isinstance(each, dict) for each in told):
        return None
    return ", ".join(f"{each.get('file', each.get('documents'))} ({str(each.get('sha256'))[:12]})" for each in told)


def _figures(old: Model, new: Model) -> list[tuple[str, str, float | None, float | None]]:
    """Return the cross-validated F1 of each target in both."""
    before, after = ({(row["definition"], row["label"]): row.get("f1") for row in _rows(model)} for model in (old, new))
    names = dict.fromkeys([*before, *after])
    return [(str(name[0]), str(name[1]), _figure(before.get(name)), _figure(after.get(name))) for name in names]


def _rows(model: Model) -> list[Mapping[str, Any]]:
    return list(model.facts.get("cross_validation", []))


def _figure(value: Any) -> float | None:
    return float(value) if isinstance(value, float | int) else None


_TENTH = 0.1


def _moved(old: Model, new: Model, most: int) -> list[Moved]:
    place = {term: row for row, term in enumerate(old.lexicon.terms)}
    rows = np.array([place.get(term, -1) for term in new.lexicon.terms], np.int64)
    gone = np.setdiff1d(np.arange(len(old.lexicon.terms)), rows)
    found = []
    for column, target in enumerate(new.targets):
        if target.label not in old.labels.ids:
            continue
        before = old.column(target.label, target.definition)
        were = old.targets[before]
        theirs = _TENTH * old.weights[:, before] * were.platt.slope
        ours = _TENTH * new.weights[:, column] * target.platt.slope
        change = ours - np.where(rows >= 0, theirs[rows], 0.0)
        named = [(new.lexicon.terms[row], float(change[row])) for row in np.argsort(-np.abs(change), kind="stable")[:most]]
        lost = gone[np.argsort(-np.abs(theirs[gone]), kind="stable")[:most]]
        named += [(old.lexicon.terms[row], float(-theirs[row])) for row in lost]
        named = sorted((each for each in named if each[1]), key=lambda each: (-abs(each[1]), each[0]))[:most]
        terms = tuple(Contribution(*each) for each in named)
        if terms or were.threshold != target.threshold:
            found.append(Moved(target.definition, target.label, were.threshold, target.threshold, terms))
    return found


def diff_as_record(found: Diff) -> dict[str, Any]:
    """Return a difference as what JSON can hold."""
    return asdict(found)


def diff_as_text(found: Diff) -> str:
    """Return a difference for a terminal."""
    if found.old == found.new:
        return f"the same model: digest {found.old}"
    lines = [f"{found.old[:12]} > {found.new[:12]}"]
    lines += [f"label {id}: {told}" for id, told in found.labels.items()]
    lines += [f"{name}: {_shown(was)} > {_shown(now)}" for name, (was, now) in found.facts.items()]
    both, gone, fresh = found.terms
    lines.append(f"terms: {both:,} in both, {gone:,} gone, {fresh:,} new")
    for definition, label, was, now in found.figures:
        lines.append(f"F1 {definition} {label}: {_shown(was)} > {_shown(now)}")
    for each in found.moved:
        terms = ", ".join(f"{term.term} {term.value:+.2f}" for term in each.terms)
        threshold = f"threshold {each.old_threshold:.3f} > {each.new_threshold:.3f}"
        lines.append(f"{each.definition} {each.label}: {threshold}; {terms}")
    return "\n".join(lines)


def _shown(value: Any) -> str:
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
