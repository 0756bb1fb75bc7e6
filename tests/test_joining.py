from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import LABELS, document, judged

from ipclass import Model
from ipclass import corpus as corpora
from ipclass.corpus import Corpus, Judged
from ipclass.counts import rows_of
from ipclass.errors import CorpusError
from ipclass.joining import Joined, join, labels_with, merge, only_judged, text_key, unseen
from ipclass.judgements import Row, as_judged
from ipclass.labels import LabelSet, parse_label, template
from ipclass.records import Document


@pytest.fixture(scope="module")
def base(tiny_corpus: Path) -> Corpus:
    return corpora.read_corpus(tiny_corpus)


@pytest.fixture(scope="module")
def guard(tiny_model: str) -> Model:
    return Model.load(tiny_model)


def row(number: int, text: tuple[str, str], grades: Mapping[str, int], id: str = "", origin: str = "picked") -> Row:
    return Row("mine.csv", number, Document(*text, id or f"M{number}"), grades, origin)


def told(findings: tuple[object, ...]) -> list[str]:
    return [str(each).removeprefix("mine.csv, ") for each in findings]


def at(joined: Joined, id: str) -> corpora.Entry:
    (found,) = [entry for entry in joined.corpus.entries if entry.id == id]
    return found


NEW = [document("kites", 200), document("looms", 201), document("", 202)]


def test_new_documents_come_behind_those_of_the_corpus_which_stay_as_they_are(base: Corpus, guard: Model) -> None:
    joined = join(base, [row(n, text, {"kites": 0}) for n, text in enumerate(NEW, start=1)], guard)
    assert joined.corpus.entries[: len(base)] == base.entries
    assert joined.fresh.tolist() == [False] * len(base) + [True] * 3 == joined.mine.tolist()
    assert [entry.grades for entry in joined.corpus.entries[len(base) :]] == [{"kites": 0}] * 3
    assert joined.added["kites"] == {0: 3}
    assert not joined.added["looms"]
    assert not joined.errors
    before = {base.terms[t]: v for t, v in zip(base.counts.terms[:50], base.counts.values[:50], strict=True)}
    after = joined.corpus.counts
    assert before == {joined.corpus.terms[t]: v for t, v in zip(after.terms[:50], after.values[:50], strict=True)}


def test_not_judged_is_not_no(base: Corpus, guard: Model) -> None:
    joined = join(base, [row(1, NEW[0], {"kites": 2})], guard)
    assert joined.corpus.grades("kites")[-1] == 2
    assert joined.corpus.grades("looms")[-1] == corpora.NOT_JUDGED


def test_a_patent_of_the_corpus_is_joined_label_by_label_and_the_users_judgement_counts(base: Corpus, guard: Model) -> None:
    entry = base.entries[0]
    text = judged(1)[0]
    joined = join(base, [row(1, (text["title"], text["abstract"]), {"looms": 1}, id=entry.id)], guard)
    assert len(joined.corpus) == len(base)
    assert at(joined, entry.id).grades == {**entry.grades, "looms": 1}
    assert at(joined, entry.id).origin == entry.origin
    assert told(joined.notices) == [f"row 1: {entry.id}: looms is 0 in the corpus and 1 here, which counts"]
    assert joined.mine.sum() == 1
    assert not joined.fresh.any()


def test_the_same_text_under_another_number_is_the_same_document(base: Corpus, guard: Model) -> None:
    text = judged(1)[0]
    joined = join(base, [row(1, (text["title"].upper(), text["abstract"]), {"kites": 2}, id="ZZ9")], guard)
    assert len(joined.corpus) == len(base)
    assert told(joined.notices) == ["row 1: is J0 of the corpus: the same text"]


def test_the_kind_of_a_publication_number_does_not_matter(base: Corpus, guard: Model) -> None:
    numbered = replace(base, entries=(replace(base.entries[0], id="XX1234567B2"), *base.entries[1:]))
    text = judged(1)[0]
    joined = join(
        numbered, [row(1, (text["title"], text["abstract"] + " It is red."), {"kites": 1}, id="xx-1234567-A1")], guard
    )
    assert len(joined.corpus) == len(base)
    assert at(joined, "XX1234567B2").grades["kites"] == 1


def test_a_number_that_stands_for_another_text_makes_a_document_of_its_own_in_the_same_group(
    base: Corpus, guard: Model
) -> None:
    joined = join(base, [row(1, NEW[2], {"kites": 0}, id="J0")], guard)
    assert len(joined.corpus) == len(base) + 1
    assert joined.corpus.entries[-1].group == base.entries[0].group
    assert "stands for another text in the corpus" in told(joined.notices)[0]


def test_a_near_duplicate_stays_on_the_side_of_its_twin(base: Corpus, guard: Model) -> None:
    text = judged(1)[0]
    other = "A wholly different heading", f"{text['title']}. {text['abstract']}"
    twice = "Another heading of three words", f"{text['title']}. {text['abstract']} Red."
    joined = join(base, [row(1, other, {"kites": 2}), row(2, twice, {"kites": 2}), row(3, NEW[2], {"kites": 0})], guard)
    assert len(joined.corpus) == len(base) + 3
    groups = joined.corpus.groups()
    assert groups[-3] == groups[-2] == base.entries[0].group
    assert groups[-1] not in base.groups()


def test_near_duplicates_among_the_users_own_share_a_group(base: Corpus) -> None:
    abstract = (
        "The plum tree is pruned by a curved blade on a long pole so that ripe plums fall into a net of soft cord. The pole "
        "has a joint, a spring and a lever near the handle; the gardener pulls a string, and the blade closes upon the twig."
    )
    rows = [row(n, (name, abstract), {"kites": 0}) for n, name in enumerate(("Pruner", "Cutter"), start=1)]
    joined = join(base, rows)
    assert joined.corpus.groups()[-1] == joined.corpus.groups()[-2]


# What contradicts what


def test_judged_twice_alike_it_counts_once_and_differently_it_is_an_error(base: Corpus, guard: Model) -> None:
    rows = [
        row(1, NEW[0], {"kites": 2}),
        row(2, NEW[0], {"kites": 2}, id="again"),
        row(3, (NEW[0][0].upper(), NEW[0][1] + "!"), {"looms": 0}),
        row(4, NEW[0], {"kites": 1}),
        row(5, NEW[1], {"kites": 0}, id="M1"),
    ]
    joined = join(base, rows, guard)
    assert at(joined, "M1").grades == {"kites": 2, "looms": 0}
    assert joined.added == {"kites": {2: 1}, "looms": {0: 1}}
    assert told(joined.notices) == ["row 2: counts once: it is the same as row 1", "row 3: adds looms to row 1"]
    assert told(joined.errors) == [
        "row 4: kites is judged 1, but 2 in row 1: the same text",
        "row 5: the id 'M1' stands for another text in row 1; give each document an id of its own",
    ]
    assert len(joined.corpus) == len(base) + 1


def test_a_contradiction_between_two_files_names_both(base: Corpus, guard: Model) -> None:
    rows = [row(1, NEW[0], {"kites": 2}), replace(row(7, NEW[0], {"kites": 0}), file="hers.csv")]
    assert told(join(base, rows, guard).errors) == [
        "hers.csv, row 7: kites is judged 0, but 2 in mine.csv, row 1: the same text"
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            (
                "",
                "Die Erfindung betrifft ein Verfahren zum Regeln einer Pumpe, wobei ein Ventil bei hohem Druck geöffnet wird.",
            ),
            "",
        ),
        (("Pump", "with a valve"), "too short"),
    ],
)
def test_a_text_that_cannot_be_tagged_is_told(text: tuple[str, str], reason: str, base: Corpus) -> None:
    joined = join(base, [row(1, text, {"kites": 0}), row(2, NEW[0], {"kites": 2})], Model.load())
    (error,) = told(joined.errors)
    assert error.startswith("row 1: cannot be tagged (")
    assert reason in error
    assert len(joined.corpus) == len(base) + 1


def test_what_is_evaluated_on_cannot_be_learnt_from(base: Corpus, guard: Model) -> None:
    held_out = as_judged([row(1, NEW[0], {"kites": 2}, id="XX1234567A1"), row(2, NEW[1], {"kites": 0}, id="E2")])
    rows = [
        row(1, (NEW[0][0].lower(), NEW[0][1]), {"kites": 2}, id="other"),
        row(2, NEW[2], {"kites": 0}, id="XX1234567B1"),
        row(3, document("", 300), {"kites": 0}, id="E3"),
    ]
    joined = join(base, rows, guard, held_out)
    assert [error.split(";")[0] for error in told(joined.errors)] == [
        "row 1: is XX1234567A1 of the held-out documents",
        "row 2: is XX1234567A1 of the held-out documents",
    ]
    assert [entry.id for entry in joined.corpus.entries[len(base) :]] == ["E3"]


def test_held_out_documents_that_the_corpus_has_are_left_out(base: Corpus) -> None:
    text = judged(4)
    rows = [row(n, (each["title"], each["abstract"]), each["grades"], id=f"H{n}") for n, each in enumerate(text)]
    near = row(8, ("Fresh heading here", f"{text[0]['title']} {text[0]['abstract']}"), {"kites": 2})
    fresh = row(9, ("Plum tree", "A plum tree is pruned by a blade on a pole."), {"kites": 0})
    assert [each.entry.id for each in unseen(base, as_judged([*rows, near, fresh]))] == ["M9"]
    assert unseen(base, []) == []


def test_too_few_judgements_are_told_by_label_and_definition(base: Corpus, guard: Model) -> None:
    plums = parse_label("plums", template("plums"), "plums.toml")
    wide = replace(base, labels=labels_with(base.labels, [plums]))
    rows = [row(n, document("", 300 + n), {"plums": 1 if n < 12 else 0}) for n in range(20)]
    errors = told(join(wide, rows, guard).errors)
    assert [each.split(";")[0] for each in errors] == [
        "plums: 0 positive judgements under strict",
        "plums: 8 negative judgements under broad",
    ]
    assert "--complete" in errors[1]


# Corpora


def test_two_corpora_make_one_whose_documents_are_joined_by_their_ids(base: Corpus) -> None:
    half = len(base) // 2
    one = Corpus(base.labels, base.entries[:half], base.terms, rows_of(base.counts, np.arange(half)))
    rest = np.arange(half - 5, len(base))
    other = Corpus(base.labels, base.entries[half - 5 :], base.terms, rows_of(base.counts, rest))
    whole = merge([one, other])
    assert whole.entries == base.entries
    assert whole.digest == base.digest
    assert merge([base]) is base


def test_two_corpora_that_judge_a_document_differently_are_refused(base: Corpus) -> None:
    first = replace(base.entries[0], grades={"kites": 1})
    with pytest.raises(CorpusError, match="J0: kites is 2 in one corpus and 1 in another"):
        merge([base, replace(base, entries=(first, *base.entries[1:]))])


def test_a_label_is_defined_once(base: Corpus) -> None:
    same = labels_with(base.labels, [base.labels["kites"]])
    assert same == base.labels
    other = parse_label("kites", base.labels["kites"].source.replace("Kites", "Dragons"), "kites.toml")
    with pytest.raises(CorpusError, match="'kites' is defined twice"):
        labels_with(base.labels, [other])
    assert labels_with(base.labels, [parse_label("aprons", template("aprons"), "x")]).ids == ("aprons", "kites", "looms")


def test_judgements_that_stand_alone_keep_the_labels_they_judge(base: Corpus, guard: Model) -> None:
    rows = [row(n, document(("kites", "")[n % 2], n), {"kites": 2 * (1 - n % 2)}) for n in range(30)]
    joined = join(only_judged(base, rows), rows, guard)
    assert joined.corpus.labels.ids == ("kites",)
    assert len(joined.corpus) == 30 - sum("counts once" in each for each in told(joined.notices))
    assert joined.fresh.all()


def test_a_corpus_tells_itself_apart_by_its_digest(base: Corpus) -> None:
    changed = replace(base.entries[0], grades={**base.entries[0].grades, "looms": 1})
    assert replace(base, entries=(changed, *base.entries[1:])).digest != base.digest
    relabelled = replace(base, labels=LabelSet((base.labels["kites"],)))
    assert relabelled.digest != base.digest


def test_the_key_of_a_text_ignores_case_and_signs_alone() -> None:
    assert text_key(Document("A kite", "with (1) tail.")) == text_key(Document("A KITE", "with 1 tail"))
    assert text_key(Document("A kite", "with a tail")) != text_key(Document("A kite", "with tails"))


def test_documents_keep_their_texts_for_the_gate(base: Corpus, guard: Model) -> None:
    text = judged(1)[0]
    rows = [row(1, (text["title"], text["abstract"]), {"kites": 2}), row(2, NEW[0], {"kites": 2})]
    joined = join(base, rows, guard)
    assert {place: each.text for place, each in joined.documents.items()} == {
        0: Document(text["title"], text["abstract"]).text,
        len(base): Document(*NEW[0]).text,
    }


def test_judged_rows_group_near_duplicates() -> None:
    one, two, three = as_judged([row(n, NEW[n > 1], {"kites": 1}) for n in range(3)])
    assert isinstance(one, Judged)
    assert one.entry.group == two.entry.group != three.entry.group
    assert set(LABELS) == {"kites", "looms"}
