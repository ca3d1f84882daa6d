"""What the figures are to be, by size; and by how much they are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Case = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Aim:
    """A figure and the most that it may be. limits: by virtual servers, or one for every size."""

    name: str
    unit: str
    figure: Callable[[Case], float | None]
    limits: Mapping[int, float] | float

    def limit(self, servers: int) -> float | None:
        return self.limits.get(servers) if isinstance(self.limits, Mapping) else self.limits


AIMS = (
    Aim("one endpoint change, p50", "ms", lambda c: c["one_change"]["p50_ms"], {3000: 5}),
    Aim(
        "one endpoint change, p99",
        "ms",
        lambda c: c["one_change"]["p99_ms"],
        {100: 10, 1000: 10, 3000: 25, 10000: 50},
    ),
    Aim("requests for one change", "", lambda c: c["one_change"]["requests_each_most"], 1),
    Aim("body of one change", "bytes", lambda c: c["one_change"]["body_bytes_most"], 299),
    Aim("churn, p99 to the device", "s", lambda c: c["churn"]["p99_s"], 1),
    Aim("changes lost in churn", "", lambda c: c["churn"]["lost"], 0),
    Aim("writes by a restart with nothing to do", "", lambda c: c["restart"]["writes"], 0),
    Aim("restart to in sync", "s", lambda c: c["restart"]["to_in_sync_s"], {1000: 3, 10000: 20}),
    Aim("takeover from a leader that ends", "s", lambda c: max(c["takeover"]["graceful_s"]), {1000: 2}),
    Aim("takeover from a leader that was killed", "s", lambda c: max(c["takeover"]["crash_s"]), {1000: 15}),
    Aim("cold start to in sync", "s", lambda c: c["cold_start"]["to_in_sync_s"], {1000: 30, 10000: 300}),
    Aim("a change during a cold start, worst", "s", lambda c: c["interrupted"]["changes"]["worst_s"], 1),
    Aim("such changes that were lost", "", lambda c: c["interrupted"]["changes"]["lost"], 0),
    Aim("written again when resumed", "", lambda c: c["interrupted"]["resumed"]["written_again"], 0),
    Aim("planned from raw objects", "s", lambda c: c["planning"]["whole_s"], {100: 2, 1000: 2}),
    Aim(
        "resident memory, high water",
        "MiB",
        lambda c: c["memory"]["rss_high_water_mib"],
        {100: 100, 1000: 100, 3000: 120, 10000: 250},
    ),
    Aim("writes at rest", "", lambda c: c["at_rest"]["writes"], 0),
    Aim("CPU at rest", "% of a core", lambda c: 100 * c["at_rest"]["cpu_share"], 0.5),
)


def judge(case: Case) -> list[dict[str, Any]]:
    """Each aim that holds for the size and of which there is a figure, and whether it is met."""
    found = []
    for aim in AIMS:
        limit, figure = aim.limit(case["virtual_servers"]), aim.figure(case)
        if limit is not None and figure is not None:
            found.append({"aim": aim.name, "unit": aim.unit, "limit": limit, "figure": figure, "met": figure <= limit})
    return found


def words(judged: Mapping[str, Any]) -> str:
    """An aim and its figure, for people."""
    unit = f" {judged['unit']}" if judged["unit"] else ""
    return f"{judged['aim']}: {judged['figure']:.4g}{unit}, at most {judged['limit']:g}"
