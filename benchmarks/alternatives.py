"""What a user would pick instead of ipclass, as plain scripts: trained beforehand, then one process a run.

    python benchmarks/alternatives.py train FOLDER GOLD.jsonl
    python benchmarks/alternatives.py tag NAME FOLDER IN.csv OUT.csv
    python benchmarks/alternatives.py time NAME FOLDER IN.csv ROWS     # prints seconds as JSON

All of them read and write CSV by polars, as ipclass does, so that this costs all the same.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.float64]
Tagger = Callable[[Sequence[str]], Probabilities]
LABELS = ("ai", "quantum", "bci", "6g")
BATCH = 5_000


# -- spaCy for the words, scikit-learn for the rest ---------------------------------------------------------------------


def lemmatizer() -> tuple[Any, str]:
    """Return a spaCy pipeline with lookup lemmas, or a bare one where the tables are not installed; and what it is."""
    import spacy

    nlp = spacy.blank("en")
    try:
        nlp.add_pipe("lemmatizer", config={"mode": "lookup"})
        nlp.initialize()
    except ValueError:
        return spacy.blank("en"), "lower_"
    return nlp, "lookup"


def lemmas(nlp: Any, kind: str, texts: Iterable[str]) -> Iterator[str]:
    """Yield the content words of each text, lemmatized, with spaces between."""
    for doc in nlp.pipe(texts, batch_size=1000):
        words = (token for token in doc if token.is_alpha and not token.is_stop)
        yield " ".join(token.lower_ if kind == "lower_" else token.lemma_.lower() for token in words)


def classifier(**settings: Any) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline

    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, **settings)
    return make_pipeline(vectorizer, OneVsRestClassifier(LogisticRegression(C=10, class_weight="balanced", max_iter=1000)))


def train_spacy_lr(folder: Path, texts: list[str], truth: npt.NDArray[np.int_]) -> None:
    import joblib

    model = classifier(tokenizer=str.split, token_pattern=None, lowercase=False)
    joblib.dump(model.fit(list(lemmas(*lemmatizer(), texts)), truth), folder / "spacy_lr.joblib")


def load_spacy_lr(folder: Path) -> Tagger:
    import joblib

    nlp, kind = lemmatizer()
    model = joblib.load(folder / "spacy_lr.joblib")
    return lambda texts: np.asarray(model.predict_proba(list(lemmas(nlp, kind, texts))))


# -- spaCy's own text categorizer ---------------------------------------------------------------------------------------


def train_spacy_textcat(folder: Path, texts: list[str], truth: npt.NDArray[np.int_]) -> None:
    import spacy
    from spacy.training import Example
    from spacy.util import minibatch

    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("en")
    bag = {"@architectures": "spacy.TextCatBOW.v3", "exclusive_classes": False, "ngram_size": 1, "no_output_layer": False}
    nlp.add_pipe("textcat_multilabel", config={"model": {**bag, "length": 262_144}})
    examples = [
        Example.from_dict(nlp.make_doc(text), {"cats": dict(zip(LABELS, map(float, row), strict=True))})
        for text, row in zip(texts, truth, strict=True)
    ]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(4):
        for batch in minibatch(examples, 64):
            nlp.update(batch, sgd=optimizer)
    nlp.to_disk(folder / "spacy_textcat")


def load_spacy_textcat(folder: Path) -> Tagger:
    import spacy

    nlp = spacy.load(folder / "spacy_textcat")

    def tag(texts: Sequence[str]) -> Probabilities:
        return np.array([[doc.cats[label] for label in LABELS] for doc in nlp.pipe(texts, batch_size=1000)])

    return tag


# -- scikit-learn alone -------------------------------------------------------------------------------------------------


def train_tfidf_lr(folder: Path, texts: list[str], truth: npt.NDArray[np.int_]) -> None:
    import joblib

    joblib.dump(classifier().fit(texts, truth), folder / "tfidf_lr.joblib")


def load_tfidf_lr(folder: Path) -> Tagger:
    import joblib

    model = joblib.load(folder / "tfidf_lr.joblib")
    return lambda texts: np.asarray(model.predict_proba(texts))


# -- fastText -----------------------------------------------------------------------------------------------------------

BUCKETS = 200_000  # with the default of two million it is slower to load and to predict


def train_fasttext(folder: Path, texts: list[str], truth: npt.NDArray[np.int_]) -> None:
    import fasttext

    lines = (  # a line without a label would be passed over
        " ".join(
            [
                *([f"__label__{label}" for label, yes in zip(LABELS, row, strict=True) if yes] or ["__label__other"]),
                text.lower(),
            ]
        )
        for text, row in zip(texts, truth, strict=True)
    )
    judged = folder / "fasttext.txt"
    judged.write_text("\n".join(lines) + "\n", "utf-8")
    model = fasttext.train_supervised(
        str(judged), loss="ova", wordNgrams=2, dim=100, bucket=BUCKETS, minCount=2, epoch=25, lr=0.5, thread=1, verbose=0
    )
    model.save_model(str(folder / "fasttext.bin"))


def load_fasttext(folder: Path) -> Tagger:
    import fasttext

    model = fasttext.load_model(str(folder / "fasttext.bin"))
    places = {f"__label__{label}": place for place, label in enumerate((*LABELS, "other"))}

    def tag(texts: Sequence[str]) -> Probabilities:
        labels, found = model.predict([text.lower() for text in texts], k=len(places))
        order = np.array([[places[label] for label in row] for row in labels])
        probabilities = np.empty(order.shape)
        np.put_along_axis(probabilities, order, np.array(found), axis=1)
        return probabilities[:, : len(LABELS)]

    return tag


# -- ipclass, in process ------------------------------------------------------------------------------------------------


def load_ipclass(folder: Path) -> Tagger:
    from ipclass import Model

    model = Model.load()
    return lambda texts: model.tag(texts).probabilities


TRAINERS = {
    "spacy_lr": train_spacy_lr,
    "spacy_textcat": train_spacy_textcat,
    "tfidf_lr": train_tfidf_lr,
    "fasttext": train_fasttext,
}
LOADERS: dict[str, Callable[[Path], Tagger]] = {
    "spacy_lr": load_spacy_lr,
    "spacy_textcat": load_spacy_textcat,
    "tfidf_lr": load_tfidf_lr,
    "fasttext": load_fasttext,
    "ipclass": load_ipclass,
}


# -- the scripts --------------------------------------------------------------------------------------------------------


def train(folder: Path, gold: Path, names: Sequence[str]) -> None:
    """Train the alternatives ``names`` on judged patents; a label is assigned from grade 2 on."""
    judged = [json.loads(line) for line in gold.read_text("utf-8").splitlines()]
    texts = [" ".join(f"{each['title']} {each['abstract']}".split()) for each in judged]
    truth = np.array([[int(each["grades"].get(label, 0) == 2) for label in LABELS] for each in judged])
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        TRAINERS[name](folder, texts, truth)


def read(table: Path, between: str) -> tuple[Any, list[str]]:
    import polars as pl

    frame = pl.read_csv(table, infer_schema=False)
    texts = frame.select(pl.concat_str("title", "abstract", separator=between, ignore_nulls=True)).to_series()
    return frame, texts.str.replace_all("\n", " ", literal=True).to_list() if between == " " else texts.to_list()


def tag(name: str, folder: Path, table: Path, target: Path) -> None:
    """Tag a table of patents: what the user's own script would do."""
    import polars as pl

    tagger = LOADERS[name](folder)
    frame, texts = read(table, " ")
    parts = [tagger(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH)]
    probabilities = np.concatenate(parts)
    assigned = probabilities >= 0.5
    best = np.where(assigned.any(axis=1), np.where(assigned, probabilities, -1).argmax(axis=1), len(LABELS))
    added = {label: pl.Series(assigned[:, place].astype(np.int8)) for place, label in enumerate(LABELS)}
    added |= {f"{label}_probability": pl.Series(probabilities[:, place]) for place, label in enumerate(LABELS)}
    added["primary"] = pl.Series(np.array([*LABELS, "other"])[best].tolist())
    frame.with_columns(**{name: series.alias(name) for name, series in added.items()}).write_csv(target)


def measure(name: str, folder: Path, table: Path, rows: int) -> dict[str, float]:
    """Return the seconds that loading takes, a first pass over texts in memory, and a second."""
    _, texts = read(table, "\n" if name == "ipclass" else " ")
    texts = texts[:rows]
    clock = time.perf_counter()
    tagger = LOADERS[name](folder)
    seconds = {"load": time.perf_counter() - clock}
    for turn in ("cold", "warm"):
        clock, cpu = time.perf_counter(), time.process_time()
        for start in range(0, len(texts), BATCH):
            tagger(texts[start : start + BATCH])
        seconds |= {turn: time.perf_counter() - clock, f"{turn}_cpu": time.process_time() - cpu}
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("train")
    command.add_argument("folder", type=Path)
    command.add_argument("gold", type=Path)
    command.add_argument("names", nargs="*", default=list(TRAINERS), metavar="name")
    for called in ("tag", "time"):
        command = commands.add_parser(called)
        command.add_argument("name", choices=list(LOADERS))
        command.add_argument("folder", type=Path)
        command.add_argument("table", type=Path)
        command.add_argument(*(("target",) if called == "tag" else ("rows",)), type=Path if called == "tag" else int)
    given = parser.parse_args()
    if given.command == "train":
        train(given.folder, given.gold, given.names)
    elif given.command == "tag":
        tag(given.name, given.folder, given.table, given.target)
    else:
        print(json.dumps(measure(given.name, given.folder, given.table, given.rows)))


if __name__ == "__main__":
    main()
