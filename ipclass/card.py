"""The card of a model: what it was trained on, how good it is, where its limits are."""

from __future__ import annotations

from dataclasses import replace

from ipclass import gate
from ipclass.corpus import Corpus
from ipclass.model import Model

_SHOWN = ("precision", "recall", "f1", "average_precision", "brier", "calibration_error")


def with_card(model: Model, corpus: Corpus) -> Model:
    """Return ``model`` with its card, in Markdown."""
    return replace(model, card=card(model, corpus))


def card(model: Model, corpus: Corpus) -> str:
    """Return the card: purpose, data, quality by cross-validation, recipe, limits."""
    return "\n".join(
        [
            *_head(model),
            *_data(model, corpus),
            *_quality(model),
            *_comparison(model),
            *_made(model),
            *_limits(),
        ]
    )


def _head(model: Model) -> list[str]:
    names = ", ".join(f"{label.name} (`{label.id}`)" for label in model.labels)
    return [
        "# Model card",
        "",
        f"Tags English patent titles and abstracts: {names}; a document with none of them is `other`.",
        "Labels are independent of one another. `strict` counts what is the invention or a working part of it, `broad` adds",
        "borderline cases. The label files in `labels/` say what each means.",
        "",
        f"Digest `{model.digest}`; linear in {len(model.lexicon.terms):,} terms (single words and pairs), TF-IDF, one",
        "linear support vector classifier a label and definition, Platt calibration. Data only: nothing in it is executed.",
        "",
    ]


def _data(model: Model, corpus: Corpus) -> list[str]:
    origins = corpus.origins().tolist()
    rows = [f"| {origin} | {origins.count(origin):,} |" for origin in sorted(set(origins))]
    positives = []
    for label in corpus.labels:
        grades = corpus.grades(label.id)
        positives.append(f"| {label.id} | {int((grades == 2).sum()):,} | {int((grades >= 1).sum()):,} |")
    return [
        "## Learnt from",
        "",
        f"{len(corpus):,} judged documents. The grades of the shipped corpus are by language models reading text by text from",
        "a written guideline, not by patent examiners. See the data sheet of the corpus for sources and skews.",
        "",
        *_judgements(model),
        "| origin | documents |",
        "|---|---:|",
        *rows,
        "",
        "| label | strict positives | broad positives |",
        "|---|---:|---:|",
        *positives,
        "",
    ]


def _judgements(model: Model) -> list[str]:
    """Return which files of a user's judgements joined the corpus."""
    told = model.facts.get("judgements", [])
    rows = [f"| {each['file']} | {each['rows']:,} | `{each['sha256'][:12]}` |" for each in told]
    return ["| judgements that joined it | rows | sha256 |", "|---|---:|---|", *rows, ""] if rows else []


def _comparison(model: Model) -> list[str]:
    """Return how the model compares with the one before, if it was asked."""
    told = model.facts.get("comparison")
    return ["## Beside the old model", "", *gate.as_markdown(told), ""] if told else []


def _quality(model: Model) -> list[str]:
    lines = [
        "## Quality",
        "",
        "By cross-validation on real and restated patents, families and near-duplicates kept together:",
        "",
        "| definition | label | positives | " + " | ".join(name.replace("_", " ") for name in _SHOWN) + " |",
        "|---|---|---:|" + "---:|" * len(_SHOWN),
    ]
    for row in model.facts["cross_validation"]:
        figures = " | ".join(f"{row[name]:.3f}" for name in _SHOWN)
        lines.append(f"| {row['definition']} | {row['label']} | {row['positives']} | {figures} |")
    return [*lines, ""]


def _made(model: Model) -> list[str]:
    recipe = ", ".join(f"{name} {value}" for name, value in model.facts["recipe"].items())
    made = ", ".join(f"{name} {value}" for name, value in model.facts["made_with"].items())
    return ["## Made with", "", f"Recipe: {recipe}. Versions: {made}.", ""]


def _limits() -> list[str]:
    return [
        "## Limits",
        "",
        "- English texts only; others, and texts of a few words, are marked `unscored` and never `other`.",
        "- The judged patents were drawn by keyword, source and model score: no share can be read off them.",
        "- Counting tags is biased where a label is rare: use `ipclass shares` and an audit for shares.",
        "- Labels with few judged patents have wide intervals; look at the number of positives above.",
        "",
    ]
