"""Blocks handed to processes, of this machine or of a cluster, and their results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from ipclass.errors import OutputError, WorkerError

Block = TypeVar("Block")
Result = TypeVar("Result")

_AHEAD = 2  # blocks a worker that are under way: one worked on and one waiting
_MOST_WAITING = 6  # blocks a worker whose results may wait for an earlier one
_ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1")


class Workers:
    """Processes that work on blocks.

    Args:
        executor: What runs a function on a worker.
        size: How many workers there are.
        local: Whether the workers are of this machine: they see the same files, and this process works on blocks too.
        died: What is raised where a worker has died.
        close: What ends the workers.
    """

    def __init__(self, executor: Executor, size: int, local: bool, died: type[Exception], close: Callable[[], object]) -> None:
        self._executor = executor
        self._size = size
        self._died = died
        self.local = local
        self.close = close

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def prepare(self, function: Callable[..., object], *arguments: object) -> None:
        """Let the workers start, and load what they need, while there is still something else to do here."""
        for _ in range(self._size):
            self._executor.submit(_done, function, *arguments)

    def map(self, function: Callable[[Block], Result], blocks: Iterable[Block]) -> Iterator[Result]:
        """Yield ``function`` of each block, in order. Only a few are under way at once, so that memory does not grow.

        Raises:
            WorkerError: A worker died.
        """
        waiting: deque[Future[Result]] = deque()
        most = (_MOST_WAITING if self.local else _AHEAD) * self._size
        try:
            for block in blocks:
                while waiting and (waiting[0].done() or len(waiting) >= most):
                    yield waiting.popleft().result()
                busy = sum(not future.done() for future in waiting) >= _AHEAD * self._size
                waiting.append(_here(function, block) if busy else self._executor.submit(function, block))
            while waiting:
                yield waiting.popleft().result()
        except self._died as error:
            raise WorkerError("a worker died, perhaps for want of memory; go on with --resume and fewer --jobs") from error


def _here(function: Callable[[Block], Result], block: Block) -> Future[Result]:
    """Do the work of a worker in this process, as all of them are busy."""
    future: Future[Result] = Future()
    future.set_result(function(block))
    return future


def _done(function: Callable[..., object], *arguments: object) -> None:
    function(*arguments)  # what it returns stays with the worker


def local_workers(jobs: int) -> Workers:
    """Return processes of this machine, each of which keeps to one core: with this one, which works too, they are ``jobs``."""
    from joblib.externals.loky import ProcessPoolExecutor

    executor = ProcessPoolExecutor(max_workers=jobs - 1, env=_ONE_CORE)
    return Workers(executor, jobs - 1, True, BrokenProcessPool, lambda: executor.shutdown(wait=True, kill_workers=True))


def dask_workers(scheduler: str) -> Workers:
    """Return the workers of a Dask cluster; a block whose worker dies is done again by another.

    Every worker needs ipclass, and the model folder under the same name if it is not the shipped one.

    Raises:
        OutputError: The extra is not installed, or nothing answers at ``scheduler``.
    """
    try:
        import dask
        from distributed import Client, KilledWorker
        from distributed.comm import get_address_host_port
    except ImportError as error:
        raise OutputError("a Dask cluster needs the extra: pip install 'ipclass[dask]'") from error
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1GB"})  # blocks travel with their tasks
    try:
        get_address_host_port(scheduler)  # a client of what is no address complains again when it is deleted
        client = Client(scheduler, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        raise OutputError(f"{scheduler}: no Dask scheduler answers there: {error}") from error
    size = max(1, sum(client.ncores().values()))
    return Workers(client.get_executor(pure=False), size, False, KilledWorker, client.close)
