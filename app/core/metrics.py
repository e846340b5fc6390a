"""Prometheus metrics: rate, errors and duration by route template, and the pool. No identifiers in labels."""

import functools

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from sqlalchemy import QueuePool
from sqlalchemy.ext.asyncio import AsyncEngine

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """The metrics of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "plp_requests_total", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self._duration = Histogram(
            "plp_request_seconds", "Time to answer.", ["method", "route"], buckets=BUCKETS, registry=self.registry
        )
        self._series = functools.cache(self._find_series)
        self._pool = Gauge("plp_pool_connections", "Database connections.", ["state"], registry=self.registry)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        counted, timed = self._series(method, route, status // 100)
        counted.inc()
        timed.observe(seconds)

    def _find_series(self, method: str, route: str, hundreds: int) -> tuple[Counter, Histogram]:
        """The two series of a kind of request; finding them by label costs more than counting."""
        return self._requests.labels(method, route, f"{hundreds}xx"), self._duration.labels(method, route)

    def exposition(self, engine: AsyncEngine) -> bytes:
        """The text that a scrape gets."""
        pool = engine.pool
        if isinstance(pool, QueuePool):
            self._pool.labels("in_use").set(pool.checkedout())
            self._pool.labels("idle").set(pool.checkedin())
        return generate_latest(self.registry)
