"""A Ray cluster of several nodes, simulated on this machine."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

MEMORY = 100 * 2**20
"""Of the object store of a node."""


@contextmanager
def cluster_of(workers: int, cpus: int = 1) -> Iterator[tuple[Any, list[Any]]]:
    """A cluster with a head, and its other nodes, which alone run tasks; ended at the end, whatever is left of it.

    Without other nodes the head runs them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Ray's own code
        pytest.importorskip("ray", reason="Ray is not installed")
        from ray.cluster_utils import Cluster

        before = signal.getsignal(signal.SIGTERM)
        head = {"num_cpus": 0 if workers else cpus, "include_dashboard": False, "object_store_memory": MEMORY}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        try:
            nodes = [cluster.add_node(num_cpus=cpus, object_store_memory=MEMORY) for _ in range(workers)]
            yield cluster, nodes
        finally:
            cluster.shutdown()
            signal.signal(signal.SIGTERM, before)
