"""The table that an audit is drawn from: the scores of one label, each row checked to be as the model left it."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import polars as pl

from ipclass import files
from ipclass.batch import TAGGED_BY, tagged_by
from ipclass.calibration import Calibration, Ints
from ipclass.errors import InputError, ShareError
from ipclass.excel import LONGEST_CELL
from ipclass.files import STDIO, Block, Source
from ipclass.labels import Label
from ipclass.model import Model
from ipclass.records import LEAST_GRADE, Definition, definition_named
from ipclass.scores import Bools, Floats

ROUNDED = 1e-5
"""Tables hold six digits of a probability: so far may one seem to lie on the wrong side of the threshold."""


_RETAG = "run ipclass classify again"


Design = Literal["stratified", "random"]
DESIGNS: tuple[Design, ...] = get_args(Design)


@dataclass(frozen=True)
class Wanted:
    """What to draw. ``definition`` "" is that of the table; ``n`` None is 300, or what ``width`` needs.

    ``width`` is the half width of the interval that is aimed at, in parts of the share; ``bulk`` the part drawn where the
    tagger expects nothing, unless ``design`` is a plain random sample; ``columns`` names the columns for title, abstract
    and id where they are not the usual ones.
    """

    label: str
    definition: str = ""
    n: int | None = None
    width: float | None = None
    bulk: float = 0.4
    seed: int = 0
    design: Design = "stratified"
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Tagged:
    """The scores of one label in a tagged table.

    ``rows`` are the places of the scored documents in the table, from 1, and ``scores`` theirs, both of shape (documents,);
    ``unscored`` counts the others by reason.
    """

    path: str
    columns: Mapping[str, str]
    definition: Definition
    label: Label
    rows: Ints
    scores: Floats
    unscored: Mapping[str, int]
    calibration: Calibration


@dataclass(frozen=True)
class Text:
    """A document as the sheet shows it."""

    id: str
    title: str
    abstract: str


def read_tagged(path: str, model: Model, wanted: Wanted) -> Tagged:
    """Return the scores of a label in a tagged table, which must be tagged by ``model``, each row alike.

    Raises:
        InputError: The table cannot be read, is not tagged, was tagged by another model or under another definition, or a
            row was changed since.
        ShareError: The table holds no document, or the model cannot be used for shares.
        LabelError: The model has no such label.
    """
    source = _source(path, wanted.columns)
    source.learn_columns()
    prefix = _prefix(source)
    frames = []
    definition: Definition | None = None
    for before, block in source.numbered():
        if definition is None:
            definition = _definition(path, _tagged_by(block, prefix), model, wanted.definition)
            target = model.targets[model.column(wanted.label, definition)]
        frames.append(
            _checked(path, before, _figures(path, block, prefix, wanted.label), tagged_by(model, definition), target.threshold)
        )
    if definition is None:
        raise ShareError(f"{path}: no documents: a share of nothing is not 0")
    frame = pl.concat(frames)
    scored = frame.filter(pl.col("unscored") == "")
    reasons = Counter(frame.filter(pl.col("unscored") != "")["unscored"].to_list())
    scores = _scores(scored["probability"].to_numpy(), scored["tag"].to_numpy() == 1, target.calibration)
    rows = scored["row"].to_numpy().astype(np.int64)
    label = model.labels[wanted.label]
    return Tagged(path, wanted.columns, definition, label, rows, scores, dict(sorted(reasons.items())), target.calibration)


def _source(path: str, columns: Mapping[str, str]) -> Source:
    if path == STDIO:
        raise InputError("an audit reads its table more than once; name a file instead of -")
    return Source(path, columns=columns)


def _prefix(source: Source) -> str:
    """Return what ``classify --prefix`` put before its columns."""
    names = [name for name in source.layout.columns if name.endswith("tagged_by")]
    if "tagged_by" in names:
        return ""
    if len(names) == 1:
        return names[0].removesuffix("tagged_by")
    if any(name.endswith("probabilities") for name in source.layout.columns):
        raise InputError(f"{source.path}: says not which model tagged it (no field tagged_by); {_RETAG}, to CSV or Parquet")
    raise InputError(f"{source.path}: is not tagged (no column 'tagged_by'); run ipclass classify first")


def _tagged_by(block: Block, prefix: str) -> str:
    if block.frame is not None:
        return str(block.frame[f"{prefix}tagged_by"][0])
    return str((block.records or [{}])[0].get(f"{prefix}tagged_by"))


def _definition(path: str, made_by: str, model: Model, wanted: str) -> Definition:
    """Return the definition that the first row was tagged under, after checking that ``model`` did it."""
    if wanted:
        definition_named(wanted)
    name, _, digest = made_by.partition(":")
    if name not in LEAST_GRADE or not digest:
        raise InputError(f"{path}, row 1: tagged_by {short(made_by)} names no definition and model; {_RETAG}")
    definition = definition_named(name)
    if made_by != tagged_by(model, definition):
        here = model.digest[:TAGGED_BY]
        raise InputError(f"{path}: was tagged by model {short(digest)}, not by {here!r}; name it with --model, or {_RETAG}")
    if wanted and wanted != definition:
        raise InputError(f"{path}: was tagged under the definition {definition}, not {wanted}; {_RETAG} with -d {wanted}")
    return definition


def _figures(path: str, block: Block, prefix: str, label: str) -> pl.DataFrame:
    """Return tag, probability, reason for none, and tagger of each row; nothing where there is no such figure."""
    if block.frame is None:
        return _figures_of_records(block.records or [], prefix, label)
    needed = {
        "tag": prefix + label,
        "probability": f"{prefix}{label}_probability",
        "unscored": f"{prefix}unscored",
        "by": f"{prefix}tagged_by",
    }
    if absent := [name for name in needed.values() if name not in block.frame.columns]:
        raise InputError(f"{path}: is not tagged for {label!r} (no column {absent[0]!r}); {_RETAG}")
    numbers = [pl.col(needed[name]).cast(pl.Float64, strict=False).alias(name) for name in ("tag", "probability")]
    texts = [pl.col(needed[name]).cast(pl.String).fill_null("").alias(name) for name in ("unscored", "by")]
    return block.frame.select(*numbers, *texts)


def _figures_of_records(records: Sequence[Mapping[str, Any]], prefix: str, label: str) -> pl.DataFrame:
    rows = []
    for record in records:
        sure, tags = record.get(f"{prefix}probabilities"), record.get(f"{prefix}labels")
        probability = sure.get(label) if isinstance(sure, dict) else None
        number = float(probability) if isinstance(probability, int | float) else None
        tag = float(label in tags) if isinstance(tags, list) else None
        rows.append((tag, number, str(record.get(f"{prefix}unscored") or ""), str(record.get(f"{prefix}tagged_by"))))
    kinds = {"tag": pl.Float64, "probability": pl.Float64, "unscored": pl.String, "by": pl.String}
    return pl.DataFrame(rows, schema=kinds, orient="row")


def _checked(path: str, before: int, frame: pl.DataFrame, made_by: str, threshold: float) -> pl.DataFrame:
    """Return ``frame`` with the number of each row, after checking that each is as the model left it."""
    frame = frame.with_row_index("row", offset=before + 1)
    tag, probability, scored = pl.col("tag"), pl.col("probability"), pl.col("unscored") == ""
    near = (probability - threshold).abs() <= ROUNDED * (threshold + 0.1)
    checks = {
        f"tagged_by is {{by!r}}, in other rows {made_by!r}; one table, one model": pl.col("by") != made_by,
        "the probability is missing or no number from 0 to 1": scored & ~probability.is_between(0, 1).fill_null(False),
        "the tag is missing or neither 0 nor 1": scored & ~tag.is_in([0.0, 1.0]).fill_null(False),
        f"tag {{tag:g}} at probability {{probability:g}}, where the model tags from {threshold:.3g}": (
            scored & ~near & ((tag == 1) != (probability >= threshold))
        ),
    }
    for problem, broken in checks.items():
        first = frame.filter(broken.fill_null(False)).head(1).to_dicts()
        if first:
            shown = problem.format(**{**first[0], "by": first[0]["by"][:60]})
            raise InputError(f"{path}, row {first[0]['row']}: {shown}; was it changed? {_RETAG}")
    return frame.drop("by")


def _scores(probabilities: Floats, tags: Bools, calibration: Calibration) -> Floats:
    """Return the scores behind rounded probabilities, on that side of the threshold where the tags say they were."""
    scores, threshold = calibration.scores_of(probabilities), calibration.threshold
    scores = np.where(tags, np.maximum(scores, threshold), scores)
    return np.asarray(np.where(tags, scores, np.minimum(scores, np.nextafter(threshold, -np.inf))))


def texts_of(tagged: Tagged, rows: Ints) -> dict[int, Text]:
    """Return the documents in some rows of the table, as a sheet shows them."""
    wanted = np.sort(rows)
    source = _source(tagged.path, tagged.columns)
    found = {}
    for before, block in source.numbered():
        start, end = np.searchsorted(wanted, [before + 1, before + len(block) + 1])
        for row in wanted[start:end].tolist():
            place = row - before - 1
            title, _, abstract = block.texts[place].partition("\n")
            id = one_line(files.id_of(block, place, source.layout))
            found[row] = Text(id or _fingerprint(block.texts[place]), one_line(title), one_line(abstract))
    return found


def _fingerprint(text: str) -> str:
    """Return what stands for the id of a document that has none: rows of a sheet can then be told apart all the same."""
    return f"text-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:10]}"


def one_line(text: str) -> str:
    """Return ``text`` as a cell can hold it: no control signs, no line feeds, not endless.

    >>> one_line(" a\\x00b\\nc ")
    'a b c'
    """
    plain = "".join(" " if unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") else sign for sign in text).strip()
    return plain if len(plain) <= LONGEST_CELL else f"{plain[: LONGEST_CELL - 100]} [...]"


def short(text: str) -> str:
    """Return ``text`` quoted for an error message, and not endless."""
    return repr(text if len(text) <= 60 else f"{text[:60]}...")
