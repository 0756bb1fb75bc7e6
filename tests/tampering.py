"""Models that somebody tampered with: made from a good one, part by part, and signed again so that each is looked into."""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ipclass import parts

Files = dict[str, bytes]
Change = Callable[[Files], None]

MARK = "the canary sang"


class Canary:
    """An object whose pickle, once read, leaves a file behind."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"echo {MARK} > {self.path}",)


def files_in(folder: Path) -> Files:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def signed(files: Files) -> Files:
    """Return ``files`` with a manifest that vouches for them."""
    manifest = json.loads(files[parts.MANIFEST])
    names = sorted(set(files) - {parts.MANIFEST, parts.CARD})
    digests = {name: hashlib.sha256(files[name]).hexdigest() for name in names}
    manifest |= {"parts": digests, "digest": parts.digest_of(digests)}
    return {**files, parts.MANIFEST: json.dumps(manifest).encode()}


def write(files: Files, folder: Path) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


# Changes of one part


def put(name: str, content: bytes) -> Change:
    return lambda files: files.__setitem__(name, content)


def drop(name: str) -> Change:
    return lambda files: files.pop(name)


def edited(name: str, edit: Callable[[Any], Any]) -> Change:
    """Change what a JSON part says; ``edit`` changes it in place or returns another."""

    def change(files: Files) -> None:
        value = json.loads(files[name])
        files[name] = json.dumps(edit(value) or value).encode()

    return change


def facts(**changed: Any) -> Change:
    return edited(parts.MANIFEST, lambda manifest: manifest["facts"].update(changed))


def decisions(**changed: Any) -> Change:
    return edited(parts.DECISIONS, lambda said: said.update(changed))


def target(**changed: Any) -> Change:
    return edited(parts.DECISIONS, lambda said: said["targets"][0].update(changed))


def replaced(name: str, old: str, new: str) -> Change:
    def change(files: Files) -> None:
        assert old.encode() in files[name]
        files[name] = files[name].replace(old.encode(), new.encode(), 1)

    return change


def arrays(name: str, edit: Callable[[dict[str, Any]], Any], compressed: bool = False, pickled: bool = False) -> Change:
    """Change the arrays of a part."""

    def change(files: Files) -> None:
        with np.load(io.BytesIO(files[name])) as stored:
            found = {key: stored[key].copy() for key in stored}
        found = edit(found) or found
        buffer = io.BytesIO()
        (np.savez_compressed if compressed else np.savez)(buffer, allow_pickle=pickled, **found)
        files[name] = buffer.getvalue()

    return change


def header(name: str, member: str, head: str, body: bytes = b"") -> Change:
    """Put an array with a header of one's own into a part."""

    def change(files: Files) -> None:
        text = head.encode() + b"\n"
        content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body
        files[name] = zipped({**members(files[name]), member: content})

    return change


def members(archive: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {info.filename: opened.read(info) for info in opened.infolist()}


def zipped(content: Mapping[str, bytes], kind: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, each in content.items():
            archive.writestr(name, each)
    return buffer.getvalue()


def bytes_at(name: str, find: bytes, put_: bytes, offset: int = 0) -> Change:
    def change(files: Files) -> None:
        content = bytearray(files[name])
        place = content.rindex(find) + offset
        content[place : place + len(put_)] = put_
        files[name] = bytes(content)

    return change


def terms(edit: Callable[[list[str]], Any]) -> Change:
    def change(files: Files) -> None:
        listed = files[parts.TERMS].decode().split("\n")
        edit(listed)
        files[parts.TERMS] = "\n".join(listed).encode("utf-8", "surrogatepass")

    return change


def first(array: str, value: float) -> Callable[[dict[str, Any]], None]:
    return lambda found: found[array].reshape(-1).__setitem__(0, value)


def label(text: str, name: str = "kites") -> Change:
    """Put lines behind a label file: its table ``text``."""
    return lambda files: files.__setitem__(f"labels/{name}.toml", files[f"labels/{name}.toml"] + f"\n[text]\n{text}\n".encode())


def duplicate_entry(files: Files) -> None:
    buffer = io.BytesIO(files[parts.WEIGHTS])
    end = bytearray(buffer.getvalue())
    start = end.index(b"PK\1\2")
    head, directory, tail = bytes(end[:start]), bytes(end[start:-22]), end[-22:]
    one = directory[: directory.index(b"PK\1\2", 4)]
    size = len(directory) + len(one)
    tail[8:12], tail[12:16] = struct.pack("<HH", 3, 3), struct.pack("<L", size)
    files[parts.WEIGHTS] = head + directory + one + bytes(tail)


def swapped_truth(files: Files) -> None:
    entries = members(files[parts.HELD_OUT])
    entries["truth_0.npy"] = entries["truth_0.npy"][:-1] + b"\7"
    files[parts.HELD_OUT] = zipped(entries)


PICKLE = b"\x80\x04K\x01."
SHAPE = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }"
DEEP = b"[" * 200_000
MANIFESTS: Mapping[str, Change] = {
    "empty manifest": put(parts.MANIFEST, b""),
    "manifest is a list": put(parts.MANIFEST, b"[]"),
    "manifest is null": put(parts.MANIFEST, b"null"),
    "no format": edited(parts.MANIFEST, lambda said: said.pop("format") and None),
    "newer format": edited(parts.MANIFEST, lambda said: said.update(format=99)),
    "older format": edited(parts.MANIFEST, lambda said: said.update(format=0)),
    "format is a text": edited(parts.MANIFEST, lambda said: said.update(format="1")),
    "format is true": edited(parts.MANIFEST, lambda said: said.update(format=True)),
    "format is a table": edited(parts.MANIFEST, lambda said: said.update(format={"a": []})),
    "a number of 5,000 digits": put(parts.MANIFEST, b'{"format": 1' + b"0" * 5000 + b"}"),
    "NaN in the manifest": replaced(parts.MANIFEST, '"facts": {', '"facts": {"x": NaN, '),
    "a number beyond floats": replaced(parts.MANIFEST, '"facts": {', '"facts": {"x": 1e999, '),
    "deeply nested": put(parts.MANIFEST, DEEP),
    "deeply nested objects": put(parts.MANIFEST, b'{"a":' * 100_000),
    "a key twice": replaced(parts.MANIFEST, '"format": 1', '"format": 1, "format": 1'),
    "not UTF-8": put(parts.MANIFEST, b'{"format": 1, "\xff": 1}'),
    "UTF-16": lambda files: files.__setitem__(parts.MANIFEST, files[parts.MANIFEST].decode().encode("utf-16")),
    "half a surrogate pair": replaced(parts.MANIFEST, '"facts": {', '"facts": {"x": "\\ud800", '),
    "an escape sequence": replaced(parts.MANIFEST, '"facts": {', '"facts": {"x": "\\u001b[2J", '),
    "truncated manifest": lambda files: files.__setitem__(parts.MANIFEST, files[parts.MANIFEST][:-40]),
    "endless manifest": put(parts.MANIFEST, b" " * (parts.LARGEST[parts.MANIFEST] + 1)),
    "way out of the folder": edited(parts.MANIFEST, lambda said: said["parts"].update({"../../x": "0" * 64})),
    "absolute path": edited(parts.MANIFEST, lambda said: said["parts"].update({"/etc/passwd": "0" * 64})),
    "way out by backslashes": edited(parts.MANIFEST, lambda said: said["parts"].update({"..\\x": "0" * 64})),
    "way out within labels": edited(parts.MANIFEST, lambda said: said["parts"].update({"labels/../x.toml": "0" * 64})),
    "a name with NUL": edited(parts.MANIFEST, lambda said: said["parts"].update({"a\0b": "0" * 64})),
    "no weights": edited(parts.MANIFEST, lambda said: said["parts"].pop(parts.WEIGHTS) and None),
    "digest of a part is none": edited(parts.MANIFEST, lambda said: said["parts"].update({parts.TERMS: 7})),
    "digest of a part is too short": edited(parts.MANIFEST, lambda said: said["parts"].update({parts.TERMS: "ab"})),
    "parts is a list": edited(parts.MANIFEST, lambda said: said.update(parts=["terms.txt"])),
    "another digest": edited(parts.MANIFEST, lambda said: said.update(digest="0" * 64)),
    "no digest": edited(parts.MANIFEST, lambda said: said.pop("digest") and None),
    "10,000 parts": edited(parts.MANIFEST, lambda s: s["parts"].update({f"labels/l{n}.toml": "0" * 64 for n in range(10_000)})),
}
"""The manifest itself changed: nothing vouches for it but its own sense."""

PARTS: Mapping[str, Change] = {
    "truncated weights": lambda files: files.__setitem__(parts.WEIGHTS, files[parts.WEIGHTS][:-100]),
    "one bit of the terms": lambda files: files.__setitem__(
        parts.TERMS, bytes([files[parts.TERMS][0] ^ 1]) + files[parts.TERMS][1:]
    ),
    "no terms": drop(parts.TERMS),
    "no label file": drop("labels/kites.toml"),
    "label file changed": lambda files: files.__setitem__("labels/kites.toml", files["labels/kites.toml"] + b"\n"),
    "empty decisions": put(parts.DECISIONS, b""),
}
"""A part changed, and the manifest left as it was."""

SIGNED: Mapping[str, Change] = {
    "a pickle as a part": put("model.pkl", PICKLE),
    "code as a part": put("setup.py", b"raise SystemExit(MARK)"),
    "no held-out scores": drop(parts.HELD_OUT),
    "weights are a pickle": put(parts.WEIGHTS, PICKLE),
    "weights are no zip": put(parts.WEIGHTS, b"PK\3\4 not really"),
    "weights are empty": put(parts.WEIGHTS, b""),
    "a compressed bomb": lambda files: files.__setitem__(
        parts.WEIGHTS, zipped({"idf.npy": bytes(1 << 26), "weights.npy": b"x"}, zipfile.ZIP_DEFLATED)
    ),
    "compressed weights": arrays(parts.WEIGHTS, lambda found: None, compressed=True),
    "an array missing": arrays(parts.WEIGHTS, lambda found: found.pop("idf") is None or None),
    "an array too many": arrays(parts.WEIGHTS, lambda found: found.update(code=np.zeros(3))),
    "an entry twice": duplicate_entry,
    "an entry outside": lambda files: files.__setitem__(
        parts.WEIGHTS, zipped({**members(files[parts.WEIGHTS]), "../idf.npy": b"x"})
    ),
    "a zip comment": lambda files: files.__setitem__(parts.WEIGHTS, files[parts.WEIGHTS][:-2] + b"\1\0x"),
    "a directory that lies": bytes_at(parts.WEIGHTS, b"PK\5\6", struct.pack("<L", 1 << 31), 12),
    "an encrypted entry": bytes_at(parts.WEIGHTS, b"PK\1\2", b"\1", 8),
    "a wrong checksum": bytes_at(parts.WEIGHTS, b"PK\1\2", b"\0\1\2\3", 16),
    "a size that lies": bytes_at(parts.WEIGHTS, b"PK\1\2", struct.pack("<L", (1 << 32) - 2), 24),
    "an offset that lies": bytes_at(parts.WEIGHTS, b"PK\1\2", struct.pack("<L", 1 << 30), 42),
    "an unknown compression": bytes_at(parts.WEIGHTS, b"PK\1\2", b"\x63\0", 10),
    "shape of a million millions": header(parts.WEIGHTS, "idf.npy", SHAPE % "1000000000, 1000000000"),
    "shape of nothing": header(parts.WEIGHTS, "idf.npy", SHAPE % "0,"),
    "negative shape": header(parts.WEIGHTS, "idf.npy", SHAPE % "-1,"),
    "shape of code": header(parts.WEIGHTS, "idf.npy", SHAPE % "__import__('os').getpid(),"),
    "shape of parentheses": header(parts.WEIGHTS, "idf.npy", SHAPE % ("(" * 5000)),
    "Fortran order": header(parts.WEIGHTS, "idf.npy", (SHAPE % "1,").replace("False", "True"), bytes(4)),
    "objects by header": header(parts.WEIGHTS, "idf.npy", (SHAPE % "1,").replace("<f4", "|O"), PICKLE),
    "records by header": header(parts.WEIGHTS, "idf.npy", (SHAPE % "1,").replace("'<f4'", "[('a', '<f4')]"), bytes(4)),
    "big-endian numbers": header(parts.WEIGHTS, "idf.npy", (SHAPE % "1,").replace("<f4", ">f4"), bytes(4)),
    "an array without a header": lambda files: files.__setitem__(
        parts.WEIGHTS, zipped({**members(files[parts.WEIGHTS]), "idf.npy": b"\x93NUMPY"})
    ),
    "doubles for floats": arrays(parts.WEIGHTS, lambda found: {key: each.astype(np.float64) for key, each in found.items()}),
    "whole numbers for floats": arrays(
        parts.WEIGHTS, lambda found: {key: each.astype(np.int32) for key, each in found.items()}
    ),
    "texts for floats": arrays(parts.WEIGHTS, lambda found: {key: each.astype(str) for key, each in found.items()}),
    "weights of another shape": arrays(parts.WEIGHTS, lambda found: {**found, "weights": found["weights"].T.copy()}),
    "one weight less": arrays(parts.WEIGHTS, lambda found: {**found, "weights": found["weights"][:-1]}),
    "weights in three dimensions": arrays(parts.WEIGHTS, lambda found: {**found, "weights": found["weights"][None]}),
    "a weight that is nan": arrays(parts.WEIGHTS, first("weights", np.nan)),
    "a weight without end": arrays(parts.WEIGHTS, first("weights", -np.inf)),
    "a weight far too large": arrays(parts.WEIGHTS, first("weights", 1e30)),
    "a frequency of 0": arrays(parts.WEIGHTS, first("idf", 0)),
    "a frequency below 0": arrays(parts.WEIGHTS, first("idf", -1)),
    "a held-out score that is nan": arrays(parts.HELD_OUT, first("scores_0", np.nan)),
    "held-out scores out of order": arrays(parts.HELD_OUT, first("scores_0", 1e5)),
    "fewer truths than scores": arrays(parts.HELD_OUT, lambda found: {**found, "truth_0": found["truth_0"][:-1]}),
    "truths that are 7": swapped_truth,
    "truths that are numbers": arrays(parts.HELD_OUT, lambda found: {**found, "truth_0": found["truth_0"].astype(np.uint8)}),
    "decisions are a list": put(parts.DECISIONS, b"[]"),
    "decisions nested deeply": put(parts.DECISIONS, DEEP),
    "decisions with NaN": replaced(parts.DECISIONS, '"title_weight": 2', '"title_weight": NaN'),
    "no labels": decisions(labels=[]),
    "labels are a text": decisions(labels="kites"),
    "labels are numbers": decisions(labels=[1, 2]),
    "labels are tables": decisions(labels=[{}, {}]),
    "a label twice": decisions(labels=["kites", "kites", "looms"]),
    "a label without a file": decisions(labels=["kites", "looms", "plum"]),
    "a label with a path": decisions(labels=["../x", "kites"]),
    "a label file without a label": put("labels/plum.toml", b""),
    "no targets": decisions(targets=[]),
    "targets are numbers": decisions(targets=[1, 2, 3, 4]),
    "targets in another order": edited(parts.DECISIONS, lambda said: said["targets"].reverse()),
    "a target twice": edited(parts.DECISIONS, lambda said: said["targets"].append(said["targets"][0])),
    "an unknown definition": target(definition="lax"),
    "a threshold of 2": target(threshold=2),
    "a threshold that is a text": target(threshold="0.5"),
    "a threshold that is true": target(threshold=True),
    "a slope that is null": target(slope=None),
    "a slope far too steep": target(slope=1e300),
    "an intercept of 4,000 digits": target(intercept=10**4000),
    "no intercept": edited(parts.DECISIONS, lambda said: said["targets"][0].pop("intercept") and None),
    "a title that counts a thousand million times": decisions(title_weight=10**9),
    "a title that counts true": decisions(title_weight=True),
    "a title that counts by halves": decisions(title_weight=1.5),
    "stop words are a text": decisions(stop_words="the"),
    "stop words are numbers": decisions(stop_words=[1]),
    "an empty term": terms(lambda listed: listed.__setitem__(3, "")),
    "a term twice": terms(lambda listed: listed.__setitem__(3, listed[4])),
    "a term of three words": terms(lambda listed: listed.__setitem__(3, "a b c")),
    "a term with NUL": terms(lambda listed: listed.__setitem__(3, "a\0b")),
    "a term with CR": terms(lambda listed: listed.__setitem__(3, "a\rb")),
    "a term that steers the terminal": terms(lambda listed: listed.__setitem__(3, "\x1b[2J")),
    "a term of half a surrogate pair": terms(lambda listed: listed.__setitem__(3, "\ud800")),
    "a pair of unknown words": terms(lambda listed: listed.__setitem__(3, "zzzz yyyy")),
    "a term without end": terms(lambda listed: listed.__setitem__(3, "x" * 100_000)),
    "one term too few": terms(lambda listed: listed.pop()),
    "three million terms": put(parts.TERMS, "\n".join(f"t{n}" for n in range(3_000_000)).encode()),
    "no term at all": put(parts.TERMS, b""),
    "terms not in UTF-8": put(parts.TERMS, b"\xff\xfe"),
    "a label that is no TOML": put("labels/kites.toml", b"]"),
    "a label not in UTF-8": put("labels/kites.toml", b"\xff"),
    "a label nested deeply": put("labels/kites.toml", b"a = " + b"[" * 100_000),
    "a label of tables in tables": put("labels/kites.toml", b"a = " + b"{a=" * 20_000),
    "a label of dotted keys": put("labels/kites.toml", b"a" + b".a" * 100_000 + b" = 1"),
    "a label with a number of 9,000 digits": put("labels/kites.toml", b"a = 1" + b"0" * 9000),
    "a label without a name": replaced("labels/kites.toml", "name =", "nome ="),
    "a label whose name steers the terminal": replaced("labels/kites.toml", '"Kites"', r'"\u001b[2J"'),
    "a label whose examples steer the terminal": replaced("labels/kites.toml", '"A soup"', r'"\u001b]0;x\u0007"'),
    "a label whose name is a list": replaced("labels/kites.toml", '"Kites"', '["Kites"]'),
    "a label whose codes are a text": replaced("labels/kites.toml", "[codes]", "codes = 'x'\n[cods]"),
    "a label of a megabyte": label("x = '" + "y" * 1_000_000 + "'"),
    "text is no table": replaced("labels/kites.toml", "[definition]", "text = 1\n[definition]"),
    "a pattern that looks around": label("settings = ['(?=(a+)+$)x']"),
    "a pattern that refers back": label("settings = ['(a)\\1']"),
    "a pattern that is none": label("settings = ['(']"),
    "a pattern that fits everywhere": label("settings = ['x*']"),
    "a pattern that compiles without end": label("settings = ['(((a{100}){100}){100}){100}']"),
    "a pattern of 100,000 characters": label("settings = ['" + "a" * 100_000 + "']"),
    "a thousand patterns": label("settings = [" + "'a'," * 1000 + "]"),
    "patterns are numbers": label("settings = [1]"),
    "words are a text": label("settings = ['a']\nwords = 'a'"),
    "a hundred groups of words": label("settings = ['a']\nwords = [" + "['a']," * 100 + "]"),
    "facts are a list": edited(parts.MANIFEST, lambda said: said.update(facts=[])),
    "a recipe of tables": facts(recipe={"penalty": {}}),
    "a recipe that is a text": facts(recipe="strong"),
    "figures that are a text": facts(cross_validation="good"),
    "figures of lists": facts(cross_validation=[[1]]),
    "figures of tables": facts(cross_validation=[{"definition": "strict", "label": "kites", "f1": {}}]),
}
"""A part changed, and the manifest made to vouch for it: only looking into the part can tell."""
