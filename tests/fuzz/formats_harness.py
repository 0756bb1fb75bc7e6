"""Coverage-guided fuzzing of the readers of exports, a family at a time; not run by pytest.

    python tests/fuzz/fuzz_formats_tables.py -max_total_time=600

needs atheris (``pip install atheris``) and prints libFuzzer's report. Whatever the bytes are, a reader may only yield batches
or raise ``InputError``: anything else is a finding, and so is more than 1 GB or 20 seconds for one input.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIMITS = ("-rss_limit_mb=1024", "-timeout=20", "-max_len=30000", "-len_control=0", "-print_final_stats=1")


def consume(format: str, contents: Mapping[str, bytes]) -> None:
    """Read files of ``format``, and check what must hold of whatever comes out."""
    from ipclass import formats
    from ipclass.errors import InputError
    from ipclass.records import STANDARD

    inputs = [formats.Input(name, lambda content=content: io.BytesIO(content)) for name, content in contents.items()]
    try:
        for batch in formats.read(format, inputs, title_only=True):
            assert tuple(batch.frame.columns) == STANDARD
            assert batch.frame.height + len(batch.rejects) > 0
            assert batch.frame.null_count().sum_horizontal()[0] == 0
            for document in formats.documents(batch.frame):
                assert all(";" not in applicant.name for applicant in document.applicants)
                assert all("/" in code or len(code) <= 8 for code in (*document.cpc, *document.ipc))
            for reject in batch.rejects:
                assert reject.file in contents
                assert reject.place
                assert reject.reason
                assert "\n" not in reject.reason
    except InputError as error:
        told = str(error)
    else:
        told = ""
    assert "\n" not in told, told


def fuzz(
    formats_by_byte: Sequence[str],
    seeds: Callable[[], Mapping[str, Sequence[bytes]]],
    split: bytes = b"",
    change: Callable[[bytes], bytes] = lambda content: content,
) -> None:
    """Fuzz the formats of one family: the first byte of an input says which, the rest is the file.

    ``seeds`` returns files to begin with, by format. With ``split`` the rest is several files, with that between them;
    ``change`` makes a file of what the fuzzer makes.
    """
    import atheris

    with atheris.instrument_imports(include=["ipclass.formats", "ipclass.excel"]):
        import ipclass.formats
        import ipclass.formats.exchange
        import ipclass.formats.joined
        import ipclass.formats.recognition
        import ipclass.formats.tabular
        import ipclass.formats.uspto
        import ipclass.formats.vendor_json

    def one(data: bytes) -> None:
        if not data:
            return
        format = formats_by_byte[data[0] % len(formats_by_byte)]
        content = change(data[1:])
        ipclass.formats.recognise("fuzz", content)
        files = content.split(split) if split else [content]
        consume(format, {f"file {n}": each for n, each in enumerate(files[:8])})

    with tempfile.TemporaryDirectory(prefix="ipclass-fuzz-") as folder:
        for number, format in enumerate(formats_by_byte):
            for n, content in enumerate(seeds()[format]):
                (Path(folder) / f"{format}-{n}").write_bytes(bytes([number]) + content)
        atheris.Setup([*sys.argv, *LIMITS, folder], one)
        atheris.Fuzz()


def written(*variants: str) -> dict[str, list[bytes]]:
    """Return the fixtures of the tests by format, each as one file, or as several with the family's split between them."""
    sys.path.insert(0, str(ROOT / "tests" / "formats"))
    from sources import INVENTED, WRITERS

    found: dict[str, list[bytes]] = {}
    for variant in variants:
        found.setdefault(variant.split()[0], []).append(SPLIT.join(WRITERS[variant](INVENTED).values()))
    return found


SPLIT = b"\n==== next file ====\n"
