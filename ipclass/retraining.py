"""From a user's judgements to a model: read, check, join to the corpus, fit, compare with the old one, say what changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ipclass import card, comparing, evaluation, gate, joining, judgements, training
from ipclass import corpus as corpora
from ipclass import search as searching
from ipclass.corpus import Corpus, Judged
from ipclass.errors import CorpusError, InputError, ModelError
from ipclass.evaluation import Report
from ipclass.gate import Comparison
from ipclass.joining import Joined
from ipclass.judgements import Finding, Read, Wanted
from ipclass.labels import read_label
from ipclass.model import Model
from ipclass.training import Recipe, Trained

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Request:
    """What to train on and how.

    ``sources`` are corpus folders and files of judgements. ``base`` is the corpus that judgements join, by default the
    shipped one, unless a folder is among the sources; ``alone`` keeps its labels and leaves its documents out.
    ``labels`` are label files of further technologies, ``held_out`` files of judgements to compare models on.
    ``lenient`` leaves rows out that have an error.
    """

    sources: tuple[Path, ...] = ()
    base: Path | None = None
    alone: bool = False
    labels: tuple[Path, ...] = ()
    wanted: Wanted = field(default_factory=Wanted)
    held_out: tuple[Path, ...] = ()
    against: Model | None = None
    search: bool = False
    lenient: bool = False
    jobs: int = 1


@dataclass(frozen=True, eq=False)
class Prepared:
    """All that training needs, checked. ``base`` is the corpus without the user's judgements, ``joined`` the one with them."""

    base: Corpus
    read: Read
    joined: Joined
    held_out: tuple[Judged, ...]
    errors: tuple[Finding, ...]
    notices: tuple[Finding, ...]

    @property
    def corpus(self) -> Corpus:
        """What is learnt from."""
        return self.joined.corpus


@dataclass(frozen=True, eq=False)
class Retrained:
    """A new model with its card, and how it compares with the old one, if that was asked for.

    ``evaluated`` is how good it is on held-out documents where there is no old model. ``before`` are the cross-validated
    figures of the model that the corpus made without the user's judgements, if known.
    """

    model: Model
    prepared: Prepared
    comparison: Comparison | None
    evaluated: Report | None
    before: Sequence[Mapping[str, Any]] = ()


Told = Callable[[str], None]


def prepare(request: Request) -> Prepared:
    """Read and check all that is to be learnt from; nothing is fitted.

    Raises:
        InputError: A source is not there.
        CorpusError, LabelError: The corpus or a label file is not as it must be. What is wrong with judgements is among
            the errors of the result.
    """
    for path in (*request.sources, *request.held_out):
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
    folders = [path for path in request.sources if path.is_dir()]
    files = [path for path in request.sources if not path.is_dir()]
    base = _base(request, folders, bool(files))
    read = judgements.read(files, base.labels, request.wanted)
    asked = judgements.read(request.held_out, base.labels, request.wanted)
    held_out = judgements.as_judged(asked.rows)
    if request.alone:
        base = joining.only_judged(base, read.rows)
    joined = joining.join(base, read.rows, (_shipped() or request.against) if read.rows else None, held_out)
    marked = comparing.marked_by(request.against) if request.against else set()
    fair = [each for each in joining.unseen(base, held_out) if comparing.mark_of(each.document) not in marked]
    seen = Finding(
        ", ".join(map(str, request.held_out)),
        0,
        f"{len(held_out) - len(fair):,} documents are in the corpus already, or the old model has seen them",
    )
    return Prepared(
        base,
        read,
        joined,
        tuple(fair),
        (*read.errors, *asked.errors, *joined.errors, *([seen] if held_out and not fair else [])),
        (*read.notices, *asked.notices, *joined.notices, *([seen] if 0 < len(fair) < len(held_out) else [])),
    )


def _shipped() -> Model | None:
    """Return the model that comes with the package, if there is one: it is not there while it is made for the first time."""
    try:
        return Model.load()
    except ModelError:
        return None


def _base(request: Request, folders: Sequence[Path], judged: bool) -> Corpus:
    """Return the corpus that judgements join, with all labels."""
    if request.base is not None or not folders:
        folders = [request.base or corpora.shipped(), *folders]
    if not judged and request.alone:
        raise InputError("--no-base needs a file of judgements to learn from")
    whole = joining.merge([corpora.read_corpus(folder, need_documents=not judged) for folder in folders])
    return replace(whole, labels=joining.labels_with(whole.labels, map(read_label, request.labels)))


def told(prepared: Prepared, quiet: bool = False) -> list[str]:
    """Return all that is wrong, and unless ``quiet`` all that is to be told, a line each; of many of a kind the first."""
    notices = [] if quiet else [f"note: {line}" for line in judgements.listed(prepared.notices, most=8)]
    return [*notices, *(f"error: {line}" for line in judgements.listed(prepared.errors))]


def checked(prepared: Prepared) -> str:
    """Return what a check found, in a line and a table."""
    read = prepared.read
    kept = len({(row.file, row.row) for row in read.rows} - {(each.file, each.row) for each in prepared.errors})
    counts = (
        f"{read.seen:,} rows: {kept:,} judged, {read.unjudged:,} not judged, {read.seen - kept - read.unjudged:,} with an error"
    )
    return f"{counts}\n{_added(prepared.joined)}" if read.seen else f"{len(prepared.corpus):,} documents, nothing wrong"


def fatal(prepared: Prepared, lenient: bool) -> tuple[Finding, ...]:
    """Return the errors that forbid training: all, or with ``lenient`` those that are not of one row."""
    return tuple(each for each in prepared.errors if not (lenient and each.row))


def passed_over(prepared: Prepared) -> str:
    """Return what is to be told where rows with an error are left out and nothing is trained, or nothing.

    Raises:
        CorpusError: A file cannot be read at all, or holds no judgement.
    """
    if unreadable := [each for each in prepared.read.errors if not each.row]:
        raise CorpusError(str(unreadable[0]))
    n = sum(bool(each.row) for each in prepared.errors)
    return f"{n:,} rows of judgements have an error and are passed over; ipclass train --check tells them" if n else ""


def retrain(prepared: Prepared, request: Request, tell: Told = lambda line: None) -> Retrained:
    """Return the model that ``prepared`` teaches, compared with ``request.against`` if that is given.

    Raises:
        CorpusError: There are errors that forbid training.
    """
    if wrong := fatal(prepared, request.lenient):
        raise CorpusError(f"{wrong[0]} ({len(wrong):,} errors in all)")
    old = request.against
    known = old or (_shipped() if prepared.read.rows else None)
    recipe = training.recipe_of(known) if known else Recipe()
    facts: dict[str, Any] = {"corpora": [{"documents": len(prepared.base), "sha256": prepared.base.digest}]}
    if prepared.read.rows:
        facts["judgements"] = [_told_of(path, prepared) for path in request.sources if path.is_file()]
        facts["seen"] = comparing.marks(prepared.joined.documents.values())
    if request.search:
        tell("searching for a recipe")
        recipe, tried = searching.search(prepared.corpus, recipe, request.jobs)
        facts["search"] = [asdict(each) for each in tried]
    tell(f"training on {len(prepared.corpus):,} documents")
    trained = training.fit(prepared.corpus, recipe, request.jobs)
    comparison = _compared(prepared, trained, old, request, tell) if old else None
    if comparison:
        facts["comparison"] = gate.as_record(comparison)
    evaluated = evaluation.evaluate(trained.model, prepared.held_out) if prepared.held_out and not old else None
    model = replace(trained.model, facts={**trained.model.facts, **facts})
    from_shipped = request.base is None and not request.alone and not any(path.is_dir() for path in request.sources)
    before = known.facts.get("cross_validation", []) if known and from_shipped else []
    return Retrained(card.with_card(model, prepared.corpus), prepared, comparison, evaluated, before)


def _told_of(path: Path, prepared: Prepared) -> dict[str, Any]:
    rows = sum(row.file == str(path) for row in prepared.read.rows)
    return {"file": path.name, "rows": rows, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def _compared(prepared: Prepared, trained: Trained, old: Model, request: Request, tell: Told) -> Comparison:
    """Return both models compared on documents that neither has seen: held-out ones, or out of fold."""
    if prepared.held_out:
        names = ", ".join(path.name for path in request.held_out)
        on = f"{len(prepared.held_out):,} held-out documents ({names})"
        return gate.on_texts(old, trained.model, prepared.held_out, on)
    tell("comparing out of fold")
    return comparing.out_of_fold(prepared.base, prepared.joined, trained, old, request.jobs)


# What changed


def as_text(done: Retrained) -> str:
    """Return what was added and what it did to the quality, on one screen."""
    joined = done.prepared.joined
    parts = [_added(joined)] if joined.mine.any() else []
    if done.comparison:
        parts.append(gate.as_table(done.comparison))
    else:
        parts.append(_quality(done.model.facts["cross_validation"], done.before))
    if done.evaluated:
        parts.append(f"on held-out documents:\n{evaluation.as_table(done.evaluated)}")
    return "\n\n".join(parts)


def _added(joined: Joined) -> str:
    lines = [f"{int(joined.mine.sum()):,} documents of yours, {int(joined.fresh.sum()):,} of them new to the corpus; judged:"]
    lines.append(f"{'':18}{'grade 2':>8}{'1':>8}{'0':>8}   in all: 2, 1, 0")
    for label, counts in joined.added.items():
        if counts:
            grades = joined.corpus.grades(label)
            whole = ", ".join(f"{int((grades == grade).sum()):,}" for grade in (2, 1, 0))
            lines.append(f"{label:18}" + "".join(f"{counts.get(grade, 0):>8,}" for grade in (2, 1, 0)) + f"   {whole}")
    return "\n".join(lines)


_SHOWN = {"precision": "precision", "recall": "recall", "f1": "F1", "average_precision": "AP", "calibration_error": "ECE"}


def _quality(rows: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]]) -> str:
    """Return the cross-validated figures, below those of each target what they were before: 80 columns."""
    old = {(row.get("definition"), row.get("label")): row for row in before}
    lines = [f"{'':8}{'':15}{'n+':>6}" + "".join(f"{head:>10}" for head in _SHOWN.values())]
    for row in rows:
        lines.append(f"{row['definition']:8}{row['label']:15}{_figures(row)}")
        if was := old.get((row["definition"], row["label"])):
            lines.append(f"{'':8}{'before':15}{_figures(was)}")
    return "\n".join([*lines, "by cross-validation; AP: average precision; ECE: expected calibration error"])


def _figures(row: Mapping[str, Any]) -> str:
    """Return the figures of a target, a dash where an old model does not tell one."""
    told = [row.get(name) for name in _SHOWN]
    return f"{row.get('positives', '-'):>6}" + "".join(
        f"{each:>10.3f}" if isinstance(each, float) else f"{'-':>10}" for each in told
    )
