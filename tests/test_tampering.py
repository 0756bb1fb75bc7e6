"""Model files that lie: each is refused by one clear line, quickly, in little memory, and nothing in them is executed."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import environment
from tampering import MANIFESTS, PARTS, SIGNED, Canary, Files, arrays, files_in, label, put, signed, write, zipped

from ipclass import Model, counts, parts
from ipclass.errors import ModelError
from ipclass.model import files_of


@pytest.fixture(scope="session")
def good(tiny_model: str) -> Files:
    return files_in(Path(tiny_model))


def refused(path: Path) -> str:
    with pytest.raises(ModelError) as error:
        Model.load(path)
    told = str(error.value)
    assert str(path) in told
    assert told.isprintable()
    assert len(told) < 600
    return told


def test_there_are_enough_of_them() -> None:
    assert len(MANIFESTS) + len(PARTS) + len(SIGNED) >= 140


def test_signed_anew_the_unchanged_model_is_itself(good: Files, tmp_path: Path) -> None:
    assert Model.load(write(signed(good), tmp_path / "m")).digest == Model.load(write(good, tmp_path / "n")).digest


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_changed_manifest_is_refused(name: str, good: Files, tmp_path: Path) -> None:
    files = dict(good)
    MANIFESTS[name](files)
    assert parts.MANIFEST in refused(write(files, tmp_path / "m"))


@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_the_manifest_does_not_vouch_for_is_refused(name: str, good: Files, tmp_path: Path) -> None:
    files = dict(good)
    PARTS[name](files)
    assert "missing from the model" in (told := refused(write(files, tmp_path / "m"))) or "sha256 differs" in told


@pytest.mark.parametrize("name", SIGNED)
def test_a_part_that_makes_no_sense_is_refused_though_the_manifest_vouches_for_it(
    name: str, good: Files, tmp_path: Path
) -> None:
    files = dict(good)
    SIGNED[name](files)
    assert "sha256" not in refused(write(signed(files), tmp_path / "m"))


def test_all_of_them_in_half_a_gigabyte_and_half_a_minute(good: Files, tmp_path: Path) -> None:
    for kind in (MANIFESTS, PARTS, SIGNED):
        for number, (name, change) in enumerate(kind.items()):
            files = dict(good)
            change(files)
            write(signed(files) if kind is SIGNED else files, tmp_path / f"{len(kind)}-{number}-{name.replace(' ', '_')}"[:200])
    code = (
        "import sys, resource, pathlib; from ipclass import Model; from ipclass.errors import ModelError; import polars\n"
        "refused = 0\n"
        "for path in pathlib.Path(sys.argv[1]).iterdir():\n"
        "    try: Model.load(path)\n"
        "    except ModelError: refused += 1\n"
        "peak = pathlib.Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0]\n"  # of it alone
        "print(refused, int(peak) >> 10, sum(resource.getrusage(0)[:2]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, env=environment(), timeout=120, check=True
    )
    refusals, megabytes, seconds = map(float, done.stdout.split())
    assert refusals == len(MANIFESTS) + len(PARTS) + len(SIGNED)
    assert megabytes < 700
    assert seconds < 30


@pytest.mark.parametrize("name", [parts.WEIGHTS, parts.HELD_OUT])
def test_no_pickle_is_read(name: str, good: Files, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    files = dict(good)
    arrays(name, lambda found: dict.fromkeys(found, np.array([Canary(str(canary))], object)), pickled=True)(files)
    with pytest.raises(ValueError, match="allow_pickle"), np.load(write({"x.npz": files[name]}, tmp_path) / "x.npz") as stored:
        stored[next(iter(stored))]  # so there is a pickle in it
    refused(write(signed(files), tmp_path / "m"))
    assert not canary.exists()
    with np.load(tmp_path / "x.npz", allow_pickle=True) as stored:
        stored[next(iter(stored))]
    assert canary.exists()  # and this is what reading it would have done


# What the file system can do


def test_links_pipes_and_folders_are_no_parts(good: Files, tmp_path: Path) -> None:
    def remade(name: str) -> Path:
        folder = write(good, tmp_path / name)
        (folder / parts.TERMS).unlink()
        return folder

    (tmp_path / "secret").write_bytes(good[parts.TERMS])
    link = remade("link")
    (link / parts.TERMS).symlink_to(tmp_path / "secret")
    assert "is a link" in refused(link)
    within = remade("within")
    (within / "other.txt").write_bytes(good[parts.TERMS])
    (within / parts.TERMS).symlink_to("other.txt")
    assert "is a link" in refused(within)
    folder = remade("folder")
    (folder / parts.TERMS).mkdir()
    refused(folder)
    pipe = remade("pipe")
    os.mkfifo(pipe / parts.TERMS)
    assert "no plain file" in refused(pipe)
    labels = write(good, tmp_path / "labels")
    (labels / "labels").rename(tmp_path / "elsewhere")
    (labels / "labels").symlink_to(tmp_path / "elsewhere")
    assert "is a link" in refused(labels)
    whole = tmp_path / "whole"
    whole.symlink_to(write(good, tmp_path / "real"))
    assert Model.load(whole).digest == Model.load(tmp_path / "real").digest  # where a model stands is the user's choice


def test_a_part_of_a_terabyte_is_not_read(good: Files, tmp_path: Path) -> None:
    folder = write(good, tmp_path / "m")
    os.truncate(folder / parts.WEIGHTS, 1 << 40)
    assert "bytes is no part" in refused(folder)


def test_the_card_cannot_steer_a_terminal(good: Files, tmp_path: Path) -> None:
    shown = Model.load(write({**good, parts.CARD: b"\x1b[2J\x9b# Card\xff\n\tgood \xe2\x80\xae"}, tmp_path / "m")).card
    assert shown.replace("\n", "").replace("\t", "").isprintable()
    assert "# Card" in shown
    assert "\n\tgood" in shown


# One file


def test_a_zip_file_of_a_model_is_that_model(good: Files, tmp_path: Path) -> None:
    model = Model.load(write(good, tmp_path / "m"))
    for name, files in {"flat": good, "in_a_folder": {f"mine/{name}": content for name, content in good.items()}}.items():
        (tmp_path / f"{name}.zip").write_bytes(parts.pack(files))
        assert Model.load(tmp_path / f"{name}.zip").digest == model.digest
    assert parts.pack(files_of(model)) == parts.pack(good)


@pytest.mark.parametrize("name", ["a pickle as a part", "weights are a pickle", "decisions nested deeply", "a term with NUL"])
def test_what_is_refused_in_a_folder_is_refused_in_a_zip_file(name: str, good: Files, tmp_path: Path) -> None:
    files = dict(good)
    SIGNED[name](files)
    (tmp_path / "m.zip").write_bytes(parts.pack(signed(files)))
    refused(tmp_path / "m.zip")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK",
        b"PK\5\6" + bytes(18),
        zipped({"a": b"b"}),
        zipped({f"{n}": b"" for n in range(1000)}),
        zipped({parts.MANIFEST: b" " * (1 << 28)}, zipfile.ZIP_DEFLATED),
        zipped({parts.MANIFEST: b" " * (1 << 28)}, zipfile.ZIP_LZMA),
        zipped({"../" + parts.MANIFEST: b"{}"}),
        b"not a zip file at all, but long enough to be one",
    ],
)
def test_a_zip_file_that_is_none_of_a_model_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.zip").write_bytes(content)
    refused(tmp_path / "m.zip")


# What is let in must do no harm


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(a*)*c", "a*a*a*a*a*b", ".*a.*a.*a.*b|a"])
def test_a_pattern_that_ruins_other_engines_costs_linear_time(pattern: str, good: Files, tmp_path: Path) -> None:
    files = dict(good)
    label(f"settings = ['{pattern}']\nwords = [['aa']]")(files)
    folder = write(signed(files), tmp_path / "m")
    code = (
        "import sys, resource; from ipclass import Model; model = Model.load(sys.argv[1])\n"
        "model.tag(['aa ' + 'a' * 30 + '!\\n' + 'aa ' * 3000] * 5); print(sum(resource.getrusage(0)[:2]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, timeout=60, check=True, env=environment()
    )
    assert float(done.stdout) < 10


def test_pairs_chosen_to_collide_are_refused_before_they_cost_minutes() -> None:
    """Multiples of a number whose products with the table's multiplier are small fall into neighbouring slots."""
    candidates = np.arange(1, 1 << 21, dtype=np.uint64)
    best = int(candidates[(candidates * counts._MIX).argmin()])
    pairs, words = 4000, 100_000
    wanted = [number * best - 1 for number in range(1, pairs + 1)]
    n = words + pairs
    assert max(wanted) < words * n
    chosen = [divmod(number, n) for number in wanted if number % n < words]
    terms = [f"w{number}" for number in range(words)] + [f"w{one} w{two}" for one, two in chosen]
    terms += [f"x{number}" for number in range(n - len(terms))]
    with pytest.raises(ModelError, match="collide"):
        counts.Lexicon(terms)
    shuffled = [f"w{number}" for number in range(words)] + [f"w{number} w{number * 7 % words}" for number in range(pairs)]
    assert counts.Lexicon(shuffled).count(["w1 w7"]).values.tolist() == [1, 1, 1]


def test_patterns_that_fit_each_letter_do_not_blow_a_text_up(good: Files, tmp_path: Path) -> None:
    files = dict(good)
    label("settings = [" + "'.', " * 20 + "]\nwords = [['kite']]")(files)
    model = Model.load(write(signed(files), tmp_path / "m"))
    assert model.tag(["A kite\n" + "kite " * 2000]).unscored


def test_a_part_that_is_not_named_is_not_looked_at(good: Files, tmp_path: Path) -> None:
    files = signed(good)
    put("notes.pkl", b"mine")(files)
    assert Model.load(write(files, tmp_path / "m")).labels.ids == ("kites", "looms")
