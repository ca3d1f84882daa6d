"""The figures of a run as a Markdown table, put between two marks of docs/performance.md."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- figures of `make bench RECORD=1` -->\n", "<!-- end of the figures -->\n"

Case = dict[str, Any]

ROWS: tuple[tuple[str, Callable[[Case], str]], ...] = (
    (
        "planning: decode, translate, compose, compare, cut",
        lambda c: f"{c['planning']['whole_s']:.2f} s ({c['planning']['operations']} operations)",
    ),
    ("planning anew when nothing differs", lambda c: f"{1000 * c['planning']['compare_all_again_s']:.0f} ms"),
    ("cold start to in sync", lambda c: f"{c['cold_start']['to_in_sync_s']:.0f} s"),
    ("— CPU of it", lambda c: f"{c['cold_start']['cpu_s']:.1f} s"),
    ("— requests to the BIG-IP", lambda c: f"{c['cold_start']['requests']}"),
    (
        "— bytes of bodies and of headers",
        lambda c: f"{c['cold_start']['body_bytes']:,} and {c['cold_start']['header_bytes']:,}",
    ),
    ("one endpoint change, p50", lambda c: f"{c['one_change']['p50_ms']:.1f} ms"),
    ("one endpoint change, p99", lambda c: f"{c['one_change']['p99_ms']:.1f} ms"),
    (
        "— CPU of it, p50 and p99",
        lambda c: f"{c['one_change']['cpu_p50_ms']:.1f} and {c['one_change']['cpu_p99_ms']:.1f} ms",
    ),
    ("— requests to the BIG-IP, at most", lambda c: f"{c['one_change']['requests_each_most']}"),
    (
        "— bytes of body, mean and at most",
        lambda c: f"{c['one_change']['body_bytes_mean']:.0f} and {c['one_change']['body_bytes_most']}",
    ),
    ("— bytes of headers, mean", lambda c: f"{c['one_change']['header_bytes_mean']:.0f}"),
    (
        "at rest: writes, requests",
        lambda c: f"{c['at_rest']['writes']}, {c['at_rest']['requests']} in {c['at_rest']['seconds']:.0f} s",
    ),
    ("at rest: CPU", lambda c: f"{1000 * c['at_rest']['cpu_s']:.0f} ms in {c['at_rest']['seconds']:.0f} s"),
    (
        "restart to in sync, writes",
        lambda c: f"{c['restart']['to_in_sync_s']:.1f} s, {c['restart']['writes']}",
    ),
    (
        "resident memory, now and high water",
        lambda c: f"{c['memory']['rss_mib']:.0f} and {c['memory']['rss_high_water_mib']:.0f} MiB",
    ),
)


def table(run: Case) -> str:
    cases = run["cases"]
    head = "".join(f" {case['virtual_servers']} virtual servers |" for case in cases)
    lines = [f"| |{head}", "|---|" + "---:|" * len(cases)]
    lines += [f"| {name} |" + "".join(f" {value(case)} |" for case in cases) for name, value in ROWS]
    machine = run["machine"]
    where = (
        f"Measured at {run['measured_at']} with Python {run['python']} on {machine['cores']} cores "
        f"({machine['system']}; load {machine['load_before']:.1f} before the run)."
    )
    missed = [f"{case['virtual_servers']}: {aim}" for case in cases for aim, met in case["aims"].items() if not met]
    verdict = f"Aims not met in this run: {'; '.join(missed)}." if missed else "All aims were met in this run."
    return "\n".join([where, "", *lines, "", verdict, ""])


def record(run: Case) -> None:
    """Puts the figures of a run into the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    PAGE.write_text(before + BEGIN + table(run) + END + rest.split(END)[1], encoding="utf-8")
