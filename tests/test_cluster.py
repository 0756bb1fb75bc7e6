"""A real Dask cluster on this machine, with a worker killed half-way."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ipclass import batch, blocks, files, workers
from ipclass.errors import OutputError

distributed = pytest.importorskip("distributed", reason="the extra ipclass[dask] is not installed")

pytestmark = [
    pytest.mark.slow,
    # Dask's own threads and sockets outlive a killed worker for a moment, which Python reports as it collects them
    pytest.mark.filterwarnings("default"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[object]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cluster") / "in.csv"
    rows = [f'{n},Pump {n},"A pump with valve {n} and a qubit."\n' for n in range(2900)]
    rows += [f"{n},A pump with a valve and a qubit,\n" for n in range(2900, 3000)]
    path.write_text("id,title,abstract\n" + "".join(rows))
    return path


def test_a_killed_worker_loses_and_doubles_nothing(
    cluster: object, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 4000)
    job = batch.Job(files.Source(str(table)).layout, "", "strict", 0, "csv")
    alone, spread = tmp_path / "alone.csv", tmp_path / "spread.csv"
    told = batch.run(files.Source(str(table)), str(alone), job)
    address = cluster.scheduler_address  # type: ignore[attr-defined]
    with distributed.Client(address, set_as_default=False) as client:
        pids = list(client.run(os.getpid).values())
    seen: list[int] = []

    def kill_one(rows: int) -> None:
        seen.append(rows)
        if len(seen) == 5:
            os.kill(pids[0], signal.SIGKILL)

    with workers.dask_workers(address) as hired:
        summary = batch.run(files.Source(str(table)), str(spread), job, workers=hired, progress=kill_one)
    assert len(seen) > 10
    assert summary == told
    assert (summary.rows, summary.scope["title only"]) == (3000, 100)
    assert spread.read_bytes() == alone.read_bytes()


def test_no_scheduler_is_one_line() -> None:
    with pytest.raises(OutputError, match="no Dask scheduler answers") as error:
        workers.dask_workers("tcp://127.0.0.1:1")
    with pytest.raises(OutputError, match="nonsense: no Dask scheduler answers there: missing port number"):
        workers.dask_workers("nonsense")
    assert "\n" not in str(error.value)
