"""Parallel runs: in processes on this machine, or on a Dask cluster.

Both use joblib. On this machine, the threads of the BLAS are divided among the processes, by
``OPENBLAS_NUM_THREADS`` in their environment, unless the user has set it. On a cluster, the
workers must have the package, and see the data and the results folder under the same paths.

If a worker process dies, for example because memory ran out, the runs in progress are restarted
after the others, one by one. If the process that started the workers dies, they exit
(:mod:`dltutorials._startup`), and joblib's own helper then removes what they shared.
"""

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from typing import Any

from dltutorials._startup import OWNER
from dltutorials.backend.flags import environment
from dltutorials.exceptions import ClusterError, SetupError, reason_of
from dltutorials.selection.records import Job, RunRecord, failed
from dltutorials.selection.runs import run_job

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError

CONNECT_TIMEOUT = 5  # seconds
WORKERS_TIMEOUT = 5
_CHATTY = ("asyncio", "distributed", "tornado")


def run_jobs(
    jobs: Sequence[Job], n_processes: int = 1, scheduler: str | None = None
) -> Iterator[RunRecord]:
    """Carry out jobs in parallel; yield their records as they finish.

    Parameters
    ----------
    jobs : sequence of Job
    n_processes : int
        The number of processes on this machine.
    scheduler : str, optional
        The address of a Dask scheduler; its workers are used instead of local processes.

    Raises
    ------
    SetupError
        If a scheduler is given and ``distributed`` is not installed.
    ClusterError
        If the scheduler cannot be reached or has no workers, now or later.
    """
    with _backend(scheduler) as (backend, death):
        waiting: dict[str, Job] = {job.key: job for job in jobs}
        suspects: list[Job] = []
        while waiting:
            try:
                for record in _in_parallel(list(waiting.values()), n_processes, backend):
                    del waiting[record["key"]]
                    yield record
            except death:
                under_way = list(waiting)[: n_processes if scheduler is None else None]
                suspects += map(waiting.pop, under_way)
        for job in suspects:  # each alone, to find out which one it is
            try:
                yield from _in_parallel([job], n_processes, backend)
            except death:
                yield failed(job, "its process was killed; is there enough memory?")


@contextlib.contextmanager
def _backend(scheduler: str | None) -> Iterator[tuple[str | None, Any]]:
    """Yield joblib's backend, and the exception that it raises if a worker process has died."""
    if scheduler is None:
        with environment(OWNER, str(os.getpid())):
            yield "loky", TerminatedWorkerError
        return
    try:
        import distributed
        from distributed.comm.addressing import get_address_host_port
    except ImportError as error:
        raise SetupError(
            f"--dask needs the packages dask and distributed ({error}); "
            "install them: pip install 'dltutorials[cluster]'"
        ) from None
    try:
        get_address_host_port(scheduler)  # a client would fail twice on an invalid address
        with contextlib.ExitStack() as stack:
            stack.enter_context(_silent())
            client = distributed.Client(scheduler, timeout=CONNECT_TIMEOUT, set_as_default=False)
            stack.enter_context(client)
            _require_workers(client, distributed.TimeoutError)
            stack.enter_context(joblib.parallel_config("dask", client=client))
            yield None, distributed.KilledWorker
    except (OSError, ValueError, CancelledError) as error:
        reason = reason_of(error)
        raise ClusterError(f"the Dask scheduler {scheduler} cannot be used: {reason}") from None


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep Dask from logging pages about a lost connection; errors that matter are raised."""
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in _CHATTY]
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, disabled in zip(loggers, before):
            logger.disabled = disabled


def _require_workers(client: Any, timeout_error: Any) -> None:
    try:
        client.wait_for_workers(1, timeout=WORKERS_TIMEOUT)
    except timeout_error:
        raise ValueError(
            f"it has no workers after {WORKERS_TIMEOUT} s; start some: dask worker ADDRESS"
        ) from None


def _in_parallel(jobs: Sequence[Job], n_processes: int, backend: str | None) -> Iterator[RunRecord]:
    parallel = joblib.Parallel(
        n_processes,
        backend=backend,
        batch_size=1,
        # No run waits in the pool, where an interruption would cause disorder; a cluster must
        # know all runs, since workers may still join it.
        pre_dispatch="n_jobs" if backend else "all",
        return_as="generator_unordered",
    )
    return parallel(joblib.delayed(run_job)(job, os.getpid()) for job in jobs)
