"""Tagged tables as share tables need them: all columns but the texts, who tagged each row, how probable each label is."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from ipclass import batch
from ipclass.batch import Job, tagged_by
from ipclass.calibration import Ints
from ipclass.errors import InputError, choices
from ipclass.files import STDIO, Layout, RowError, Source, find_column, layout_of
from ipclass.model import Model
from ipclass.parsing import records_of
from ipclass.records import DEFINITIONS, Definition

ROW, PROBABILITY, MADE_BY, TEXT = "__row", "__p_{}", "__by", "__text"


def read_tagged(path: str, model: Model, definition: Definition, labels: Sequence[str], model_folder: str = "") -> pl.DataFrame:
    """Return all columns of the table but its texts, with a probability column a label, and who tagged each row.

    A table without tags, or tagged under another definition, is tagged on the way if it has texts.
    """
    layout = _layout_of(path)
    by = tagged_by(model, definition)
    sure = {"probabilities"} if layout.format == "jsonl" else {f"{label}_probability" for label in labels}
    if {"tagged_by"} | sure <= set(layout.columns):
        frame = _read(path)
        texts = layout.abstract or find_column("abstract", layout.columns)
        if (frame["tagged_by"].cast(pl.String) == by).any() or not texts:
            return prepared(frame, labels)
    return prepared(_tag_on_the_way(path, definition, model_folder), labels)


def _layout_of(path: str) -> Layout:
    if path == STDIO:
        raise InputError("a table of shares is made from a file, which is read twice; standard input cannot be")
    return layout_of(path)


def _read(path: str) -> pl.DataFrame:
    layout = layout_of(path)
    if layout.format == "jsonl":
        return _read_lines(path)
    ending = Path(path).suffix.lower()
    try:
        if ending in (".parquet", ".pq"):
            stored = pl.scan_parquet(path)
            return stored.select(without_texts(stored.collect_schema().names())).collect()
        if ending in (".csv", ".tsv"):
            # 007 is not 7, and RE123 may follow 456
            stored = pl.scan_csv(path, separator=layout.separator, infer_schema=False)
            return stored.select(without_texts(stored.collect_schema().names())).collect()
    except PolarsError as error:
        raise InputError(f"{path}: cannot be read as a table: {str(error).splitlines()[0]}") from error
    return _read_blocks(path)


def _read_blocks(path: str) -> pl.DataFrame:
    """Return a tagged table that is packed, or a workbook."""
    blocks = (block.frame for block in Source(path, need_text=False).read())
    frames = [frame.select(without_texts(frame.columns)) for frame in blocks if frame is not None]
    return pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame()


def _read_lines(path: str) -> pl.DataFrame:
    """Return tagged JSON lines as a table, with the columns that tagging adds to a table."""
    rows, frames = 0, []
    for raw in Source(path, need_text=False).blocks():
        try:
            records = records_of(raw.content, raw.layout.encoding) if isinstance(raw.content, bytes) else []
        except RowError as error:
            raise InputError(f"{path}, row {rows + error.row}: {error.problem}") from error
        rows += len(records)
        frames.append(pl.DataFrame([_flat(record) for record in records], infer_schema_length=None))
    return pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame()


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a tagged JSON object as a row of a table; a list of plain values is several values."""
    given = {name: value for name, value in record.items() if name not in ("labels", "probabilities", "terms")}
    row: dict[str, Any] = {name: _as_text(given[name]) for name in without_texts(list(given))}
    sure, tags = record.get("probabilities"), record.get("labels")
    for label, probability in sure.items() if isinstance(sure, dict) else ():
        row[f"{label}_probability"] = float(probability) if isinstance(probability, int | float) else None
        row[label] = int(label in tags) if isinstance(tags, list) else None
    return row


def _as_text(value: Any) -> str | None:
    if isinstance(value, list) and not any(isinstance(each, list | dict) for each in value):
        return ";".join(str(each) for each in value)
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def text_codes(frame: pl.DataFrame) -> Ints:
    """Return codes from 0 that the rows of equal texts share, shape (rows,)."""
    return np.unique(frame[TEXT].to_numpy(), return_inverse=True)[1].astype(np.int64)


def without_texts(names: Sequence[str]) -> list[str]:
    """Return the names of columns but those of texts, which shares do not need."""
    return [name for name in names if name.lower() not in ("abstract", "title")]


def _tag_on_the_way(path: str, definition: Definition, model_folder: str) -> pl.DataFrame:
    source = Source(path)
    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder) / "tagged.parquet")
        job = Job(source.layout, model_folder, definition, 0, "parquet", "__new_")
        batch.run(source, target, job)
        frame = pl.read_parquet(target)
    old = [name.removeprefix("__new_") for name in frame.columns if name.startswith("__new_")]
    frame = frame.drop(old, strict=False).rename({f"__new_{name}": name for name in old})
    return frame.drop([name for name in (source.layout.title, source.layout.abstract) if name])


def prepared(frame: pl.DataFrame, labels: Sequence[str]) -> pl.DataFrame:
    """Return tagged documents numbered from 0, with a probability column a label, who tagged each row, and its text's hash.

    Texts are the same if they got the same probabilities of all labels, which have six digits each.
    Columns that begin with ``__`` are ours: what was prepared before is prepared anew.

    Raises:
        InputError: They are not tagged for one of ``labels``.
    """
    for column in ("tagged_by", *(f"{label}_probability" for label in labels)):
        has(frame, column)
    plain = frame.select(name for name in frame.columns if not name.startswith("__"))
    sure = sorted(name for name in plain.columns if name.endswith("_probability"))
    return plain.with_row_index(ROW).with_columns(
        plain.select(sure).hash_rows().alias(TEXT),
        *(pl.col(f"{label}_probability").cast(pl.Float64, strict=False).alias(PROBABILITY.format(label)) for label in labels),
        pl.col("tagged_by").cast(pl.String).alias(MADE_BY),
    )


def default_definitions(path: str, named: Literal["", "strict", "broad", "both"]) -> tuple[Definition, ...]:
    """Return the definitions that ``named`` asks for: one, ``both``, or what the table was tagged with."""
    if named == "both":
        return DEFINITIONS
    if named:
        return (named,)
    if "tagged_by" in _layout_of(path).columns:
        seen = {str(value).partition(":")[0] for value in _read(path)["tagged_by"].unique().to_list()}
        return tuple(each for each in DEFINITIONS if each in seen) or ("strict",)
    return ("strict",)


def has(frame: pl.DataFrame, column: str) -> None:
    """Say which columns there are, if one is missing.

    Raises:
        InputError: It is.
    """
    if column not in frame.columns:
        listed = [name for name in frame.columns if not name.startswith("__")]
        raise InputError(f"no column {column!r}; {choices(column, listed)}")


def sha256(path: str) -> str:
    """Return the sha256 of a file, as 64 hexadecimal digits.

    Raises:
        InputError: It is no file, or cannot be read.
    """
    if path == STDIO:
        raise InputError("this table is read more than once; name a file instead of -")
    if not Path(path).is_file():
        raise InputError(f"{path}: {'is a folder, not a file' if Path(path).is_dir() else 'no such file'}")
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
