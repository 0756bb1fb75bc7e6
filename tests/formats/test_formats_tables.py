"""The exports that are one table: the quirks of each source."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest
from reading import inputs_of, read, reasons, row, rows
from sources import (
    CNIPA_HEADER,
    DERWENT_HEADER,
    ESPACENET_HEADER,
    GOOGLE_HEADER,
    INCOPAT_HEADER,
    INVENTED,
    LENS_HEADER,
    PATENTSCOPE_HEADER,
    PATSNAP_HEADER,
    cnipa_csv,
    derwent,
    espacenet_csv,
    google_csv,
    incopat_csv,
    incopat_rows,
    lens_csv,
    patentscope_rows,
    table,
    workbook,
)

from ipclass import formats
from ipclass.errors import InputError
from ipclass.formats.profiles import derwent_abstract


def lens(**cells: str) -> str:
    return one(LENS_HEADER, {"Display Key": "EP 999 A1", "Abstract": "A kite.", **cells})


def one(header: list[str], cells: dict[str, str], delimiter: str = ",", quoting: int = csv.QUOTE_MINIMAL) -> str:
    """Return a table with one row; cells that are not given are empty."""
    unknown = set(cells) - set(header)
    assert not unknown
    return table([header, [cells.get(name, "") for name in header]], delimiter, quoting)


# Lens


def test_lens_splits_at_two_semicolons_and_keeps_one_as_a_comma() -> None:
    found = row("lens", lens(Applicants="Doe; Roe Ltd;;Kites", **{"CPC Classifications": "G06N3/08;;A63H27/08"}))
    assert found["applicants"] == "Doe, Roe Ltd;Kites"
    assert found["cpc"] == "G06N3/08;A63H27/08"


def test_lens_members_of_a_family_share_its_name() -> None:
    members = {"Simple Family Members": "WO 2020/000009 A1;;EP 999 A1;;US 2021/0000009 A1"}
    keys = ("EP 999 A1", "US 2021/0000009 A1", "WO 2020/000009 A1")
    assert {row("lens", lens(**{**members, "Display Key": key}))["family"] for key in keys} == {"EP999A1"}


def test_lens_without_members_is_one_family_by_its_priorities_whatever_their_order() -> None:
    found = [row("lens", lens(**{"Priority Numbers": each}))["family"] for each in ("US 9 P;;EP 1 A", "EP 1 A;;US 9 P")]
    assert found == ["EP 1 A + US 9 P"] * 2


def test_lens_grants_are_known_by_the_type_of_document() -> None:
    day = {"Publication Date": "2020-05-03"}
    assert row("lens", lens(**day, **{"Document Type": "Granted Patent"}))["grant_date"] == "2020-05-03"
    assert row("lens", lens(**day, **{"Document Type": "Patent Application"}))["grant_date"] == ""


def test_lens_without_a_number_is_known_by_its_own_id() -> None:
    assert row("lens", lens(**{"Display Key": "", "Lens ID": "999-1"}))["id"] == "999-1"


def test_lens_without_the_column_of_abstracts_is_refused_unless_titles_are_enough() -> None:
    header = [name for name in LENS_HEADER if name != "Abstract"]
    content = one(header, {"Title": "A kite", "Display Key": "EP 999 A1"})
    with pytest.raises(InputError, match=r"has no abstracts; export it with its abstracts, or .* --title-only"):
        read("lens", {"lens.csv": content.encode()})
    assert row("lens", content, title_only=True)["title"] == "A kite"


# Google and Espacenet


@pytest.mark.parametrize(("format", "files"), [("google", google_csv(INVENTED)), ("espacenet", espacenet_csv(INVENTED))])
def test_an_export_without_abstracts_is_refused_with_what_to_export_instead(format: str, files: dict[str, bytes]) -> None:
    with pytest.raises(InputError, match=r"export has no abstracts; .*Lens.*--title-only") as caught:
        read(format, files)
    assert next(iter(files)) in str(caught.value)
    assert len(rows(format, files, title_only=True)) == len(INVENTED)


def test_google_has_the_address_of_the_search_above_its_header() -> None:
    with_line = "search URL:,https://patents.example/?q=a&b\n" + one(GOOGLE_HEADER, {"id": "US-9-B2", "title": "A kite"})
    assert row("google", with_line, title_only=True)["id"] == "US9B2"
    assert row("google", with_line.partition("\n")[2], title_only=True)["id"] == "US9B2"


def test_google_writes_several_assignees_as_one_and_so_do_we() -> None:
    found = row("google", one(GOOGLE_HEADER, {"id": "US-9-B2", "assignee": "Kites, Inc., Doe Ltd."}), title_only=True)
    assert found["applicants"] == "Kites, Inc., Doe Ltd."


def espacenet(**cells: str) -> str:
    return "\n" * 7 + one(ESPACENET_HEADER, {"Title": "A kite", **cells}, ";", csv.QUOTE_ALL)


def test_espacenet_has_several_values_as_lines_within_a_cell() -> None:
    found = row(
        "espacenet",
        espacenet(
            **{
                "Applicants": "KITES LTD [GB]\nDOE JANE",
                "Publication number": "EP999A1\nEP999B1",
                "Publication date": "2021-01-01\n2020-02-02",
                "CPC": "G06N3/08 (EP,US)\nA63H27/08 (EP)",
            }
        ),
        title_only=True,
    )
    assert (found["applicants"], found["applicant_countries"]) == ("KITES LTD;DOE JANE", "GB;")
    assert (found["id"], found["kind"], found["publication_date"]) == ("EP999A1", "A1", "2020-02-02")
    assert found["cpc"] == "G06N3/08;A63H27/08"


def test_a_family_of_espacenet_has_the_number_that_the_epo_writes_elsewhere() -> None:
    patents = [replace(INVENTED[0], family="070000001"), replace(INVENTED[0], family="")]
    found, _ = read("espacenet", espacenet_csv(patents), title_only=True)
    assert [each["family"] for each in found] == ["70000001", ""]


# PATENTSCOPE


def test_patentscope_has_five_rows_above_its_header_and_days_before_months() -> None:
    found = row("patentscope", table(patentscope_rows([replace(INVENTED[0], office="WO", number="2099999001", kind="")])))
    assert (found["id"], found["office"], found["publication_date"]) == ("WO2099999001", "WO", "2019-02-28")


def test_patentscope_falls_back_on_the_id_of_the_application() -> None:
    cells = {"Application Id": "WO2099999002", "Abstract": "A kite.", "Publication Date": "03.05.2020", "I P C": "G06N 3/08"}
    found = row("patentscope", one(PATENTSCOPE_HEADER, cells))
    assert (found["id"], found["ipc"], found["cpc"]) == ("WO2099999002", "G06N3/08", "")


def test_patentscope_lists_its_priorities_in_any_order_and_may_list_none() -> None:
    cells = {
        "Application Id": "WO2099999002",
        "Abstract": "A kite.",
        "Priorities Data": "1/2 04.05.2019 US; 03.02.2018 EP 99.9",
    }
    assert row("patentscope", one(PATENTSCOPE_HEADER, cells))["priority_date"] == "2018-02-03"
    assert not row("patentscope", one(PATENTSCOPE_HEADER, {**cells, "Priorities Data": "31.02.2018 US"}))["priority_date"]


# Derwent


def derwent_row(**cells: str) -> str:
    return (
        "\t".join(DERWENT_HEADER) + "\n" + "\t".join({"PN": "WO9-A1", **cells}.get(name, "") for name in DERWENT_HEADER) + "\n"
    )


def test_derwent_headings_go_and_what_stands_below_them_stays_but_for_the_drawings() -> None:
    assert derwent_abstract("   NOVELTY - A kite flies.    USE - For play.    ADVANTAGE - It is quiet.   ") == (
        "A kite flies. For play. It is quiet."
    )
    assert derwent_abstract("NOVELTY - A. DETAILED DESCRIPTION - INDEPENDENT CLAIMS are included for: (1) a shop.") == (
        "A. INDEPENDENT CLAIMS are included for: (1) a shop."
    )
    assert derwent_abstract("USE - For play. DESCRIPTION OF DRAWING(S) - The drawing shows a spar. Spar (10)") == "For play."


@pytest.mark.parametrize("text", ["A DRAM - NAND bridge.", "The range is 5 - 10 m.", "A - B - C", "An LED - lit kite - flies."])
def test_a_dash_in_the_text_of_derwent_is_mostly_no_heading(text: str) -> None:
    assert derwent_abstract(f"NOVELTY - {text}") == text


def test_derwent_marks_are_characters_like_any_other() -> None:
    found = row("derwent", derwent_row(TI='"Kite" with a 5" spar', AB='NOVELTY - A 5" kite.'))
    assert (found["title"], found["abstract"]) == ('"Kite" with a 5" spar', 'A 5" kite.')


def test_derwent_names_carry_codes_of_which_only_that_of_a_person_says_what_it_is() -> None:
    found = row("derwent", derwent_row(TI="A kite", AE="KITES LTD (KITE-C); DOE J (DOEJ-I); INST INVENTED (INVE-N)"))
    assert found["applicants"] == "KITES LTD;DOE J;INST INVENTED"
    assert found["applicant_types"] == ";individual;"


def test_derwent_dates_are_those_of_the_member_that_comes_first() -> None:
    found = row(
        "derwent",
        derwent_row(
            TI="A kite",
            PN="WO2020999999-A1; US10-B2",
            PD="WO2020999999-A1   25 Jun 2020   G06N-003/08   202052   Pages: 30   English; US10-B2   01 Jan 2019",
            PI="US9P   20 Dec 2018; US8P   21 Nov 2017",
            IP="G06N-003/08; G06F-017/10",
        ),
    )
    assert (found["id"], found["publication_date"], found["priority_date"]) == ("WO2020999999A1", "2020-06-25", "2017-11-21")
    assert found["ipc"] == "G06N3/08;G06F17/10"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_derwent_comes_as_utf_8_or_utf_16(encoding: str) -> None:
    assert [each["id"] for each in rows("derwent", derwent(INVENTED, encoding))] == [patent.id for patent in INVENTED]


# Chinese exports


def incopat(**cells: str) -> str:
    return one(INCOPAT_HEADER, {"公开（公告）号": "CN999999999A", **cells})


def test_the_english_abstract_is_used_where_there_is_one() -> None:
    found = row(
        "incopat",
        incopat(**{"标题 (中文)": "风筝", "标题 (英文)": "Kite", "摘要 (中文)": "风筝飞。", "摘要 (英文)": "It flies."}),
    )
    assert (found["title"], found["abstract"]) == ("Kite", "It flies.")


def test_a_chinese_text_alone_is_passed_on_as_it_is() -> None:
    found = row("incopat", incopat(**{"标题 (中文)": "风筝", "摘要 (中文)": "本发明的风筝飞。"}))
    assert (found["title"], found["abstract"]) == ("风筝", "本发明的风筝飞。")


def test_of_an_original_and_a_translation_the_one_in_letters_is_used_whichever_it_is() -> None:
    for original, translated in (("It flies in the wind.", "风筝在风中飞。"), ("风筝在风中飞。", "It flies in the wind.")):
        content = table(
            [["公开(公告)号", "标题", "摘要", "摘要(翻译)", "合享价值度"], ["US9A", "Kite", original, translated, "9"]]
        )
        assert row("incopat", content)["abstract"] == "It flies in the wind."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_chinese_tables_come_in_several_encodings(encoding: str) -> None:
    [content] = incopat_csv(INVENTED).values()
    found = rows("incopat", {"x.csv": content.decode("gb18030").encode(encoding)})
    assert [each["id"] for each in found] == [patent.id for patent in INVENTED]


def test_countries_and_types_belong_to_the_applicants_one_by_one_or_not_at_all() -> None:
    found = row(
        "incopat", incopat(**{"申请人": "甲; 乙; 丙", "申请人国别代码": "CN; ; US", "申请人类型": "企业; 大专院校; 个人"})
    )
    assert found["applicant_countries"] == "CN;;US"
    assert found["applicant_types"] == "enterprise;university;individual"
    found = row("incopat", incopat(**{"申请人": "甲; 乙; 丙", "申请人国别代码": "CN; US", "申请人类型": "企业"}))
    assert (found["applicants"], found["applicant_countries"], found["applicant_types"]) == ("甲;乙;丙", "", "")


def test_patsnap_splits_at_bars_and_a_comma_parts_a_name() -> None:
    cells = {
        "公开(公告)号": "US9999999B2",
        "摘要": "A kite.",
        "[标]原始申请(专利权)人": "DOE, JANE | Kites Ltd",
        "[标]当前申请(专利权)人": "Later Ltd",
        "IPC分类号": "G06N3/08 | A63H27/08",
        "简单同族": "WO1A1 | US9999999B2",
    }
    found = row("patsnap", one(PATSNAP_HEADER, cells))
    assert found["applicants"] == "DOE, JANE;Kites Ltd"
    assert found["ipc"] == "G06N3/08;A63H27/08"
    assert found["family"] == "US9999999B2"


def test_cnipa_falls_back_on_the_number_of_the_application() -> None:
    cells = {"申请号": "CN209910012345.X", "申请日": "2099.01.02", "摘要": "风筝。", "主分类号": "G06N3/08(2006.01)I"}
    found = row("cnipa", one(CNIPA_HEADER, cells))
    assert (found["id"], found["filing_date"], found["ipc"]) == ("CN209910012345.X", "2099-01-02", "G06N3/08")


def test_a_row_in_another_encoding_than_the_rest_is_rejected_alone() -> None:
    [content] = cnipa_csv(INVENTED).values()
    lines = content.decode("gb18030").encode().splitlines(keepends=True)
    mixed = b"".join([*lines, lines[1].decode().encode("gb18030"), lines[2]])
    found, rejects = read("cnipa", {"x.csv": mixed})
    assert len(found) == 3
    assert [(each.place, each.file) for each in rejects] == [("row 3", "x.csv")]
    assert "UTF-8" in rejects[0].reason


# Workbooks


def test_dates_in_a_workbook_may_be_dates_texts_or_numbers_of_days() -> None:
    header, first, *_ = incopat_rows(INVENTED)
    for place, written in (
        (header.index("申请日"), 43954),
        (header.index("公开（公告）日"), "2020/5/3"),
        (header.index("最早优先权日"), 20200503),
    ):
        first[place] = written  # type: ignore[call-overload]
    found = row("incopat", workbook([header, first]))
    assert {found[name] for name in ("filing_date", "publication_date", "priority_date")} == {"2020-05-03"}


def test_a_number_of_days_is_a_date_only_in_a_workbook() -> None:
    assert row("incopat", incopat(**{"申请日": "43954"}))["filing_date"] == ""


def test_every_worksheet_with_a_header_is_read_and_others_are_not() -> None:
    import io

    import xlsxwriter

    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        for name, content in (("notes", [["made in 2099"]]), ("1", incopat_rows(INVENTED)), ("2", incopat_rows(INVENTED[:1]))):
            sheet = book.add_worksheet(name)
            for place, cells in enumerate(content):
                sheet.write_row(place, 0, cells)
    found = rows("incopat", {"x.xlsx": buffer.getvalue()})
    assert [each["id"] for each in found] == [*(patent.id for patent in INVENTED), INVENTED[0].id]


# Rows


def test_a_file_of_another_source_is_refused_with_what_was_looked_for() -> None:
    with pytest.raises(
        InputError, match=r"^x.csv: no Lens export: its first lines name no columns such as display key, lens id$"
    ):
        read("lens", {"x.csv": b"a,b\n1,2\n"})


def test_an_unknown_format_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InputError, match=r"no format 'lense'; did you mean 'lens'\?"):
        next(formats.read("lense", []))


def test_a_column_that_comes_twice_is_refused_if_it_is_needed() -> None:
    with pytest.raises(InputError, match="the header names the column 'Title' twice"):
        read("lens", {"x.csv": table([[*LENS_HEADER, "Title"], ["", *LENS_HEADER]]).encode()})
    assert row("lens", table([[*LENS_HEADER, "URL"], [*one_cells(), ""]]))["id"] == "EP999A1"


def one_cells() -> list[str]:
    return [{"Display Key": "EP 999 A1", "Abstract": "A kite."}.get(name, "") for name in LENS_HEADER]


def lines(*cells: str) -> str:
    return "Display Key,Lens ID,Title,Abstract\n" + "".join(f"{each}\n" for each in cells)


def test_a_row_of_too_few_or_too_many_cells_is_rejected_alone() -> None:
    content = lines("EP1A,1,A,B", "EP2A,2,A", "EP3A,3,A,B,C", "EP4A,4,A,B,,", "EP5A,5,A,B")
    found, rejects = read("lens", {"x.csv": content.encode()})
    assert [each["id"] for each in found] == ["EP1A", "EP4A", "EP5A"]
    assert [(each.place, each.reason[:33]) for each in rejects] == [
        ("row 2", "has 3 fields where the header has"),
        ("row 3", "has 5 fields where the header has"),
    ]


def test_a_mark_that_nothing_closes_costs_its_own_line_only() -> None:
    content = lines("EP1A,1,A,B", 'EP2A,2,"A,B', *(f"EP{n}A,{n},A,B" for n in range(3, 9)))
    found, rejects = read("lens", {"x.csv": content.encode()})
    assert [each["id"] for each in found] == [f"EP{n}A" for n in (1, *range(3, 9))]
    assert [each.place for each in rejects] == ["row 2"]


def test_line_feeds_within_a_cell_are_spaces_in_the_text() -> None:
    assert row("lens", lines('EP1A,1,"A\nkite","It\r\nflies"'))["abstract"] == "It flies"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_any_way(end: str) -> None:
    content = lines("EP1A,1,A,B", "EP2A,2,A,B").replace("\n", end)
    assert [each["id"] for each in rows("lens", {"x.csv": content.encode()})] == ["EP1A", "EP2A"]


def test_blank_rows_are_passed_over_and_empty_documents_rejected() -> None:
    assert reasons("lens", lines("", ",,,", "EP1A,1,A,B", ",,, ")) == []
    content = "Display Key,Lens ID,Title,Abstract,URL\n,,,,x\n"
    assert reasons("lens", content) == ["row 1: has neither title nor abstract nor number"]


def test_the_header_of_a_second_file_within_a_file_is_no_document() -> None:
    content = lines("EP1A,1,A,B") + lines("EP2A,2,A,B")
    assert reasons("lens", content) == ["row 2: is the header once more"]


def test_documents_that_come_twice_pass_through() -> None:
    [content] = lens_csv([INVENTED[0], INVENTED[0]]).values()
    assert len(rows("lens", {"x.csv": content})) == 2


def test_several_files_are_read_one_after_the_other_and_places_name_them() -> None:
    files = {"a.csv": lines("EP1A,1,A,B", "EP2A").encode(), "b.csv": lines("EP3A,3,A,B", "EP4A,4").encode()}
    found, rejects = read("lens", files)
    assert [each["id"] for each in found] == ["EP1A", "EP3A"]
    assert [(each.file, each.place) for each in rejects] == [("a.csv", "row 2"), ("b.csv", "row 2")]


def test_batches_stay_small_and_hold_all_documents() -> None:
    content = lines(*(f"EP{n}A,{n},A,B" for n in range(5_001)))
    heights = [batch.frame.height for batch in formats.read("lens", inputs_of({"x.csv": content.encode()}))]
    assert sum(heights) == 5_001
    assert max(heights) <= 2_000


def test_a_document_has_what_its_columns_say() -> None:
    [batch] = formats.read("incopat", inputs_of(incopat_csv(INVENTED)))
    kite, loom = formats.documents(batch.frame)
    assert kite.dates == {"filing": "2017-03-14", "priority": "2016-03-15", "publication": "2019-02-28"}
    assert loom.dates["grant"] == "2018-11-13"
    assert [(each.name, each.country, each.type) for each in loom.applicants] == list(INVENTED[1].applicants)
    assert (kite.cpc, kite.ipc, kite.office, kite.kind) == (INVENTED[0].cpc, INVENTED[0].ipc, "US", "A1")
    assert kite.text == f"{INVENTED[0].title}\n{INVENTED[0].abstract}"


def test_a_row_that_is_too_long_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    from ipclass.formats import rows as row_reader

    monkeypatch.setattr(row_reader, "LARGEST", 5_000)
    long = "x" * 20_000
    content = lines("EP1A,1,A,B", f"EP2A,2,A,{long}", "EP3A,3,A,B", f'EP4A,4,A,"{long}', "EP5A,5,A,B")
    found, rejects = read("lens", {"x.csv": content.encode()})
    assert [each["id"] for each in found] == ["EP1A", "EP3A", "EP5A"]
    assert [each.place for each in rejects] == ["row 2", "row 4"]


def test_a_workbook_that_is_too_large_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from ipclass import excel

    monkeypatch.setattr(excel, "LARGEST_FILE", 1_000)
    with pytest.raises(InputError, match=r"^x.xlsx: a workbook of more than 0 MB; save it as CSV UTF-8$"):
        read("incopat", {"x.xlsx": workbook(incopat_rows(INVENTED))})


def test_a_file_that_cannot_be_read_has_no_head() -> None:
    def gone() -> object:
        raise FileNotFoundError(2, "No such file or directory")

    with pytest.raises(InputError, match=r"^x: cannot be read: .*No such file"):
        formats.head_of(formats.Input("x", gone))  # type: ignore[arg-type]
