"""Dask clusters, which do the work of a batch on several machines."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Final

from .messages import BatchError
from .workers import cores

LOCAL: Final = "local"

_PATIENCE: Final = 10  # seconds to wait for a scheduler


@contextmanager
def dask_executor(address: str, workers: int | None) -> Iterator[Executor]:
    """An executor that hands tasks to the Dask scheduler at `address`; LOCAL for a cluster on this machine.

    workers: the number of processes of a local cluster, by default that of the cores.

    Raises BatchError without the package `distributed`, and if the scheduler does not answer.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise BatchError("--dask needs the package distributed: pip install 'kpal-codec[dask]'") from error
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what fails is told for each file
    if address == LOCAL:
        with (
            LocalCluster(n_workers=workers or cores(), threads_per_worker=1, dashboard_address=":0") as local,
            Client(local) as client,
        ):
            yield client.get_executor(pure=False)
        return
    try:
        client = Client(address, timeout=_PATIENCE)
    except (OSError, ValueError) as error:  # TimeoutError is an OSError
        raise BatchError(f"the Dask scheduler at {address} does not answer: {error}") from error
    with client:
        yield client.get_executor(pure=False)
