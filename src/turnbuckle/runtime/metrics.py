"""The figures that Prometheus reads: which there are, and what each counts. docs/metrics.md is their manual.

They live in a registry of their own, one for each process object, so that two controllers in one process do not mix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from turnbuckle import __version__
from turnbuckle.model.issue import Issue, Severity
from turnbuckle.model.plan import Outcome, Result, Verb
from turnbuckle.model.tls import CertificateFile
from turnbuckle.runtime.observer import Circuit, Standing
from turnbuckle.sources.kubernetes import KindHealth
from turnbuckle.sources.leases_desk import PoolUse

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_PROPAGATION_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_REQUEST_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """Counts and measures; `page` is what Prometheus is answered.

    issues, sources, leading, pools, certificates: asked when the page is made, so that nobody has to report each change
    of them.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.issues: Callable[[], Iterable[Issue]] = tuple
        self.sources: Callable[[], Iterable[KindHealth]] = tuple
        self.leading: Callable[[], bool] = lambda: True
        self.pools: Callable[[], Iterable[PoolUse]] = tuple
        self.certificates: Callable[[], Iterable[CertificateFile]] = tuple
        self._measure_work()
        self._measure_objects()

    def _measure_work(self) -> None:
        here = self.registry
        self._propagation = Histogram(
            "turnbuckle_propagation_seconds",
            "From the arrival of a change at the source to the device's answer that it is done.",
            ["kind"],
            buckets=_PROPAGATION_S,
            registry=here,
        )
        self._queue = Gauge("turnbuckle_queue_depth", "Objects that wait for the device.", registry=here)
        self._requests = Counter(
            "turnbuckle_device_requests", "Requests to the device.", ["method", "outcome"], registry=here
        )
        self._request_s = Histogram(
            "turnbuckle_device_request_seconds",
            "How long the device took to answer.",
            ["method", "outcome"],
            buckets=_REQUEST_S,
            registry=here,
        )
        self._writes = Counter("turnbuckle_writes", "Objects written on the device.", ["verb"], registry=here)
        self._drift = Counter("turnbuckle_drift", "Objects that somebody else changed on the device.", registry=here)
        self._guard = Counter("turnbuckle_guard_trips", "Plans that were held back as too dangerous.", registry=here)
        self._circuit = Gauge(
            "turnbuckle_device_circuit", "1 for whether the device is talked to.", ["state"], registry=here
        )
        for verb in Verb:
            self._writes.labels(verb)
        self.circuit(Circuit.CLOSED)

    def _measure_objects(self) -> None:
        here = self.registry
        self._objects = Gauge("turnbuckle_objects", "Objects on the device by state.", ["state"], registry=here)
        self._issues = Gauge("turnbuckle_issues", "Mistakes and obstacles in force.", ["severity"], registry=here)
        self._lag = Gauge(
            "turnbuckle_reflector_lag_seconds",
            "Seconds since the API server was heard while the connection is broken; 0 while it stands.",
            ["kind"],
            registry=here,
        )
        self._synced = Gauge(
            "turnbuckle_last_sync_timestamp_seconds",
            "When the device was last as it should be, in seconds since 1970.",
            registry=here,
        )
        self._leader = Gauge("turnbuckle_leader", "1 in the process that writes, 0 in one that waits.", registry=here)
        self._pool_in_use = Gauge(
            "turnbuckle_ip_pool_in_use",
            "Addresses of a pool that are granted or in use.",
            ["pool", "family"],
            registry=here,
        )
        self._pool_size = Gauge("turnbuckle_ip_pool_size", "Addresses of a pool.", ["pool", "family"], registry=here)
        self._certificate_ends = Gauge(
            "turnbuckle_certificate_expiry_timestamp_seconds",
            "The day on which the certificate of a Secret ends, in seconds since 1970.",
            ["namespace", "secret"],
            registry=here,
        )
        info = Gauge("turnbuckle_build_info", "Always 1.", ["version"], registry=here)
        info.labels(__version__).set(1)
        self.states({})

    # ---- what happens

    def propagated(self, kind: str, seconds: float) -> None:
        """A change of an object of that kind has reached the device."""
        self._propagation.labels(kind).observe(seconds)

    def requested(self, method: str, outcome: str, seconds: float) -> None:
        """The device was asked. outcome: the status of the answer, or a word for having none."""
        self._requests.labels(method, outcome).inc()
        self._request_s.labels(method, outcome).observe(seconds)

    def waiting(self, count: int) -> None:
        """So many objects wait for the device."""
        self._queue.set(count)

    def wrote(self, outcome: Outcome) -> None:
        """An operation has ended."""
        if outcome.result is Result.DONE:
            self._writes.labels(outcome.operation.verb).inc()

    def synced(self, epoch_s: float) -> None:
        """Nothing is left to do, at that time."""
        self._synced.set(epoch_s)

    def circuit(self, state: Circuit) -> None:
        """Whether the device is talked to."""
        for one in Circuit:
            self._circuit.labels(one).set(one is state)

    def drifted(self) -> None:
        """Somebody else has changed an object on the device."""
        self._drift.inc()

    def guarded(self) -> None:
        """A plan was held back."""
        self._guard.inc()

    def states(self, counts: Mapping[Standing, int]) -> None:
        """So many objects stand in which way."""
        for standing in Standing:
            self._objects.labels(standing).set(counts.get(standing, 0))

    # ---- what is answered

    def page(self) -> bytes:
        """All figures in Prometheus' text form."""
        found = list(self.issues())
        for severity in Severity:
            self._issues.labels(severity).set(sum(issue.severity is severity for issue in found))
        lags: dict[str, float] = {}
        for one in self.sources():
            lags[one.kind] = max(lags.get(one.kind, 0.0), one.lag_s)
        for kind, lag_s in lags.items():
            self._lag.labels(kind).set(lag_s)
        self._leader.set(self.leading())
        self._pool_in_use.clear()
        self._pool_size.clear()
        for use in self.pools():
            self._pool_in_use.labels(use.pool, use.family).set(use.used)
            self._pool_size.labels(use.pool, use.family).set(use.size)
        self._certificate_ends.clear()
        for shown in self.certificates():
            if shown.ends is not None:
                ends = datetime.combine(shown.ends, datetime.min.time(), UTC)
                self._certificate_ends.labels(*shown.secret.split("/")).set(ends.timestamp())
        return generate_latest(self.registry)
