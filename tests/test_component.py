from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from conftest import document, environment, patents
from spacy.cli import app
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from typer.testing import CliRunner

import ipclass.component
from ipclass import Document, Model
from ipclass.errors import InputError, LabelError, ModelError

ROOT = Path(__file__).parents[1]
ROWS = patents(30)
TEXTS = [Document(row["title"], row["abstract"]).text for row in ROWS]


@pytest.fixture
def nlp(tiny_model: str) -> Language:
    pipeline = spacy.blank("en")
    pipeline.add_pipe("ipclass", config={"model": tiny_model})
    return pipeline


@pytest.fixture(scope="module")
def expected(tiny_model: str) -> list[Any]:
    return list(Model.load(tiny_model).classify([Document(row["title"], row["abstract"]) for row in ROWS]))


def test_the_factory_is_announced_to_spacy() -> None:
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]["spacy_factories"]
    module, _, name = stated["ipclass"].partition(":")
    assert getattr(import_module(module), name) is ipclass.component.make
    installed = entry_points(group="spacy_factories", name="ipclass")
    if not installed:
        pytest.skip("installed before the entry point was there: install the project again")
    assert {each.value for each in installed} == {stated["ipclass"]}


def test_a_document_gets_probabilities_and_a_prediction(nlp: Language, expected: list[Any]) -> None:
    doc = nlp(TEXTS[0])
    assert doc._.ipclass == expected[0]
    assert doc.cats == dict(expected[0].probabilities)


def test_a_pipe_gives_what_the_model_gives_in_order_whatever_the_batch(nlp: Language, expected: list[Any]) -> None:
    for size in (1, 7, 1000):
        assert [doc._.ipclass for doc in nlp.pipe(TEXTS, batch_size=size)] == expected


def test_a_pipe_tags_a_batch_at_once(nlp: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    tag = Model.tag
    monkeypatch.setattr(Model, "tag", lambda self, texts, *rest: sizes.append(len(texts)) or tag(self, texts, *rest))
    list(nlp.pipe(TEXTS, batch_size=20))
    assert sizes == [20, 10]


def test_contexts_stay_with_their_documents(nlp: Language, expected: list[Any]) -> None:
    pairs = zip(TEXTS, range(len(TEXTS)), strict=True)
    assert [(doc._.ipclass, n) for doc, n in nlp.pipe(pairs, as_tuples=True)] == [(each, n) for n, each in enumerate(expected)]


def test_several_processes_tag_as_one_does(nlp: Language, expected: list[Any]) -> None:
    assert [doc._.ipclass for doc in nlp.pipe(TEXTS, n_process=2, batch_size=8)] == expected


FORKED = """
import spacy
TEXTS = [
    "A 5G or 6G communication system for supporting higher data rates is disclosed. A pump has an impeller and a valve.",
    "A resonator reads out a superconducting qubit.",
]
nlp = spacy.blank("en")
nlp.add_pipe("ipclass")
before = [nlp(text)._.ipclass for text in TEXTS]
assert nlp.get_pipe("ipclass").fitted.lexicon.settings.mask(TEXTS[0]) != TEXTS[0]
print([doc._.ipclass for doc in nlp.pipe(TEXTS * 2, n_process=2, batch_size=1)] == before * 2)
"""


def test_several_processes_tag_when_this_one_has_tagged_before() -> None:
    """They are forks of it, in which polars waits for ever; in a process of its own, for what hangs must not hang the tests."""
    done = subprocess.run(
        [sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=60, check=True, env=environment()
    )
    assert done.stdout == "True\n"


def test_an_error_handler_is_told_of_a_batch_that_cannot_be_tagged(nlp: Language) -> None:
    docs = [nlp.make_doc(text) for text in TEXTS[:4]]
    docs[1].user_data["title"] = 5
    told: list[tuple[str, int, str]] = []
    nlp.set_error_handler(lambda name, component, batch, error: told.append((name, len(batch), str(error)[:13])))
    assert [doc.text for doc in nlp.pipe(docs, batch_size=2)] == TEXTS[2:4]
    assert told == [("ipclass", 2, "doc.user_data")]
    assert nlp.get_pipe("ipclass").get_error_handler() is not None


def test_the_title_is_the_first_line_or_is_told(nlp: Language, tiny_model: str) -> None:
    title, abstract = document("kites", 5)
    told = nlp.make_doc(abstract)
    told.user_data["title"] = title
    model = Model.load(tiny_model)
    with_title, without = model.classify([Document(title, abstract), Document("", abstract)])
    assert nlp(told)._.ipclass == nlp(f"{title}\n{abstract}")._.ipclass == with_title
    assert nlp(abstract)._.ipclass == without != with_title


def test_a_title_that_is_no_text_is_an_error(nlp: Language) -> None:
    doc = nlp.make_doc("A kite.")
    doc.user_data["title"] = 5
    with pytest.raises(InputError, match="must be a text, got int '5'"):
        nlp(doc)


def test_it_leaves_the_cats_of_others_alone(tiny_model: str, expected: list[Any]) -> None:
    @Language.component("moods")
    def moods(doc: Doc) -> Doc:
        doc.cats["merry"] = 0.5
        return doc

    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("moods")
    nlp.add_pipe("ipclass", config={"model": tiny_model})
    textcat = nlp.add_pipe("textcat_multilabel", last=True)
    textcat.add_label("sad")
    nlp.initialize()
    for doc, each in zip(nlp.pipe(TEXTS), expected, strict=True):
        assert doc.cats["merry"] == 0.5
        assert doc.cats.keys() == {"merry", "sad", *each.probabilities}
        assert doc._.ipclass == each
        assert len(list(doc.sents)) >= 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("A kite", "too short"),
        ("Der Drachen hat einen Schwanz aus Papier und steigt bei starkem Wind.", "language: de"),
    ],
)
def test_what_cannot_be_tagged_gets_no_cats_but_a_reason(nlp: Language, text: str, reason: str) -> None:
    doc = nlp(text)
    assert doc.cats == {}
    assert (doc._.ipclass.primary, doc._.ipclass.unscored) == ("unscored", reason)


def test_a_document_that_no_pipeline_saw_has_no_prediction(nlp: Language) -> None:
    assert nlp.make_doc("A kite.")._.ipclass is None


def test_definition_and_explanations_are_configured(tiny_model: str) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("ipclass", config={"model": tiny_model, "definition": "broad", "explain": 3})
    (expected,) = Model.load(tiny_model).classify([Document(ROWS[0]["title"], ROWS[0]["abstract"])], "broad", 3)
    assert nlp(TEXTS[0])._.ipclass == expected
    assert len(expected.explanations["kites"]) == 3


def test_an_unknown_definition_is_told_when_the_component_is_made() -> None:
    with pytest.raises(LabelError, match="did you mean 'strict'"):
        spacy.blank("en").add_pipe("ipclass", config={"definition": "stict"})


def test_a_model_that_is_not_there_is_told_when_it_is_needed(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("ipclass", config={"model": str(tmp_path / "gone")})
    with pytest.raises(ModelError, match="no model here"):
        nlp("A kite.")


def test_spacy_finds_nothing_that_it_takes_for_a_network_of_its_own() -> None:
    """To ask for ``model``, as spaCy does of any component in an order that differs from run to run, must not read one."""
    component = ipclass.component.Component(model="gone")
    assert not any(hasattr(component, name) for name in ("model", "listeners", "listener_map", "find_listeners"))
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec")
    nlp.add_pipe("ipclass", config={"model": "gone"})
    assert nlp.pipe_names == ["tok2vec", "ipclass"]


def test_the_labels_are_shown(nlp: Language) -> None:
    assert nlp.pipe_labels["ipclass"] == ["kites", "looms"]


def test_a_saved_pipeline_brings_its_model_along(tiny_model: str, tmp_path: Path, expected: list[Any]) -> None:
    """The folder of the configuration may be gone where the pipeline is loaded."""
    copy = tmp_path / "here"
    shutil.copytree(tiny_model, copy)
    nlp = spacy.blank("en")
    nlp.add_pipe("ipclass", config={"model": str(copy)})
    nlp.to_disk(tmp_path / "pipeline")
    shutil.rmtree(copy)
    again = spacy.load(tmp_path / "pipeline")
    assert [doc._.ipclass for doc in again.pipe(TEXTS)] == expected
    assert again.get_pipe("ipclass").fitted.digest == Model.load(tiny_model).digest


def test_a_saved_model_that_was_changed_is_not_loaded(nlp: Language, tmp_path: Path) -> None:
    nlp.to_disk(tmp_path)
    terms = tmp_path / "ipclass" / "terms.txt"
    terms.write_bytes(terms.read_bytes().replace(b"kite", b"kits", 1))
    with pytest.raises(ModelError, match=r"terms\.txt: damaged or changed"):
        spacy.load(tmp_path)


def test_a_pipeline_goes_through_bytes(nlp: Language, expected: list[Any]) -> None:
    again = spacy.blank("en")
    again.add_pipe("ipclass", config={"model": "elsewhere"})
    data = nlp.to_bytes()
    assert [doc._.ipclass for doc in again.from_bytes(data).pipe(TEXTS)] == expected
    assert again.get_pipe("ipclass").to_bytes() == nlp.get_pipe("ipclass").to_bytes()


def test_bytes_of_something_else_are_refused() -> None:
    with pytest.raises(ModelError, match="neither a model folder nor a zip file"):
        ipclass.component.Component().from_bytes(b"rubbish")


def test_documents_are_stored_with_their_predictions(nlp: Language, expected: list[Any]) -> None:
    stored = DocBin(store_user_data=True, docs=list(nlp.pipe(TEXTS))).to_bytes()
    again = list(DocBin().from_bytes(stored).get_docs(nlp.vocab))
    assert [doc._.ipclass for doc in again] == expected
    for doc, each in zip(again, expected, strict=True):
        assert np.allclose([doc.cats[label] for label in each.probabilities], list(each.probabilities.values()))


def test_a_pipeline_is_assembled_from_a_configuration_file(tiny_model: str, tmp_path: Path, expected: list[Any]) -> None:
    (tmp_path / "config.cfg").write_text(
        '[nlp]\nlang = "en"\npipeline = ["sentencizer","ipclass"]\n[components]\n'
        '[components.sentencizer]\nfactory = "sentencizer"\n'
        f'[components.ipclass]\nfactory = "ipclass"\nmodel = "{tiny_model}"\n'
    )
    made = CliRunner().invoke(app, ["assemble", str(tmp_path / "config.cfg"), str(tmp_path / "made")])
    assert made.exit_code == 0, made.output
    assert [doc._.ipclass for doc in spacy.load(tmp_path / "made").pipe(TEXTS)] == expected
