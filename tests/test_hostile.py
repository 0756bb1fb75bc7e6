"""Files as bad days and bad people make them. Whatever is in them: the run ends, in time and in little memory; either with
one line and exit code 1, or with every row tagged or told. Each line of a table has its own id, so that none can go missing.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import re
import resource
import signal
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard
from conftest import Ended, ipclass

from ipclass import excel
from ipclass.excel import Sheet

Files = dict[str, bytes]
SECONDS = 20
MEGABYTES = 600
ROWS = 20
KITE = "The kite has a bridle and a tail, so that it flies steadily in gusts of wind"
HEAD = ["id", "title", "abstract"]
TABLE = [[f"K{row:02d}", f"Kite {row}", f"{KITE}, and {row}."] for row in range(ROWS)]
BODIES = [",".join([one, two, f'"{three}"']) for one, two, three in TABLE]


def text(rows: list[str], head: str = ",".join(HEAD), end: str = "\n") -> bytes:
    return end.join([head, *rows, ""]).encode()


PLAIN = text(BODIES)
LINES = b"".join(json.dumps(dict(zip(HEAD, row, strict=True))).encode() + b"\n" for row in TABLE)


def damages(content: bytes, times: int, seed: int) -> Iterator[bytes]:
    """Yield ``content`` cut off, and with bytes changed, put in or taken out."""
    chance = random.Random(seed)
    for turn in range(times):
        at = chance.randrange(len(content))
        wrong = chance.choice(
            [b"\0", b"\xff", b'"', b"\r", b"\n", b",", b"\xef\xbb\xbf", b"\\", bytes([chance.randrange(256)])]
        )
        yield (
            content[:at],
            content[:at] + wrong + content[at + 1 :],
            content[:at] + wrong + content[at:],
            content[:at] + content[at + chance.randrange(1, 9) :],
        )[turn % 4]


def damaged(name: str, content: bytes, times: int, seed: int = 0) -> Files:
    stem, _, ending = name.partition(".")
    return {f"{stem}{number}.{ending}": each for number, each in enumerate(damages(content, times, seed))}


# The files


def encodings() -> Files:
    umlauts = PLAIN.decode().replace("Kite 7", "Drachenschwänze – 風")
    files = {
        f"{encoding}.csv": umlauts.encode(encoding, "replace")
        for encoding in (
            "latin-1",
            "cp1252",
            "utf-8-sig",
            "utf-16",
            "utf-16-le",
            "utf-16-be",
            "utf-32",
            "gb18030",
            "utf-7",
            "cp037",
        )
    }
    for number, encoding in enumerate(("latin-1", "cp1252", "utf-16-le", "shift-jis", "gb18030", "cp437") * 3):
        rows = [row.encode() for row in BODIES]
        rows[number] = BODIES[number].replace("Kite", "Kötе").encode(encoding, "replace")
        files[f"mixed{number}.csv"] = b"\n".join([b",".join(map(str.encode, HEAD)), *rows, b""])
    return files


def lines() -> Files:
    ends = {
        "crlf": "\r\n",
        "cr": "\r",
        "lfcr": "\n\r",
        "crcrlf": "\r\r\n",
        "ls": "\u2028",
        "nel": "\x85",
        "vt": "\x0b",
        "ff": "\x0c",
    }
    files = {f"{name}.csv": text(BODIES, end=end) for name, end in ends.items()}
    mixed = [row + ("\n", "\r\n")[number % 2] for number, row in enumerate(BODIES)]
    return {
        **files,
        "mixed.csv": b"id,title,abstract\r\n" + "".join(mixed).encode(),
        "gaps.csv": PLAIN.replace(b"\n", b"\n" * 500),
        "gaps_crlf.csv": text(BODIES, end="\r\n").replace(b"\r\n", b"\r\n" * 500),
        "spaces.csv": PLAIN.replace(b"\n", b"\n   \n"),
        "commas.csv": PLAIN + b",,\n" * 5000,
        "blank_first.csv": b"\n" * 3000 + PLAIN,
        "commas_first.csv": b",,\n" * 3000 + PLAIN,
        "blank_last.csv": PLAIN + b"\n" * 100_000,
        "no_end.csv": PLAIN.rstrip(),
        "nothing.csv": b"",
        "blank.csv": b"\n" * 100_000,
        "nul.csv": b"\0" * 100_000,
        "nul_lines.csv": b"\0\n" * 50_000,
    }


def headers() -> Files:
    wide = [f"c{number}" for number in range(10_000)]
    rows = [",".join([row, *("x" for _ in wide)]) for row in BODIES]
    return {
        "none.csv": b"\n".join(map(str.encode, BODIES)),
        "only.csv": b"id,title,abstract",
        "twice.csv": text(BODIES, "title,title,abstract"),
        "empty_names.csv": text([f"{row},," for row in BODIES], "id,title,abstract,,"),
        "all_empty.csv": text(BODIES, ",,"),
        "numbers.csv": text(BODIES, "1,2,3"),
        "long_name.csv": text(BODIES, "id,title,abstract" + "x" * 1_000_000),
        "long_line.csv": text([], "title," * 300_000),
        "wide.csv": text(rows, ",".join([*HEAD, *wide])),
        "wide_twice.csv": text(rows, ",".join([*HEAD, *wide[:-1], "c0"])),
        "open.csv": text(BODIES, 'id,title,"abstract'),
        "two_lines.csv": text(BODIES, 'id,title,"abstract\nEnglish"'),
        "nul.csv": text(BODIES, "id,ti\0tle,abstract"),
        "formula.csv": text([f"{row},x" for row in BODIES], 'id,title,abstract,"=HYPERLINK(1)"'),
        "bom_twice.csv": b"\xef\xbb\xbf\xef\xbb\xbf" + PLAIN,
        "bom_within.csv": PLAIN.replace(b"K03", b"\xef\xbb\xbfK03"),
        "short.csv": text(BODIES, "id,title"),
        "wider.csv": text(BODIES, "id,title,abstract,more"),
        "sep.csv": b"sep=,\n" + PLAIN,
        "html.csv": b"<!doctype html><html><body><table><tr><td>title</td></tr></table></body></html>",
    }


def rows_of_all_kinds() -> Files:
    def with_row(row: str, at: int = 9) -> bytes:
        return text([*BODIES[:at], row, *BODIES[at:]])

    dates = ["9999-99-99", "43831", "0000-00-00", "1e400", "-0", "31/02/2020", "２０２０"]
    files = {
        f"row{number}.csv": with_row(row)
        for number, row in enumerate(
            [
                "short", "a,b,c,d", ",", ",,", ",,,", '"', '""', '"""', '""""', 'a,b,"', 'a,"b,c', 'a,"b","c" d', 'a,b"c,d"',
                'a,"b\nb\nb",c', 'a,"b\nb\nb,c', "a\0b,c,d", "\0", "a,\x1b[31mred\x1b[0m,c", "a,'b','c'", "a;b;c", "a\tb\tc",
                "a,\ufeff,c", "a,\u202ereversed,c", "=cmd|' /C calc'!A0,+1+1,@SUM(A1)", "a,<script>alert(1)</script>,c",
                "{}", "a,b,NaN", "null,null,null", "a," + "\u0301" * 5000 + ",c", "a," + "風" * 5000 + ",c",
                "a," + "😀" * 999 + ",c",
            ]
        )
    }  # fmt: skip
    files |= {f"open{at}.csv": with_row('X,"never closed', at) for at in (0, 1, 10, 19, 20)}
    files |= {f"cell{size}.csv": with_row(f"X,{'x' * size},y") for size in (100_000, 1_000_000, 40_000_000)}
    files |= {f"quoted_cell{size}.csv": with_row(f'X,"{"x, " * size}",y') for size in (100_000, 12_000_000)}
    files["dates.csv"] = text([f"{row},{dates[number % 7]}" for number, row in enumerate(BODIES)], "id,title,abstract,date")
    files["marks.csv"] = with_row('"' * 100_001)
    files["every_mark_open.csv"] = text([row.rstrip('"') for row in BODIES] * 500)
    files["words.csv"] = text([" ".join(f"w{n}q{m}" for m in range(200)) + ",x,y" for n in range(500)])
    return files


def json_lines() -> Files:
    def with_line(line: str | bytes) -> bytes:
        whole = LINES.splitlines(keepends=True)
        return b"".join([*whole[:9], (line.encode() if isinstance(line, str) else line) + b"\n", *whole[9:]])

    odd: list[str | bytes] = [
        "{", "}", "[]", "7", "null", '"x"', "{}", '{"title": 7}', '{"title": null}', '{"title": ["a"]}',
        '{"title": {"en": "a"}}',
        '{"title": "a", "title": "b"}', '{"title": NaN}', '{"title": Infinity}', '{"title": ' + "9" * 5000 + "}",
        "{'title': 'a'}",
        '{"title": "a",}', '{"title": "a"} {"title": "b"}', '// no comment', '{"title": "\\ud800"}', '{"title": "\\u0000"}',
        b'{"title": "\xff"}', b'{"title": "\xed\xa0\x80"}', b"\x00\x00", '{"title": "' + "x" * 2_000_000 + '"}',
        '{"title": "a", "x": ' + "[" * 500 + "]" * 500 + "}", '{"title": ' + "[" * 100_000 + "]" * 100_000 + "}",
        json.dumps({"title": "a", **{f"c{n}": n for n in range(10_000)}}), '{"title": "a", "primary": "mine"}', "\ufeff{}",
    ]  # fmt: skip
    files = {f"odd{number}.jsonl": with_line(line) for number, line in enumerate(odd)}
    whole = [json.loads(line) for line in LINES.splitlines()]
    return {
        **files,
        "array.json": json.dumps(whole).encode(),
        "pretty.json": json.dumps(whole, indent=2).encode(),
        "crlf.jsonl": LINES.replace(b"\n", b"\r\n"),
        "bom.jsonl": b"\xef\xbb\xbf" + LINES,
        "utf-16.jsonl": LINES.decode().encode("utf-16"),
        "gaps.jsonl": LINES.replace(b"\n", b"\n" * 1000),
        "nothing.jsonl": b"",
        "csv.jsonl": PLAIN,
        "other_fields.jsonl": b"".join(b'{"title": "a", "c%d": 1}\n' % n for n in range(300)),
    }


def packed() -> Files:
    checked = zstandard.ZstdCompressor(write_checksum=True)
    wide = zstandard.ZstdCompressor(level=19, compression_params=zstandard.ZstdCompressionParameters(window_log=30))
    long_window = wide.compressobj().compress(PLAIN) + wide.compressobj().flush()
    return {
        **damaged("g.csv.gz", gzip.compress(PLAIN), 24, 1),
        **damaged("z.csv.zst", checked.compress(PLAIN), 24, 2),
        "members.csv.gz": gzip.compress(PLAIN[:500]) + gzip.compress(PLAIN[500:]),
        "frames.csv.zst": checked.compress(PLAIN[:500]) + checked.compress(PLAIN[500:]),
        "rubbish.csv.gz": gzip.compress(PLAIN) + b"rubbish",
        "rubbish.csv.zst": checked.compress(PLAIN) + b"rubbish",
        "twice.csv.gz": gzip.compress(gzip.compress(PLAIN)),
        "plain.csv.gz": PLAIN,
        "plain.csv.zst": PLAIN,
        "empty.csv.gz": b"",
        "empty.csv.zst": b"",
        "nothing.csv.gz": gzip.compress(b""),
        "bomb.csv.gz": gzip.compress(b"title\n" + b"\n" * 120_000_000, 1),
        "bomb.csv.zst": zstandard.compress(b"title\n" + b"\n" * 120_000_000),
        "bomb_of_one_line.csv.zst": zstandard.compress(b"title," + b"x" * 120_000_000),
        "window.csv.zst": long_window,
    }


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def archives() -> Files:
    good = zipped({"a.csv": PLAIN})
    evil = ["../a.csv", "/a.csv", "x/../../a.csv", "..\\a.csv", "C:\\a.csv", "\\\\host\\a.csv"]
    return {
        **damaged("d.zip", good, 40, 3),
        **damaged("s.zip", zipped({"a.csv": PLAIN}, zipfile.ZIP_STORED), 16, 4),
        **{f"evil{number}.zip": zipped({"a.csv": PLAIN, name: PLAIN}) for number, name in enumerate(evil)},
        "two.zip": zipped({"a.csv": text(BODIES[:10]), "b/c.csv": text(BODIES[10:])}),
        "bzip2.zip": zipped({"a.csv": PLAIN}, zipfile.ZIP_BZIP2),
        "lzma.zip": zipped({"a.csv": PLAIN}, zipfile.ZIP_LZMA),
        "nested.zip": zipped({"a.zip": good}),
        "empty.zip": zipped({}),
        "no_table.zip": zipped({"a.png": b"\x89PNG"}),
        "folders.zip": zipped({"a/": b"", "b/": b""}),
        "bomb.zip": zipped({f"{n}.csv": b"title\n" + b"\n" * 22_000_000 for n in range(5)}),
        "many.zip": zipped({f"{n}.csv": b"title\nx\n" for n in range(300)}),
        "odd_names.zip": zipped({"ä 風\n.csv": PLAIN}),
        "plain.zip": PLAIN,
        "other_columns.zip": zipped({"a.csv": PLAIN, "b.csv": b"name,text\n1,2\n"}),
    }


def workbook() -> bytes:
    return excel.write({"a": Sheet(pl.DataFrame(TABLE, HEAD, orient="row"))})


def workbooks() -> Files:
    good = workbook()
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    entity = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    return {
        **damaged("x.xlsx", good, 32, 5),
        "good.xlsx": good,
        "plain.xlsx": PLAIN,
        "zip.xlsx": zipped({"a.csv": PLAIN}),
        "no_sheet.xlsx": zipped({name: body for name, body in parts.items() if name != sheet}),
        "cut_sheet.xlsx": zipped({**parts, sheet: parts[sheet][:-200]}),
        "far_cell.xlsx": zipped({**parts, sheet: parts[sheet].replace(b'r="C5"', b'r="XFD1048576"')}),
        "entities.xlsx": zipped({**parts, sheet: parts[sheet].replace(b"?>", b"?>" + entity, 1)}),
        "bomb.xlsx": zipped({**parts, sheet: parts[sheet] + b" " * 300_000_000}),
        "blank.xlsx": excel.write({"a": Sheet(pl.DataFrame(schema=dict.fromkeys(HEAD, pl.String)))}),
        "no_columns.xlsx": excel.write({"a": Sheet(pl.DataFrame())}),
        "old.xlsx": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 5000,
    }


def written(frame: pl.DataFrame, **options: Any) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, **options)
    return buffer.getvalue()


def parquets() -> Files:
    frame = pl.DataFrame(TABLE, HEAD, orient="row")
    good = written(frame)
    chance = random.Random(6)
    cuts = {f"cut{number}.parquet": good[: chance.randrange(len(good))] for number in range(16)}
    return {
        **cuts,
        "good.parquet": good,
        "tail.parquet": good + b"more",
        "groups.parquet": written(frame, row_group_size=1),
        "no_rows.parquet": written(frame.head(0)),
        "no_columns.parquet": written(pl.DataFrame()),
        "lists.parquet": written(frame.with_columns(pl.concat_list("title"))),
        "binary.parquet": written(frame.with_columns(pl.col("abstract").cast(pl.Binary))),
        "nulls.parquet": written(frame.with_columns(pl.lit(None).alias("abstract"))),
        "numbers.parquet": written(frame.with_columns(pl.lit(7).alias("title"))),
        "plain.parquet": PLAIN,
        "magic.parquet": b"PAR1" + b"\0" * 100 + b"PAR1",
    }


def wrong_endings() -> Files:
    contents = {
        "csv": PLAIN,
        "jsonl": LINES,
        "gz": gzip.compress(PLAIN),
        "zip": zipped({"a.csv": PLAIN}),
        "xlsx": workbook(),
        "parquet": written(pl.DataFrame(TABLE, HEAD, orient="row")),
        "xml": b"<?xml version='1.0'?><a><b>title</b></a>",
        "pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(range(256)) * 50,
    }
    endings = ("csv", "tsv", "jsonl", "json", "txt", "csv.gz", "csv.zst", "zip", "xlsx", "parquet")
    return {f"{kind}_as.{ending}": content for kind, content in contents.items() for ending in endings}


CORPUS: dict[str, Callable[[], Files]] = {
    "damaged csv": lambda: damaged("c.csv", PLAIN, 60, 7),
    "damaged jsonl": lambda: damaged("j.jsonl", LINES, 40, 8),
    "encodings": encodings,
    "lines": lines,
    "headers": headers,
    "rows": rows_of_all_kinds,
    "json": json_lines,
    "packed": packed,
    "archives": archives,
    "workbooks": workbooks,
    "parquet": parquets,
    "wrong endings": wrong_endings,
}


# What holds for each


@contextmanager
def limited(name: str) -> Iterator[None]:
    """Stop what takes too long."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"{name}: takes more than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def run(path: Path, target: Path, model: str, *options: str) -> Ended:
    rejects = target.with_name("rejects.csv")
    with limited(path.name):
        return ipclass("classify", path, "-o", target, "-m", model, "--rejects", rejects, "--force", *options)


def rows(path: Path) -> list[list[str]]:
    csv.field_size_limit(1 << 30)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, strict=True))[1:]


def check(path: Path, target: Path, ended: Ended) -> str:
    """Say how the run ended, after making sure that it ended well."""
    if ended.code == 1:
        assert len(ended.lines) == 1, ended.err
        assert len(ended.err) < 4000, path.name
        assert not target.exists()
        return "refused"
    assert ended.code == 0, f"{path.name}: {ended.err}"
    told = re.search(r"([\d,]+) rows read = ([\d,]+) tagged \+ ([\d,]+) rejected", ended.err)
    assert told, ended.err
    read, tagged, rejected = (int(number.replace(",", "")) for number in told.groups())
    assert read == tagged + rejected
    assert len(rows(target)) == tagged, path.name
    assert len(rows(target.with_name("rejects.csv"))) == rejected, path.name
    assert not list(target.parent.glob(".*"))
    target.unlink()
    return "read"


@pytest.mark.parametrize("kind", CORPUS)
def test_every_broken_file_is_read_or_refused(tmp_path: Path, tiny_model: str, kind: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    files = CORPUS[kind]()
    (tmp_path / "in").mkdir()
    ends = []
    for name, content in files.items():
        path = tmp_path / "in" / name
        path.write_bytes(content)
        del content
        ends.append(check(path, tmp_path / "out.csv", run(path, tmp_path / "out.csv", tiny_model)))
    assert len(ends) == len(files)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEGABYTES << 10


def test_there_are_more_than_three_hundred_broken_files() -> None:
    quick = set(CORPUS) - {"rows", "json", "packed", "archives"}
    assert sum(len(CORPUS[kind]()) for kind in quick) > 300


def ids(path: Path) -> list[str]:
    return [found for row in rows(path) for found in re.findall(r"^K\d\d$", row[0])]


def test_a_bad_row_takes_no_other_with_it(tmp_path: Path, tiny_model: str) -> None:
    for name, content in rows_of_all_kinds().items():
        if name.startswith(("row", "open", "cell", "quoted")):
            path = tmp_path / name
            path.write_bytes(content)
            assert run(path, tmp_path / "out.csv", tiny_model).code == 0
            assert ids(tmp_path / "out.csv") == [row[0] for row in TABLE], name


def test_a_row_of_another_encoding_is_the_only_one_lost(tmp_path: Path, tiny_model: str) -> None:
    found = encodings()
    for number in range(18):
        path = tmp_path / "mixed.csv"
        path.write_bytes(found[f"mixed{number}.csv"])
        assert run(path, tmp_path / "out.csv", tiny_model).code == 0
        lost = {row[0] for row in TABLE} - set(ids(tmp_path / "out.csv"))
        assert lost <= {TABLE[number][0], TABLE[number + 1][0]}


@pytest.mark.parametrize(
    "name", ["crlf", "cr", "crcrlf", "mixed", "gaps", "gaps_crlf", "blank_first", "commas_first", "blank_last", "no_end"]
)
def test_ends_of_lines_and_blank_rows_lose_nothing(tmp_path: Path, tiny_model: str, name: str) -> None:
    path = tmp_path / f"{name}.csv"
    path.write_bytes(lines()[f"{name}.csv"])
    assert run(path, tmp_path / "out.csv", tiny_model).code == 0
    assert ids(tmp_path / "out.csv") == [row[0] for row in TABLE]


@pytest.mark.parametrize("seed", range(3))
def test_one_wrong_byte_in_a_table_costs_at_most_two_rows(tmp_path: Path, tiny_model: str, seed: int) -> None:
    for content in list(damages(PLAIN, 60, 100 + seed))[1::2]:  # changed, or with bytes taken out, and not cut off
        path = tmp_path / "in.csv"
        path.write_bytes(content)
        if content.startswith(b"id,title,abstract\n") and run(path, tmp_path / "out.csv", tiny_model).code == 0:
            assert len(ids(tmp_path / "out.csv")) >= ROWS - 2
