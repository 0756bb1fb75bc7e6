"""The commands ``shares``, ``indicators`` and ``high-value``: what they print, write, verify and refuse."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from conftest import Ended, ipclass, patents, write_csv

from ipclass import batch, tables
from ipclass import tagged as tagging
from ipclass.cli_shares import readable
from ipclass.grouping import Request
from ipclass.model import Model

QUICK = ("--draws", "50")
REQUEST = {each.name for each in fields(Request)}


def refuse(constant: str) -> None:
    pytest.fail(f"{constant} is not JSON")


def strict_json(content: str | bytes) -> Any:
    return json.loads(content, parse_constant=refuse)


def refused(found: Ended) -> str:
    """Return what was said, after checking that it is one line on standard error, and nothing on standard output."""
    assert (found.code, found.out, len(found.lines)) == (1, b"", 1), found.err
    assert found.err.startswith("ipclass: ")
    return found.err.strip()


@pytest.fixture(scope="session")
def model() -> Model:
    return batch.load("")


@pytest.fixture(scope="session")
def simulated(model: Model) -> pl.DataFrame:
    """A tagged table of 1,500 documents, a fifth truly of each label, the last of them unscored."""
    rng = np.random.default_rng(0)
    n = 1500
    added: dict[str, Any] = {}
    for label in model.labels.ids:
        target = model.targets[model.column(label, "strict")]
        positive, negative = (rng.choice(target.held_out[chosen], n) for chosen in (target.truth, ~target.truth))
        probabilities = target.platt(np.where(rng.random(n) < 0.2, positive, negative))
        added[label] = (probabilities >= target.threshold).astype(int)
        added[f"{label}_probability"] = [*np.round(probabilities, 6).tolist()[:-1], None]
    return pl.DataFrame(
        {
            "title": ["T"] * n,
            "country": ["US", "CN", "DE"] * (n // 3 - 7) + ["IS"] * 21,
            "filing_date": [f"{2015 + number % 5}-03-01" for number in range(n)],
            "assignee": ["Acme GmbH", "ACME", "Bolt, Inc.", "Cog", ""] * (n // 5),
            "family_id": [f"F{number // 2}" for number in range(n)],
            **added,
            "tagged_by": [batch.tagged_by(model, "strict")] * n,
        }
    )


@pytest.fixture
def tagged(simulated: pl.DataFrame, tmp_path: Path) -> Path:
    path = tmp_path / "tagged.csv"
    simulated.write_csv(path)
    return path


@pytest.fixture(scope="session")
def other_model(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped model, but for one threshold."""
    folder = tmp_path_factory.mktemp("models") / "other"
    first, *rest = model.targets
    changed = replace(model, targets=(replace(first, threshold=first.threshold + 0.01), *rest))
    changed.save(folder)
    return folder


@pytest.fixture
def stored(tagged: Path, tmp_path: Path) -> Path:
    path = tmp_path / "shares.csv"
    found = ipclass("shares", tagged, "--by", "country,year", "--seed", "3", *QUICK, "-o", path)
    assert (found.code, found.out, found.lines) == (0, b"", [f"{path}: 80 rows"])
    return path


def beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


# What is printed


@pytest.mark.parametrize("command", ["shares", "indicators", "high-value"])
def test_the_help_has_an_example(command: str) -> None:
    found = ipclass(command, "--help")
    assert found.code == 0
    assert f"Example: ipclass {command} tagged.csv" in re.sub(r"\s+", " ", found.out.decode())


def test_the_table_to_read_has_the_figures_in_per_cent_and_says_how_it_was_made(tagged: Path, model: Model) -> None:
    found = ipclass("shares", tagged, "--by", "country", "-l", "ai", *QUICK)
    assert (found.code, found.err) == (0, "")
    lines = found.out.decode().splitlines()
    assert lines[0].split() == "label country n unscored counted share low high flags".split()
    shown = {line.split()[1]: line.split() for line in lines[1:5]}
    assert set(shown) == {"CN", "DE", "IS", "US"}
    made = tables.share_table(str(tagged), model, Request(by=("country",), labels=("ai",), draws=50))
    for cell in made.cells:
        row = shown[cell.group[0]]
        assert row[2:4] == [f"{cell.share.n:,.0f}", f"{cell.unscored:.0f}"]
        assert row[4] == f"{cell.share.naive:.2%}"
        if cell.share.printable:
            assert row[5:8] == [f"{value:.2%}" for value in (cell.share.share, cell.share.low, cell.share.high)]
        else:
            assert row[5:8] == ["/", "/", "/"]
        assert row[8:] == [cell.share.flags]
    assert shown["IS"][5] == "/"
    said = "\n".join(lines[5:])
    for words in (
        "Definition: strict",
        model.digest[:12],
        "seed 0",
        "Counting: documents, whole",
        "Flags: e estimated",
        "sha256",
    ):
        assert words in said


def test_definition_and_method_are_columns_only_where_they_differ_and_all_fits_80_columns(tagged: Path) -> None:
    both = ipclass("shares", tagged, "--by", "country", "-d", "both", *QUICK).out.decode().splitlines()
    assert both[0].split()[:3] == ["definition", "label", "country"]
    assert {"strict", "broad"} <= {line.split(" ")[0] for line in both}
    one = ipclass("shares", tagged, "--by", "country,year", *QUICK).out.decode().split("\n\n")[0].splitlines()
    assert one[0].split()[:4] == ["label", "country", "year", "n"]
    found = ipclass("indicators", tagged, "--holder", "assignee").out.decode().splitlines()
    assert max(map(len, one + found)) <= 80


def test_a_share_below_the_floor_is_printed_as_less_than_the_floor() -> None:
    row = {"label": "ai", "n": 5000.0, "unscored": 0, "counted": 0.01, "share": 0.004, "low": 0.001, "high": 0.006}
    frame = pl.DataFrame([{**row, "floor": 0.005, "shift": 1.0}, {**row, "share": 0.006, "floor": 0.005, "shift": 1.0}])
    head, below, above = readable(frame)
    assert head.split() == ["label", "n", "unscored", "counted", "share", "low", "high"]
    assert "< 0.50%" in below
    assert "<" not in above
    assert "0.60%" in above


def test_what_nobody_scored_is_printed_as_a_slash(tagged: Path, simulated: pl.DataFrame) -> None:
    nothing = [pl.lit(None).alias(name) for name in simulated.columns if name.endswith("_probability")]
    simulated.with_columns(nothing).write_csv(tagged)
    found = ipclass("shares", tagged, "-l", "ai", *QUICK)
    assert found.out.decode().splitlines()[1].split() == ["ai", "0", "1,500", "/", "/", "/", "/", "/"]


def test_json_holds_the_cells_and_how_they_were_made(tagged: Path, model: Model) -> None:
    found = ipclass("shares", tagged, "--by", "assignee", "--top", "2", "--json", *QUICK)
    assert (found.code, found.err) == (0, "")
    facts = strict_json(found.out)
    assert [(cell["label"], cell["assignee"]) for cell in facts["cells"]] == [
        (label, name) for label in model.labels.ids for name in ("ACME", "BOLT")
    ]
    assert {cell["n"] for cell in facts["cells"]} == {600, 300}
    assert facts["names"] == {"ACME": ["ACME", "Acme GmbH"]}
    assert facts["made"]["model_digest"] == model.digest
    assert set(facts["made"]["request"]) == REQUEST


def test_json_has_null_and_never_nan_for_what_is_not_known(tagged: Path, simulated: pl.DataFrame) -> None:
    gone = [
        pl.when(pl.col("country") == "CN").then(None).otherwise(pl.col(name)).alias(name)
        for name in simulated.columns
        if name.endswith("_probability")
    ]
    simulated.with_columns(gone).write_csv(tagged)
    (tagged.parent / "people.csv").write_text("country,population\nUS,300\n", "utf-8")
    people = ("--population", tagged.parent / "people.csv")
    facts = strict_json(ipclass("shares", tagged, "--by", "country", *people, "--json", *QUICK).out)
    by_country = {cell["country"]: cell for cell in facts["cells"] if cell["label"] == "ai"}
    assert [by_country["CN"][name] for name in ("counted", "share", "low", "high", "per_10000")] == [None] * 5
    assert (by_country["DE"]["per_10000"], by_country["US"]["per_10000"] > 0) == (None, True)


@pytest.mark.parametrize("options", [(), ("--definition", "strict")])
def test_the_definition_is_by_default_that_of_the_table(
    tagged: Path, simulated: pl.DataFrame, model: Model, options: Any
) -> None:
    simulated.with_columns(tagged_by=pl.lit(batch.tagged_by(model, "broad"))).write_csv(tagged)
    facts = strict_json(ipclass("shares", tagged, "--json", *options, *QUICK).out)
    found = {(cell["definition"], "b" in cell["flags"]) for cell in facts["cells"]}
    assert found == ({("strict", True)} if options else {("broad", False)})


def test_both_definitions_of_a_raw_table_are_tagged_on_the_way(tmp_path: Path) -> None:
    raw = write_csv(tmp_path / "raw.csv", patents(40))
    facts = strict_json(ipclass("shares", raw, "-d", "both", "-l", "ai,6g", "--json", *QUICK).out)
    assert [(cell["definition"], cell["label"], cell["n"]) for cell in facts["cells"]] == [
        (definition, label, 40) for definition in ("strict", "broad") for label in ("ai", "6g")
    ]


def test_the_last_two_years_are_open_unless_said_otherwise(tagged: Path, simulated: pl.DataFrame) -> None:
    from datetime import UTC, datetime

    now = datetime.now(UTC).year
    simulated.with_columns(filing_date=pl.Series([f"{now - n % 4}-01-01" for n in range(len(simulated))])).write_csv(tagged)
    for options, first in (((), now - 1), (("--open-since", str(now)), now)):
        facts = strict_json(ipclass("shares", tagged, "--by", "year", "--json", *options, *QUICK).out)
        assert {int(cell["year"]) for cell in facts["cells"]} == {now, now - 1, now - 2, now - 3}
        assert all(("p" in cell["flags"]) == (int(cell["year"]) >= first) for cell in facts["cells"])
        assert facts["made"]["request"]["by"] == ["year:filing_date"]


@pytest.mark.parametrize("method", ["acc", "pacc", "pcc", "cc"])
def test_methods_are_named_by_their_letter(tagged: Path, method: str) -> None:
    facts = strict_json(ipclass("shares", tagged, "--method", method, "--json", *QUICK).out)
    letter = {"acc": "R", "pacc": "P", "pcc": "S", "cc": "C"}[method]
    assert {cell["method"] for cell in facts["cells"]} == {letter}
    if method == "cc":
        assert all(cell["share"] == cell["counted"] for cell in facts["cells"])


# What is written and verified


def test_a_written_table_has_its_provenance_beside_it(stored: Path, tagged: Path, model: Model) -> None:
    facts = strict_json(beside(stored).read_text("utf-8"))
    assert facts["table_sha256"] == tagging.sha256(str(stored))
    assert facts["input_sha256"] == tagging.sha256(str(tagged))
    assert facts["model_digest"] == model.digest
    assert facts["input"] == "tagged.csv"
    assert set(facts["request"]) == REQUEST
    assert (facts["request"]["seed"], facts["request"]["by"]) == (3, ["country", "year:filing_date"])
    assert {"ipclass", "numpy", "labels", "described", "names"} <= set(facts)
    frame = pl.read_csv(stored)
    assert frame.columns[:5] == ["definition", "label", "country", "year", "n"]
    assert len(frame) == 80
    assert frame.filter(label="ai").select(pl.sum("n") + pl.sum("unscored")).item() == 1500


def test_nothing_is_replaced_unless_it_is_forced(stored: Path, tagged: Path) -> None:
    for there in (stored, beside(stored)):
        before = {path: path.read_bytes() for path in (stored, beside(stored)) if path.exists()}
        assert refused(ipclass("shares", tagged, "-o", stored, *QUICK)) == f"ipclass: {there}: exists; --force replaces it"
        assert all(path.read_bytes() == content for path, content in before.items())
        stored.unlink(missing_ok=True)
    stored.write_text("old", "utf-8")
    assert ipclass("shares", tagged, "-o", stored, "--force", *QUICK).code == 0
    assert len(pl.read_csv(stored)) == 4
    assert ipclass("shares", tagged, "--verify", stored).code == 0


def test_verify_says_that_the_same_came_out(stored: Path, tagged: Path) -> None:
    found = ipclass("shares", tagged, "--verify", stored)
    assert (found.code, found.out, found.lines) == (0, b"", [f"{stored}: made again, the same to the digit"])


@pytest.mark.parametrize("ending", ["tsv", "parquet", "json", "xlsx"])
def test_a_table_of_any_format_can_be_verified_and_a_change_is_seen(tagged: Path, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"shares.{ending}"
    found = ipclass("shares", tagged, "--by", "year", "-l", "ai", *QUICK, "-o", path)
    assert (found.code, found.lines) == (0, [f"{path}: 5 rows"])
    assert ipclass("shares", tagged, "--verify", path).code == 0
    facts = strict_json(beside(path).read_text("utf-8"))
    assert {"table_sha256", "figures_sha256", "described"} <= set(facts)
    beside(path).write_text(json.dumps({**facts, "request": {**facts["request"], "seed": 9}}), "utf-8")
    assert "the figures come out differently" in refused(ipclass("shares", tagged, "--verify", path))
    path.write_bytes(path.read_bytes() + b" ")
    assert "changed since it was written" in refused(ipclass("shares", tagged, "--verify", path))


def test_json_lines_of_classify_are_counted(tmp_path: Path) -> None:
    raw = write_csv(tmp_path / "raw.csv", patents(40))
    tables_ = {}
    for ending in ("csv", "jsonl"):
        assert ipclass("classify", raw, "-o", tmp_path / f"t.{ending}", "-q").code == 0
        found = ipclass("shares", tmp_path / f"t.{ending}", "--by", "year", "--method", "cc", "--json", *QUICK)
        tables_[ending] = strict_json(found.out)["cells"]
    assert tables_["csv"] == tables_["jsonl"]
    assert len(tables_["csv"]) == 160


def test_families_breaks_and_split_labels_are_asked_for_and_told(tagged: Path) -> None:
    options = ["--by", "year", "--unit", "family", "--split-labels", "--break", "year=2017:new office", "-l", "ai"]
    found = ipclass("shares", tagged, *options, *QUICK)
    assert (found.code, found.err) == (0, "")
    said = found.out.decode()
    assert "Counting: families, whole, a document of several labels in equal parts" in said
    assert "Break: from year 2017 on: new office." in said
    rows = [line.split() for line in said.splitlines()[1:6]]
    assert {row[1]: "b" in row[-1] for row in rows} == {year: year == "2017" for year in "2015 2016 2017 2018 2019".split()}
    assert sum(int(row[2]) + int(row[3]) for row in rows) == 750


def test_growth_in_the_command_ends_before_the_open_years(tagged: Path) -> None:
    for options, last in (([], "2019"), (["--open-since", "2018"], "2017"), (["--open-since", "2018", "--to-open"], "2019")):
        facts = strict_json(ipclass("indicators", tagged, "-l", "ai", *options, "--json").out)
        assert {row["to"] for row in facts["growth a year"]} == {last}
    broken = strict_json(ipclass("indicators", tagged, "-l", "ai", "--break", "year=2017:new office", "--json").out)
    assert broken["growth a year"][0]["withheld"] == "the series breaks in 2017: new office"


def test_verify_knows_every_parameter(tagged: Path, tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    options = ["--by", "assignee", "-l", "ai,bci", "--method", "pacc", "--where", "country != 'IS'", "--family", "family_id"]
    options += [
        "--fractional",
        "--split-labels",
        "--break",
        "assignee=ACME:merger",
        "--top",
        "2",
        "--open-since",
        "2018",
        "--level",
        "0.9",
        "--seed",
        "8",
        *QUICK,
    ]
    assert ipclass("shares", tagged, *options, "-o", path).code == 0
    assert ipclass("shares", tagged, "--verify", path).code == 0


def test_verify_refuses_after_a_change_of_the_input(stored: Path, tagged: Path, simulated: pl.DataFrame) -> None:
    simulated.with_columns(country=pl.col("country").replace("US", "CN")).write_csv(tagged)
    said = refused(ipclass("shares", tagged, "--verify", stored))
    assert f"{stored}: not the same when made again: input_sha256: stored " in said


def test_verify_refuses_after_a_change_of_the_table(stored: Path, tagged: Path) -> None:
    content = stored.read_text("utf-8")
    stored.write_text(content.replace("0.1", "0.2", 1), "utf-8")
    assert stored.read_text("utf-8") != content
    assert f"{stored}: changed since it was written" in refused(ipclass("shares", tagged, "--verify", stored))


def test_verify_refuses_after_a_change_of_the_model(stored: Path, tagged: Path, other_model: Path) -> None:
    said = refused(ipclass("shares", tagged, "--verify", stored, "-m", other_model))
    assert "model_digest: stored " in said


@pytest.mark.parametrize(
    "change", [{"seed": 4}, {"draws": 60}, {"level": 0.9}, {"method": "acc"}, {"labels": ["ai"]}, {"by": ["country"]}], ids=str
)
def test_verify_refuses_after_a_change_of_a_parameter(stored: Path, tagged: Path, change: dict[str, Any]) -> None:
    facts = strict_json(beside(stored).read_text("utf-8"))
    facts["request"] |= change
    beside(stored).write_text(json.dumps(facts), "utf-8")
    assert "the figures come out differently" in refused(ipclass("shares", tagged, "--verify", stored))


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", '{"request": 1}', '{"request": {"bye": []}}', "{"])
def test_verify_needs_to_know_how_the_table_was_made(stored: Path, tagged: Path, content: str) -> None:
    beside(stored).write_text(content, "utf-8")
    said = refused(ipclass("shares", tagged, "--verify", stored))
    assert f"{beside(stored)}: does not say how {stored} was made" in said


def test_verify_needs_the_table(stored: Path, tagged: Path) -> None:
    stored.unlink()
    assert f"{stored}: cannot be read: No such file or directory" in refused(ipclass("shares", tagged, "--verify", stored))


def test_verify_makes_rates_per_inhabitant_again_from_the_population(tagged: Path, tmp_path: Path) -> None:
    path, people = tmp_path / "rates.csv", tmp_path / "people.csv"
    people.write_text("country,population\nUS,1000000\n", "utf-8")
    assert ipclass("shares", tagged, "--by", "country", "--population", people, "-o", path, *QUICK).code == 0
    assert pl.read_csv(path)["per_10000"].null_count() == 12
    assert strict_json(beside(path).read_text("utf-8"))["population_sha256"] == tagging.sha256(str(people))
    assert ipclass("shares", tagged, "--verify", path, "--population", people).code == 0
    assert "with the population of people.csv; name it with --population" in refused(
        ipclass("shares", tagged, "--verify", path)
    )
    people.write_text("country,population\nUS,2000000\n", "utf-8")
    said = refused(ipclass("shares", tagged, "--verify", path, "--population", people))
    assert "the figures come out differently" in said


# Mistakes


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--by", "cuntry"], "no column 'cuntry'; did you mean 'country'? There are: "),
        (["--by", "year:filed"], "no column 'filed'"),
        (["--by", "label"], "no column 'label'"),
        (["--where", "cuntry = 'US'"], "no column 'cuntry'; did you mean 'country'? There are: "),
        (["--where", "country ="], "as in"),
        (["--where", "country"], "is a value, not a condition"),
        (["--where", "country = 'XX'"], "no documents left where country = 'XX'"),
        (["--family", "famly_id"], "did you mean 'family_id'?"),
        (["-l", "a1"], "no label 'a1'"),
        (["--by", "country", "--population", "none.csv"], "none.csv: cannot be read as a table of population"),
        (["-m", "none"], "none: no model here"),
        (["-o", "none/shares.csv"], "none/shares.csv: its folder does not exist"),
        (["-o", "shares.doc"], "shares.doc: no table for the ending '.doc'; "),
        (["--by", "year", "--break", "year=2016"], "write it as COLUMN=VALUE:REASON"),
        (["--by", "country", "--break", "year=2016:law"], "--break year=2016: not broken down by it; There are: country"),
        (["--by", "year", "--break", "year=2106:law"], "--break year=2106: no such group; did you mean '2016'?"),
        (["--verify", "none.csv"], "none.csv.json: no such file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line(
    tagged: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if options == ["--by", "label"]:
        said = "--by 'label': a table of shares has a column of that name already"
    assert said in refused(ipclass("shares", tagged, *options, *QUICK))
    assert [path.name for path in tmp_path.iterdir()] == ["tagged.csv"]


@pytest.mark.parametrize("command", ["shares", "indicators"])
def test_a_file_that_is_no_table_is_one_line(tmp_path: Path, command: str) -> None:
    (tmp_path / "empty.csv").write_text("", "utf-8")
    (tmp_path / "false.parquet").write_text("title,abstract\n", "utf-8")
    (tmp_path / "false.xlsx").write_text("title,abstract\n", "utf-8")
    (tmp_path / "no.csv").write_text("a,b\n1,2\n", "utf-8")
    (tmp_path / "only.csv").write_text("title,abstract\n", "utf-8")
    for name, said in (
        ("none.csv", "no such file"),
        ("empty.csv", "empty"),
        ("false.parquet", "not a Parquet table"),
        ("table.docx", "no such file"),
        ("false.xlsx", "not an Excel file"),
        ("no.csv", "no column for title or abstract"),
        ("only.csv", "no documents left: a share of nothing is not 0"),
    ):
        assert said in refused(ipclass(command, tmp_path / name))


@pytest.mark.parametrize("ending", ["xlsx", "csv.gz", "csv.zst", "parquet", "jsonl"])
def test_a_tagged_table_gives_the_same_shares_whatever_its_format(
    patents_csv: Path, tiny_model: str, tmp_path: Path, ending: str
) -> None:
    found = []
    for name in ("tagged.csv", f"tagged.{ending}"):
        assert ipclass("classify", patents_csv, "-o", tmp_path / name, "-m", tiny_model).code == 0
        told = ipclass("shares", tmp_path / name, "-m", tiny_model, "--method", "cc", "--json")
        assert told.code == 0, told.err
        found.append([(each["label"], each["n"], each["counted"]) for each in json.loads(told.out)["cells"]])
    assert found[0] == found[1]
    assert found[0]


@pytest.mark.parametrize("command", ["shares", "indicators"])
def test_standard_input_is_refused_since_it_cannot_be_read_twice(command: str, simulated: pl.DataFrame) -> None:
    for options in ([], ["-d", "strict"]):
        said = refused(ipclass(command, "-", *options, stdin=simulated.write_csv().encode()))
        assert "standard input cannot be" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["shares"],
        ["shares", "a.csv", "b.csv"],
        ["shares", "a.csv", "--top", "-1"],
        ["shares", "a.csv", "--draws", "5"],
        ["shares", "a.csv", "--level", "95"],
        ["shares", "a.csv", "--seed", "-1"],
        ["shares", "a.csv", "--unit", "famly"],
        ["shares", "a.csv", "--buy", "year"],
        ["indicators"],
        ["indicators", "a.csv", "--seed", "-1"],
        ["high-value", "a.csv"],
    ],
    ids=" ".join,
)
def test_a_wrong_call_ends_with_2_and_says_how_to_call(arguments: list[str]) -> None:
    found = ipclass(*arguments)
    assert (found.code, found.out) == (2, b"")
    assert "Usage" in found.err


# Indicators


def test_indicators_are_printed_as_tables_with_reasons(tagged: Path) -> None:
    found = ipclass("indicators", tagged, "--holder", "assignee")
    assert (found.code, found.err) == (0, "")
    said = found.out.decode()
    for title in ("growth a year\n", "advantage by country\n", "overlap\n", "concentration\n"):
        assert f"\n{title}" in f"\n{said}"
    lines = [line.strip() for line in said.splitlines()]
    iceland = [line.split() for line in lines if line.split()[1:2] == ["IS"]]
    assert len(iceland) == 4
    assert all(row[2:6] == ["/"] * 4 for row in iceland)
    assert all(any(line.startswith(f"/ {row[0]} IS: 20 documents, fewer than 500") for line in lines) for row in iceland)


def test_indicators_as_json_are_valid_and_withheld_figures_are_null(tagged: Path) -> None:
    facts = strict_json(ipclass("indicators", tagged, "--holder", "assignee", "--json").out)
    assert set(facts) == {"growth a year", "advantage by country", "overlap", "concentration"}
    iceland = [row for row in facts["advantage by country"] if row["group"] == "IS"]
    assert [row["value"] for row in iceland] == [None] * 4
    assert len(facts["overlap"]) == 6
    assert {(row["from"], row["to"]) for row in facts["growth a year"]} == {("2015", "2019")}


def test_indicators_obey_their_seed(tagged: Path) -> None:
    first, again, other = (ipclass("indicators", tagged, "--json", "--seed", seed).out for seed in ("1", "1", "2"))
    assert first == again != other


def test_what_indicators_leave_out_for_want_of_a_column_is_said(tagged: Path, simulated: pl.DataFrame) -> None:
    simulated.drop("filing_date", "country").write_csv(tagged)
    found = ipclass("indicators", tagged, "--json")
    assert found.code == 0
    assert set(strict_json(found.out)) == {"overlap"}
    assert found.lines == [
        "no growth: the table has no column 'year', or nothing in it",
        "no advantage: the table has no column 'country', or nothing in it",
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--of", "cuntry"], "no column 'cuntry'; did you mean 'country'? There are: "),
        (["--holder", "asignee"], "no column 'asignee'; did you mean 'assignee'? There are: "),
        (["--year", "year:filed"], "no column 'filed'"),
        (["--where", "country = 'XX'"], "no documents left where country = 'XX'"),
        (["-l", "a1"], "no label 'a1'"),
        (["-d", "broad"], "not all rows were tagged by this model as broad"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_about_indicators_is_one_line(tagged: Path, options: list[str], said: str) -> None:
    assert said in refused(ipclass("indicators", tagged, *options))


# High value


def test_high_value_adds_a_column_that_a_condition_can_ask_for(tagged: Path, simulated: pl.DataFrame, tmp_path: Path) -> None:
    award = ["yes"] * 300 + ["no"] * 1200
    simulated.drop("filing_date").with_columns(award=pl.Series(award)).write_csv(tagged)
    path = tmp_path / "valued.csv"
    found = ipclass("high-value", tagged, "-o", path, "--as-of", "2026-01-31")
    assert (found.code, found.out) == (0, b"")
    assert f"{path}: 300 of high value, 0 not, 1,200 open" in found.err
    assert "not applied, for want of columns" in found.err
    facts = strict_json(ipclass("shares", path, "--where", "high_value == true", "--json", *QUICK).out)
    assert {cell["n"] for cell in facts["cells"]} == {300}


def test_high_value_refuses_what_is_there_and_a_day_that_is_none(tagged: Path, tmp_path: Path) -> None:
    assert "exists; --force replaces it" in refused(ipclass("high-value", tagged, "-o", tagged))
    said = refused(ipclass("high-value", tagged, "-o", tmp_path / "v.csv", "--as-of", "January"))
    assert "--as-of 'January'" in said
    assert not (tmp_path / "v.csv").exists()


def test_tables_that_are_damaged_or_cannot_be_written_are_one_line(tagged: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(b"PAR1 and nothing else PAR1")
    for command in (["shares", damaged], ["high-value", damaged, "-o", tmp_path / "v.csv"]):
        assert "damaged.parquet: " in refused(ipclass(*command))
    assert "its folder does not exist" in refused(ipclass("high-value", tagged, "-o", tmp_path / "none" / "v.csv"))


def test_high_value_reads_and_writes_what_every_command_does(tmp_path: Path) -> None:
    rows = [{"id": f"A{n}", "title": "=1+1", "award": "yes" if n % 2 else "no"} for n in range(9)]
    write_csv(tmp_path / "in.csv", rows)
    for name, then in (("a.jsonl", "b.csv.gz"), ("b.csv.gz", "c.parquet"), ("c.parquet", "d.csv")):
        source = tmp_path / ("in.csv" if name == "a.jsonl" else name)
        if name == "a.jsonl":
            assert ipclass("high-value", source, "-o", tmp_path / name).code == 0
        found = ipclass("high-value", tmp_path / name, "-o", tmp_path / then, "--prefix", f"{name[0]}_")
        assert found.code == 0, found.err
        assert "4 of high value, 0 not, 5 open" in found.err
    made = pl.read_csv(tmp_path / "d.csv", infer_schema=False)
    assert made.columns == ["id", "title", "award", "high_value", "a_high_value", "b_high_value", "c_high_value"]
    assert made["c_high_value"].to_list() == [None, "true"] * 4 + [None]
    assert made["title"].unique().to_list() == ["'=1+1"]
    assert "a file instead of standard input" in refused(ipclass("high-value", "-", "-o", tmp_path / "e.csv"))
