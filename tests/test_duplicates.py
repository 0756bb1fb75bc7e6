from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from conftest import ipclass, write_csv, write_jsonl
from hypothesis import given
from hypothesis import strategies as st

from ipclass import duplicates
from ipclass.duplicates import FAMILY, Duplicates, Wanted, family_key, number_key
from ipclass.errors import InputError
from ipclass.files import Source, column_named

VALVE = (
    "A check valve for a garden pump has a conical seat, a ball of ceramic and a spring of steel wire. The spring presses the "
    "ball against the seat as long as the pressure on the inlet side stays below a threshold that is set by a screw. When the "
    "pump starts, the ball is lifted, water flows around it into an annular chamber, and a lip on the edge of the chamber "
    "keeps sand away from the seat. A window of glass lets the owner see whether the ball moves freely."
)
LADDER = (
    "A folding ladder consists of four sections that are joined by hinges with a latch on each side. The latch has a tooth "
    "that falls into a notch when the section reaches its working angle, and a lever that pulls the tooth out of the notch "
    "against a leaf spring. Rubber feet turn with the lowest section so that they lie flat on the floor at any angle."
)
SHORT = "The ornamental design for a lamp, as shown and described."
ROWS = [
    ("US10000001B2", "Check valve", VALVE),
    ("US10000002B2", "Folding ladder", LADDER),
    ("EP3000003A1", "Garden pump with a check valve", VALVE),
    ("EP3000003B1", "Garden pump with a check valve, as granted", ""),
    ("", "", ""),
    ("", "", ""),
    ("USD900001S1", "Lamp", SHORT),
    ("USD900002S1", "Lamp", SHORT),
]


def table(path: Path, rows: list[tuple[str, ...]], *more: str) -> Path:
    names = ("publication_number", "title", "abstract", *more)
    return write_csv(path, [dict(zip(names, row, strict=True)) for row in rows])


def found(path: Path, numbers: str = "publication_number", families: str = "", texts: bool = True) -> Duplicates:
    return duplicates.find(lambda: Source(str(path)), Wanted(numbers, families, texts))


def told(path: Path, *rows: tuple[str, ...], families: str = "") -> list[tuple[int, str]]:
    made = found(table(path / "t.csv", list(rows), *((families,) if families else ())), families=families)
    return list(zip(made.first.tolist(), made.why, strict=True))


def test_the_first_document_stands_for_its_invention_and_the_reason_is_given(tmp_path: Path) -> None:
    assert told(tmp_path, *ROWS) == [
        (0, ""),
        (1, ""),
        (0, "number"),  # its number is shared with the next row; its text with the first one
        (0, "number"),
        (4, ""),
        (5, ""),
        (6, ""),
        (7, ""),
    ]


# Numbers


@pytest.mark.parametrize(
    "numbers",
    [
        "US10026376B2 US10026376 us10026376b2",
        "US-10026376-B2 US10026376",
        "US2012092212A1 US20120092212A1 US-2012/0092212-A1 US20120092212A9",
        "EP1234567A1 EP1234567B1 EP-1234567 EP01234567",
        "WO2019164506A1 WO2019/164506 WO-2019-164506-A1",
        "WO9912345A1 WO1999012345A1",
        "CN101234567A CN101234567B",
        "DE102019123456A1 DE102019123456B4",
        "USRE45678E USRE45678E1",
        "JP2019123456A JP2019-123456A",
        "12345 12345",
        "018-233-115-908-50X 018-233-115-908-50x",
    ],
)
def test_publications_of_one_document_have_one_key(numbers: str) -> None:
    assert len({number_key(number) for number in numbers.split()}) == 1
    assert number_key("EP 1 234 567 A1") == number_key("EP1234567")


@pytest.mark.parametrize(
    "numbers",
    [
        "US10026376B2 US10026377B2 EP10026376B1 US1002637B2",
        "JPH0712345A JPH0712345B2 JPH0712345U",
        "JP2019123456A JP2019123456B2",
        "CN1234567A CN1234567C CN2234567Y",
        "KR20190012345A KR20190012345U",
        "USD900001S1 US900001A USRE900001E USPP900001P",
        "US2012092212A1 US2013092212A1 US20120922120A1",
        "WO2019164506A1 WO2020164506A1",
        "1 2 01 1A",
    ],
)
def test_numbers_of_different_documents_stay_apart(numbers: str) -> None:
    keys = [number_key(number) for number in numbers.split()]
    assert len(set(keys)) == len(keys)


@given(st.text(max_size=30))
def test_any_text_has_a_key_which_spaces_and_case_do_not_change(text: str) -> None:
    plain = "".join(text.split())
    assert number_key(f" {plain} ") == number_key(plain)
    if plain.isascii():
        assert number_key(plain.lower()) == number_key(plain.upper())


def test_an_empty_number_is_nobodys(tmp_path: Path) -> None:
    assert told(tmp_path, ("", "A", LADDER), ("", "B", VALVE)) == [(0, ""), (1, "")]


# Families


def test_members_of_a_family_are_one_invention_whatever_their_texts(tmp_path: Path) -> None:
    rows = [("US1A", "A", VALVE, "77"), ("EP2A", "B", LADDER, " 77.0"), ("EP3A", "C", "", "78")]
    assert told(tmp_path, *rows, families="family_id") == [(0, ""), (0, "family"), (2, "")]


@pytest.mark.parametrize("nothing", ["", "0", "-1", "NaN", "null", " "])
def test_what_says_that_there_is_no_family_joins_nothing(tmp_path: Path, nothing: str) -> None:
    rows = [("US1A", "A", VALVE, nothing), ("US2A", "B", LADDER, nothing)]
    assert [first for first, _ in told(tmp_path, *rows, families="family")] == [0, 1]
    assert family_key(nothing) == ""


@pytest.mark.parametrize("name", ["family", "Simple Family ID", "docdb_family_id", "DocDB同族ID", "Family number"])
def test_usual_names_of_families_are_found(name: str) -> None:
    assert column_named(["id", name], FAMILY, "", "") == name


@pytest.mark.parametrize("name", ["inpadoc_family_id", "family size", "applicant family", "Simple Family Size"])
def test_near_misses_of_such_names_are_not(name: str) -> None:
    assert column_named(["id", name], FAMILY, "", "") == ""


# Texts


def test_a_continuation_with_the_same_abstract_is_a_duplicate_whatever_its_title(tmp_path: Path) -> None:
    assert told(tmp_path, ("US1A", "Check valve", VALVE), ("US2A", "Pump with a sand lip", VALVE)) == [(0, ""), (0, "text")]


@pytest.mark.parametrize(
    "changed",
    [
        VALVE.upper(),
        VALVE.replace("ceramic", "cermaic"),
        VALVE.replace(",", ""),
        VALVE.replace(" ", "  "),
        f"The present invention relates to hydraulic engineering and its applications. {VALVE}",
        VALVE.rsplit(". ", 1)[0] + ".",
        f"{VALVE} FIG. 1",
        VALVE.replace("ball", "ba\u00adll").replace("\u00ad", ""),
    ],
    ids=["case", "typo", "commas", "spaces", "sentence before", "cut off", "figure", "same"],
)
def test_an_abstract_that_is_nearly_the_same_is_a_duplicate(tmp_path: Path, changed: str) -> None:
    assert told(tmp_path, ("US1A", "", VALVE), ("US2A", "", LADDER), ("US3A", "", changed)) == [(0, ""), (1, ""), (0, "text")]


@pytest.mark.parametrize(
    "other",
    [
        LADDER,
        VALVE.replace("valve", "damper").replace("ball", "disk").replace("spring", "magnet"),
        VALVE.split(". ")[0] + ". " + LADDER,
        " ".join(VALVE.split()[::-1]),
        ". ".join(VALVE.split(". ")[:2]),
    ],
    ids=["another", "other parts", "same opening", "words reversed", "half of it"],
)
def test_a_near_miss_of_an_abstract_is_none(tmp_path: Path, other: str) -> None:
    title = "Check valve for a garden pump with a conical seat and a ball of ceramic"
    assert told(tmp_path, ("US1A", title, VALVE), ("US2A", title, other)) == [(0, ""), (1, "")]


@pytest.mark.parametrize("abstract", ["", " ", SHORT, "No abstract available.", " ".join(VALVE.split()[:21])])
def test_empty_and_short_abstracts_are_nobodys_duplicates(tmp_path: Path, abstract: str) -> None:
    assert told(tmp_path, ("US1A", "Lamp", abstract), ("US2A", "Lamp", abstract)) == [(0, ""), (1, "")]
    assert told(tmp_path, *[("", "Lamp", f"{abstract}{' '.join(VALVE.split()[21:43])}")] * 2)[1] == (0, "text")


def test_chains_have_one_first_document(tmp_path: Path) -> None:
    rows = [
        ("US1A", "", VALVE, "a"),
        ("US2A", "", LADDER, "b"),
        ("EP9A", "", VALVE, "b"),
        ("EP9B", "", "", "c"),
        ("EP8A", "", "", "c"),
    ]
    firsts = [first for first, _ in told(tmp_path, *rows, families="family")]
    assert firsts == [0, 0, 0, 0, 0]


def mixed(seed: int) -> list[tuple[str, ...]]:
    """Return 120 documents of 40 inventions in some order: each as a text, with a typo, and cut off."""
    words = [f"{a}{b}" for a in ("lever", "spring", "gear", "plate", "rod", "disk", "cam") for b in "abcdefgh"]
    made = random.Random(7)
    rows: list[tuple[str, ...]] = []
    for number in range(40):
        text = made.choices(words, k=100)
        rows.append((f"US{number + 1000}A", str(number), " ".join(text)))
        rows.append((f"US{number + 2000}A", str(number), " ".join([*text[:50], "typo", *text[51:]])))
        rows.append((f"US{number + 1000}B2", str(number), ""))
    random.Random(seed).shuffle(rows)
    return rows


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_what_belongs_together_does_not_depend_on_the_order(tmp_path: Path, seed: int) -> None:
    rows = mixed(seed)
    made = found(table(tmp_path / "t.csv", rows))
    inventions = [row[1] for row in rows]
    assert [inventions[first] for first in made.first.tolist()] == inventions
    assert [inventions.index(invention) for invention in inventions] == made.first.tolist()


def test_the_size_of_the_blocks_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from conftest import cut_at

    path = table(tmp_path / "t.csv", mixed(3))
    whole = found(path)
    cut_at(monkeypatch, 500)
    parts = found(path)
    assert (parts.first.tolist(), parts.why) == (whole.first.tolist(), whole.why)


def test_without_texts_the_table_is_read_once_and_needs_none(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", [{"id": "US1A"}, {"id": "US1B"}, {"id": "US2A"}])
    made = duplicates.find(lambda: Source(str(path), need_text=False), Wanted("id", texts=False))
    assert made.first.tolist() == [0, 0, 2]
    assert made.marked.tolist() == [False, True, False]


def test_a_table_without_rows_has_no_duplicates(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("publication_number,title,abstract\n", "utf-8")
    assert len(found(tmp_path / "t.csv")) == 0


def test_a_row_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"title": "A", "abstract": "B"}\n{"title": \n', "utf-8")
    with pytest.raises(InputError, match=r"t\.jsonl, row 2: is not JSON"):
        found(path, numbers="")


# The command


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet", "csv.gz", "xlsx"])
def test_every_row_stays_in_its_place_with_two_columns_more(tmp_path: Path, ending: str) -> None:
    path, out = table(tmp_path / "in.csv", ROWS), tmp_path / f"out.{ending}"
    ended = ipclass("duplicates", path, "-o", out)
    assert ended.lines == ["8 documents, 6 inventions: 2 duplicates (number 2)"]
    if ending == "xlsx":
        frame = pl.read_excel(out, infer_schema_length=0, drop_empty_rows=False)
    elif ending == "jsonl":
        frame = pl.read_ndjson(out)
    elif ending == "parquet":
        frame = pl.read_parquet(out)
    else:
        frame = pl.read_csv(out, separator="\t" if ending == "tsv" else ",", infer_schema=False)
    frame = frame.fill_null("")
    assert frame.columns == ["publication_number", "title", "abstract", "duplicate_of", "duplicate_why"]
    assert frame.select("publication_number", "title", "abstract").rows() == ROWS
    assert frame["duplicate_of"].to_list() == ["", "", "US10000001B2", "US10000001B2", "", "", "", ""]
    assert frame["duplicate_why"].to_list() == ["", "", "number", "number", "", "", "", ""]


def test_json_lines_keep_their_types_and_may_differ_in_their_fields(tmp_path: Path) -> None:
    rows = [
        {"id": "US1A", "abstract": VALVE, "cpc": ["F16K15/04"], "year": 2001},
        {"id": "US2A", "abstract": VALVE, "family": 5},
        {"id": 7, "abstract": LADDER, "family": 5},
        {"abstract": None},
    ]
    path = write_jsonl(tmp_path / "in.jsonl", rows)
    assert ipclass("duplicates", path, "-o", tmp_path / "out.jsonl").code == 0
    written = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert [{name: row[name] for name in old} for row, old in zip(written, rows, strict=True)] == rows
    assert [(row["duplicate_of"], row["duplicate_why"]) for row in written] == [
        ("", ""),
        ("US1A", "family"),
        ("US1A", "family"),
        ("", ""),
    ]


def test_where_there_is_no_id_the_row_is_named(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "in.csv", [{"abstract": LADDER}, {"abstract": VALVE}, {"abstract": VALVE}])
    assert ipclass("duplicates", path, "-o", tmp_path / "out.csv").code == 0
    assert pl.read_csv(tmp_path / "out.csv", infer_schema=False)["duplicate_of"].to_list() == ["", "", "row 2"]


def test_what_to_go_by_can_be_chosen(tmp_path: Path) -> None:
    path = table(tmp_path / "in.csv", ROWS)
    counts = {by: ipclass("duplicates", path, "--by", by, "-o", tmp_path / f"{by}.csv").lines[0] for by in ("number", "text")}
    assert counts == {
        "number": "8 documents, 7 inventions: 1 duplicates (number 1)",
        "text": "8 documents, 7 inventions: 1 duplicates (text 1)",
    }


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--by", "colour"], "--by 'colour'; There are: number, family, text"),
        (["--by", "family"], "no column of family"),
        (["--family", "clan"], "no column 'clan'"),
        (["--number", "no"], "no column 'no'"),
    ],
)
def test_what_is_not_there_is_named(tmp_path: Path, arguments: list[str], problem: str) -> None:
    ended = ipclass("duplicates", table(tmp_path / "in.csv", ROWS), *arguments, "-o", tmp_path / "out.csv")
    assert ended.code == 1
    assert problem in ended.err
    assert not (tmp_path / "out.csv").exists()


def test_nothing_is_overwritten_and_no_column_doubled(tmp_path: Path) -> None:
    path, out = table(tmp_path / "in.csv", ROWS), tmp_path / "out.csv"
    assert ipclass("duplicates", path, "-o", out, "-q").err == ""
    assert "exists; --force replaces it" in ipclass("duplicates", path, "-o", out).err
    assert "has a column 'duplicate_of' already" in ipclass("duplicates", out, "-o", tmp_path / "again.csv").err
    assert ipclass("duplicates", out, "--prefix", "new_", "-o", tmp_path / "again.csv").code == 0
    assert "standard input" in ipclass("duplicates", "-").err


POOL = Path(__file__).parents[2] / "shared" / "pool" / "patents.jsonl.gz"


@pytest.mark.slow
@pytest.mark.skipif(not POOL.is_file(), reason="the pool of real abstracts (../shared/pool) is not here")
def test_planted_duplicates_of_real_abstracts_are_found_and_few_others(tmp_path: Path) -> None:
    import gzip
    from itertools import islice

    with gzip.open(POOL, "rt", encoding="utf-8") as file:
        texts = [json.loads(line)["abstract"] for line in islice(file, 0, 20_000, 10)]
    texts = [text for text in texts if len(text.split()) >= 90]
    changed = [
        [text.upper() for text in texts],
        [f"Disclosed herein are various embodiments. {text}" for text in texts],
        [text[: int(0.8 * len(text))] for text in texts],
    ]
    rows = [("", "", text) for text in (*texts, *(text for part in changed for text in part))]
    made = found(table(tmp_path / "t.csv", rows), numbers="")
    own = np.arange(len(rows)) % len(texts)
    hits = (made.first == own).reshape(4, -1).mean(axis=1)
    assert hits[1:].min() >= 0.97
    assert (made.first[: len(texts)] != own[: len(texts)]).sum() <= 0.01 * len(texts)
