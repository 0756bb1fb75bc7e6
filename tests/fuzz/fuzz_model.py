"""Coverage-guided fuzzing of model files: whatever a part holds, a model is read or refused by a ModelError.

    python tests/fuzz/fuzz_model.py seeds/ -max_total_time=600 -rss_limit_mb=1500 -timeout=20 -max_len=2000

An input chooses a part of a good model, changes it in a few places, and puts it back with a manifest that vouches for it, or
not, in a folder or a zip file. ``seeds/`` is made if need be. A run ends with what libFuzzer prints.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["ipclass"]):
    from ipclass import Document, Model, card, corpus, inspection, parts, training
    from ipclass.errors import LabelError, ModelError, ShareError

sys.path.insert(0, str(Path(__file__).parents[1]))
import tempfile

import conftest
from tampering import Files, files_in, signed, write

FORBIDDEN = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "subprocess.Popen",
    "pickle.find_class",
    "marshal.loads",
    "socket.connect",
)
SIGNS = [b"\n", b'"', b":", b"[", b"{", b" ", b"\0", b"PK", b"'", b","]
TOKENS = [
    *(b"NaN", b"-1", b"1e999", b"-0.0", b"1e308", b"null", b"true", b"[", b"{", b'{"a":', b'"', b"]", b"}", b"0" * 50),
    *(b"\\u0000", b"\\ud800", b"\x00", b"\xff", b"\x1b[2J", b"\n", b"\r\n", b" ", b"../", b"<f8", b"|O", b"'descr': ", b"(1,)"),
    *(
        b"settings = ['(a+)+$']\n",
        b"words = [['a']]\n",
        b"[text]\n",
        b"PK\3\4",
        b"PK\5\6",
        b"PK\1\2",
        b"\x80\x04K\x01.",
        b"kites",
    ),
]
TEXTS = ["Kite number 1 with a bridle\nThe kite has a bridle and a spar of light cloth.", "x\n", "A loom moves a shuttle\n" * 3]


def good_model(folder: Path) -> Files:
    (folder / "corpus" / "labels").mkdir(parents=True)
    for id, name in conftest.LABELS.items():
        (folder / "corpus" / "labels" / f"{id}.toml").write_text(conftest._LABEL.format(id=id, name=name), "utf-8")
    conftest.write_jsonl(folder / "corpus" / "authored.jsonl", conftest.judged())
    learnt = corpus.read_corpus(folder / "corpus")
    card.with_card(training.train(learnt, training.Recipe(penalty=0.5)), learnt).save(folder / "good")
    return files_in(folder / "good")


def changed(content: bytes, script: atheris.FuzzedDataProvider) -> bytes:
    """Return ``content`` after a few cuts and insertions, near each other or anywhere."""
    found = bytearray(content)
    for _ in range(script.ConsumeIntInRange(0, 4)):
        place = script.ConsumeIntInRange(0, len(found))
        if script.ConsumeBool():  # at the beginning of a value, where it tells
            place = max(found.find(script.PickValueInList(SIGNS), place), 0)
        insert = (
            script.PickValueInList(TOKENS) if script.ConsumeBool() else script.ConsumeBytes(script.ConsumeIntInRange(0, 40))
        )
        found[place : place + script.ConsumeIntInRange(0, 40)] = insert * script.PickValueInList([1, 1, 1, 1, 3, 1000])
    return bytes(found)


def main() -> None:
    work = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    good = good_model(work)
    original = Model.load(work / "good")
    names = sorted(good)
    seeds = Path(next(argument for argument in sys.argv[1:] if not argument.startswith("-")))
    seeds.mkdir(parents=True, exist_ok=True)
    write(good, work / "fuzzed")

    def watch(event: str, arguments: object) -> None:
        if event in FORBIDDEN:
            raise SystemExit(f"{event} {arguments}")

    sys.addaudithook(watch)

    def one_input(data: bytes) -> None:
        script = atheris.FuzzedDataProvider(data)
        name, way = names[script.ConsumeIntInRange(0, len(names) - 1)], script.ConsumeIntInRange(0, 2)
        content = changed(good[name], script)
        files = {**good, name: content}
        if way != 1 and name != parts.MANIFEST:
            files = signed(files)
        path = write(files, work / "fuzzed")
        if way == 2:
            path = work / "fuzzed.zip"
            path.write_bytes(changed(parts.pack(files), script) if name == parts.CARD else parts.pack(files))
        try:
            model = Model.load(path)
            list(model.classify([Document(*text.split("\n", 1)) for text in TEXTS], explain=2))
            inspection.diff_as_text(inspection.diff(original, model))
            for target in model.targets:
                with suppress(ShareError):
                    target.calibration  # noqa: B018 - made when asked for
            inspection.as_text(inspection.verify(path))
        except (ModelError, LabelError) as error:
            if "\n" in str(error):
                raise RuntimeError(str(error)) from error
        finally:
            (work / "fuzzed" / name).write_bytes(good[name])
            (work / "fuzzed" / parts.MANIFEST).write_bytes(good[parts.MANIFEST])

    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
