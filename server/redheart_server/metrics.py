"""What a server measures of itself, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from fastapi import APIRouter
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import InfoMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import Response

from redheart_server.access import Access, needs
from redheart_server.documents import METRICS

if TYPE_CHECKING:
    from redheart_server.served import Served

_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_ITEMS = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """Counters of one server, over all of its processes; nothing in them tells a text, a key or a client."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("route", "status")
        self._requests = Counter("redheart_requests", "Requests that were answered", labels, registry=self.registry)
        self._seconds = Histogram(
            "redheart_request_seconds", "From the first byte to the last", ("route",), buckets=_SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self._items = Histogram(
            "redheart_batch_items", "Texts that were answered together", buckets=_ITEMS, registry=self.registry
        )
        self._computing = Histogram(
            "redheart_batch_seconds", "Computing of one batch", buckets=_SECONDS, registry=self.registry
        )
        self._by_worker = Counter(
            "redheart_items", "Texts that each process has answered", ("worker",), registry=self.registry
        )
        self._waiting = Gauge("redheart_waiting_items", "Texts that wait for an answer", registry=self.registry)
        self._replaced = Counter(
            "redheart_workers_replaced", "Processes that died and were replaced", registry=self.registry
        )

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def batch(self, worker: int, items: int, seconds: float) -> None:
        """Count what a process has computed together."""
        self._by_worker.labels(str(worker)).inc(items)
        self._items.observe(items)
        self._computing.observe(seconds)

    def replaced(self) -> None:
        """Count a process that died."""
        self._replaced.inc()

    def watch(
        self,
        waiting: Callable[[], int],
        models: Callable[[], Mapping[str, Served]],
        processes: Callable[[], Mapping[int, int]],
    ) -> None:
        """From now on these are read whenever somebody asks.

        Args:
            waiting: Texts that wait.
            models: That answer.
            processes: Number of a worker to the id of its process.
        """
        self._waiting.set_function(lambda: float(waiting()))
        self.registry.register(_Models(models))
        self.registry.register(_Processes(processes))


class _Models(Collector):
    """The models that answer, as information."""

    def __init__(self, models: Callable[[], Mapping[str, Served]]) -> None:
        self._models = models

    def collect(self) -> Sequence[InfoMetricFamily]:
        found = InfoMetricFamily("redheart_model", "A model that answers", labels=("name",))
        for served in self._models().values():
            found.add_metric((served.name,), {"title": served.title, "loaded": served.loaded})
        return [found]


class _Processes(Collector):
    """Memory, processor time and open files of every process, as Prometheus names them, by worker; on Linux alone."""

    def __init__(self, processes: Callable[[], Mapping[int, int]]) -> None:
        self._processes = processes

    def collect(self) -> Sequence[Metric]:
        found: dict[str, Metric] = {}
        for number, pid in self._processes().items():
            for one in ProcessCollector(registry=None, pid=partial(int, pid)).collect():
                family = found.setdefault(one.name, Metric(one.name, one.documentation, one.type))
                for sample in one.samples:
                    family.add_sample(sample.name, {**sample.labels, "worker": str(number)}, sample.value)
        return list(found.values())


def metrics_routes(metrics: Metrics, access: Access) -> APIRouter:
    """The route that Prometheus asks."""
    router = APIRouter(tags=["about"], dependencies=[needs(access, "metrics")])

    @router.get("/metrics", responses=METRICS, response_class=Response, summary="Figures for Prometheus")
    async def read() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router
