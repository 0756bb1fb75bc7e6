"""PatentsView and PATSTAT: several tables joined, in any order, with nothing lost between them."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from reading import read, rows
from sources import INVENTED, patentsview, patentsview_legacy, patstat

from ipclass.errors import InputError

KITE, LOOM = INVENTED
MANY = [replace(LOOM, number=str(99_000_000 + n), title=f"Invented loom {n}") for n in range(300)]


def without(files: dict[str, bytes], *names: str) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if name not in names}


def shuffled(content: bytes, seed: int) -> bytes:
    header, *lines = content.splitlines(keepends=True)
    random.Random(seed).shuffle(lines)
    return b"".join([header, *lines])


@pytest.mark.parametrize(("source", "write"), [("patentsview", patentsview), ("patstat", patstat)])
def test_files_may_come_in_any_order_and_so_may_their_rows(source: str, write: object) -> None:
    files = write(MANY)  # type: ignore[operator]
    expected = rows(source, files)
    assert [each["title"] for each in expected] == [patent.title for patent in MANY]
    main = next(iter(files))
    for seed in range(3):
        names = list(files)
        random.Random(seed).shuffle(names)
        mixed = {name: files[name] if name == main else shuffled(files[name], seed) for name in names}
        assert rows(source, mixed) == expected


def test_title_and_abstract_alone_are_enough() -> None:
    files = {name: content for name, content in patentsview(INVENTED).items() if name.startswith("g_patent")}
    assert [(each["id"], each["abstract"]) for each in rows("patentsview", files)] == [
        (KITE.id, KITE.abstract),
        (LOOM.id, LOOM.abstract),
    ]


def test_a_patent_without_an_abstract_stands_with_its_title_and_an_abstract_without_a_patent_is_rejected() -> None:
    files = patentsview(INVENTED)
    files["g_patent_abstract.tsv"] = b'"patent_id"\t"patent_abstract"\n"20190999001"\t"A kite."\n"77"\t"An orphan."\n'
    found, rejects = read("patentsview", files)
    assert [(each["title"], each["abstract"]) for each in found] == [(KITE.title, "A kite."), (LOOM.title, "")]
    assert [(each.file, each.place, each.reason) for each in rejects] == [
        ("g_patent_abstract.tsv", "row 2", "is the abstract of '77', of which there is no patent")
    ]


def test_a_second_abstract_is_rejected_and_a_patent_that_comes_twice_passes() -> None:
    files = patentsview([LOOM, LOOM])
    found, rejects = read("patentsview", files)
    assert [each["abstract"] for each in found] == [LOOM.abstract] * 2
    assert [each.reason for each in rejects] == ["is one more abstract of '99000002'; the first one stands"]


def test_numbers_are_texts_so_that_designs_and_reissues_keep_their_letters() -> None:
    patents = [
        replace(LOOM, number=number, kind=kind) for number, kind in (("D999001", "S1"), ("RE99901", "E1"), ("PP99901", "P3"))
    ]
    assert [each["id"] for each in rows("patentsview", patentsview(patents))] == ["USD999001S1", "USRE99901E1", "USPP99901P3"]


def test_without_the_table_of_abstracts_it_is_refused_unless_titles_are_enough() -> None:
    files = without(patentsview(INVENTED), "g_patent_abstract.tsv")
    with pytest.raises(InputError, match=r"no abstracts; give g_patent.tsv and g_patent_abstract.tsv too, or .*--title-only"):
        read("patentsview", files)
    assert [each["title"] for each in rows("patentsview", files, title_only=True)] == [KITE.title, LOOM.title]


def test_a_table_of_codes_alone_says_what_is_missing() -> None:
    files = {"g_cpc_current.tsv": patentsview(INVENTED)["g_cpc_current.tsv"]}
    with pytest.raises(InputError, match="no table of PatentsView with documents; give g_patent"):
        read("patentsview", files)


def test_abstracts_without_the_table_of_patents_are_documents() -> None:
    files = {"g_patent_abstract.tsv": patentsview(INVENTED)["g_patent_abstract.tsv"]}
    assert {(each["id"], each["abstract"]) for each in rows("patentsview", files)} == {
        (KITE.number, KITE.abstract),
        (LOOM.number, LOOM.abstract),
    }


def test_the_tables_of_before_2023_say_the_same() -> None:
    new, old = rows("patentsview", patentsview([LOOM])), rows("patentsview", patentsview_legacy([LOOM]))
    assert [{**each, "ipc": ""} for each in new] == old


def test_part_interests_and_governments_have_types() -> None:
    files = patentsview([LOOM])
    files["g_assignee_disambiguated.tsv"] = files["g_assignee_disambiguated.tsv"].replace(b'"3"', b'"16"')
    assert rows("patentsview", files)[0]["applicant_types"] == "government;individual"


def test_a_broken_row_of_any_table_is_rejected_alone() -> None:
    files = patentsview(INVENTED)
    files["g_cpc_current.tsv"] += b'"99000002"\t"9"\n'
    files["g_patent.tsv"] += b'"1"\t"utility\n"2"\n'
    found, rejects = read("patentsview", files)
    assert [each["id"] for each in found] == [KITE.id, LOOM.id]
    assert [(each.file, each.place) for each in rejects] == [
        ("g_patent.tsv", "row 3"),
        ("g_patent.tsv", "row 4"),
        ("g_cpc_current.tsv", "row 5"),
    ]


def test_rows_without_a_number_are_rejected_and_join_nothing() -> None:
    files = patentsview([LOOM])
    files["g_patent.tsv"] += b'""\t"utility"\t"2018-11-13"\t"A kite"\t"B2"\t"1"\t"0"\t"x"\n'
    files["g_cpc_current.tsv"] += b'""\t"0"\t"G"\t"G06"\t"G06N"\t"G06N3/08"\t"inventional"\n'
    found, rejects = read("patentsview", files)
    assert [each["cpc"] for each in found] == ["D03D49/24"]
    assert [(each.file, each.place, each.reason) for each in rejects] == [("g_patent.tsv", "row 2", "has no number")]
    alone = {"x.tsv": b"patent_id\tpatent_abstract\n9\tA kite.\n\tA loom.\n"}
    found, rejects = read("patentsview", alone)
    assert (len(found), [each.place for each in rejects]) == (1, ["row 2"])


# PATSTAT


def test_dates_of_9999_are_none() -> None:
    files = patstat([replace(KITE, filing="", priority="", publication="", grant="")])
    assert b"9999-12-31" in files["tls201_appln.csv"]
    [found] = rows("patstat", files)
    assert not any(value for name, value in found.items() if name.endswith("_date"))


def test_inventors_are_no_applicants() -> None:
    [found] = rows("patstat", patstat([KITE]))
    assert b"ROE RICHARD" in patstat([KITE])["tls206_person.csv"]
    assert "ROE" not in found["applicants"]


def test_symbols_lose_their_padding() -> None:
    assert b"G06N   3/08" in patstat([KITE])["tls224_appln_cpc.csv"]
    assert rows("patstat", patstat([KITE]))[0]["cpc"] == "G06N3/08;A63H27/08;G05B13/027"


def test_codes_of_the_family_are_taken_where_the_application_has_none() -> None:
    files = without(patstat([KITE]), "tls224_appln_cpc.csv")
    files["tls225_docdb_fam_cpc.csv"] = (
        b"docdb_family_id,cpc_class_symbol,cpc_gener_auth,cpc_version,cpc_position,cpc_value\n"
        b"990000001,G06N   3/08,EP,2013-01-01,F,I\n1,A01B   1/00,EP,2013-01-01,F,I\n"
    )
    assert rows("patstat", files)[0]["cpc"] == "G06N3/08"


def test_the_first_publication_gives_the_number_and_the_first_grant_its_date() -> None:
    files = patstat([KITE])
    files["tls211_pat_publn.csv"] = (
        b"pat_publn_id,publn_auth,publn_nr,publn_nr_original,publn_kind,appln_id,publn_date,publn_lg,publn_first_grant,publn_claims\n"
        b"3,EP,999,,B1,990001,2015-04-08,en,Y,9\n1,EP,999,,A1,990001,2008-05-14,en,N,9\n2,EP,999,,A9,990001,9999-12-31,en,N,9\n"
    )
    [found] = rows("patstat", files)
    assert (found["id"], found["kind"], found["grant_date"]) == ("EP999A1", "A1", "2015-04-08")


def test_without_publications_the_application_gives_the_number() -> None:
    [found] = rows("patstat", without(patstat([KITE]), "tls211_pat_publn.csv"))
    assert (found["id"], found["office"], found["kind"]) == ("US991A", "US", "")


def test_tables_that_are_not_needed_are_passed_over() -> None:
    files = {**patstat([KITE]), "tls204_appln_prior.csv": b"appln_id,prior_appln_id,prior_appln_seq_nr\n1,2,3\n4\n"}
    assert len(rows("patstat", files)) == 1


def test_a_table_may_come_in_parts() -> None:
    files = patstat(MANY)
    header, *lines = files.pop("tls203_appln_abstr.csv").splitlines(keepends=True)
    for part, some in enumerate((lines[:100], lines[100:])):
        files[f"tls203_part0{part}.csv"] = b"".join([header, *some])
    assert [each["abstract"] for each in rows("patstat", files)] == [LOOM.abstract] * len(MANY)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_tables_may_have_another_separator(separator: str) -> None:
    import csv
    import io

    from sources import table

    files = {
        name: table(list(csv.reader(io.StringIO(content.decode()))), separator, csv.QUOTE_ALL).encode()
        for name, content in patstat([KITE]).items()
    }
    assert rows("patstat", files) == rows("patstat", patstat([KITE]))
