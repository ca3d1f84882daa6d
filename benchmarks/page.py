"""The figures of a run as tables: on the terminal, and in Markdown between the marks of docs/performance.md."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import ingresses
from benchmarks.aims import words

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
END = "<!-- end of the figures -->\n"
MARKS = {
    "fake": "<!-- figures of `make bench RECORD=1` -->\n",
    "real": "<!-- figures of `make bench RECORD=1` against a real API server -->\n",
    "ingresses": "<!-- figures of `python -m benchmarks --ingresses 1000 --record` -->\n",
    "profile": "<!-- profile of `make bench RECORD=1` -->\n",
}

Case = dict[str, Any]


def _s(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"


def _during(case: Case) -> str:
    found = case["interrupted"]["changes"]
    return f"{_s(found['p99_s'])}, {_s(found['worst_s'])} of {found['changes']}"


def _resumed(case: Case) -> str:
    found = case["interrupted"]["resumed"]
    there, made = found["created_before"], found["created_after"]
    return f"{_s(found['to_in_sync_s'])}; {there:,}, {made:,}, {found['written_again']}"


def _scan(found: Case) -> str:
    return f"{_s(found['seconds'])}, {found['requests']}, {found['answer_bytes'] / 1000:,.0f} kB, {_s(found['cpu_s'])}"


def _gc(found: Case) -> str:
    return f"{found['count']}, {found['worst_ms']:.1f} ms"


Rows = tuple[tuple[str, Callable[[Case], str]], ...]
ROWS: Rows = (
    (
        "planning: decode, translate, compose, compare, cut",
        lambda c: f"{_s(c['planning']['whole_s'])} ({c['planning']['operations']:,} operations)",
    ),
    ("planning anew when nothing differs", lambda c: f"{1000 * c['planning']['compare_all_again_s']:.0f} ms"),
    ("cold start to in sync", lambda c: _s(c["cold_start"]["to_in_sync_s"])),
    ("— CPU of it", lambda c: _s(c["cold_start"]["cpu_s"])),
    ("— requests to the BIG-IP", lambda c: f"{c['cold_start']['requests']:,}"),
    (
        "— bytes of bodies and of headers",
        lambda c: f"{c['cold_start']['body_bytes']:,} and {c['cold_start']['header_bytes']:,}",
    ),
    ("— endpoint changes during it, to the device: p99, worst", _during),
    ("— resumed after a kill: to in sync; objects before, after, twice", _resumed),
    ("one endpoint change, p50", lambda c: f"{c['one_change']['p50_ms']:.1f} ms"),
    ("one endpoint change, p99", lambda c: f"{c['one_change']['p99_ms']:.1f} ms"),
    (
        "— CPU of it, p50 and p99",
        lambda c: f"{c['one_change']['cpu_p50_ms']:.1f} and {c['one_change']['cpu_p99_ms']:.1f} ms",
    ),
    (
        "— engine and planner alone",
        lambda c: "{one_endpoint_engine_ms:.2f}, {one_endpoint_plan_ms:.2f} ms".format(**c["planning"]),
    ),
    ("— requests to the BIG-IP, at most", lambda c: f"{c['one_change']['requests_each_most']}"),
    (
        "— bytes of body, mean and at most",
        lambda c: f"{c['one_change']['body_bytes_mean']:.0f} and {c['one_change']['body_bytes_most']}",
    ),
    ("— bytes of headers, mean", lambda c: f"{c['one_change']['header_bytes_mean']:.0f}"),
    ("— pauses of the garbage collector, the longest", lambda c: _gc(c["one_change"]["gc"])),
    ("churn: changes a second, changes, lost", lambda c: "{per_s:.0f}, {changes:,}, {lost}".format(**c["churn"])),
    ("— put to done on the device, p50", lambda c: _s(c["churn"]["p50_s"])),
    ("— p99", lambda c: _s(c["churn"]["p99_s"])),
    ("— worst", lambda c: _s(c["churn"]["worst_s"])),
    ("— requests, transactions", lambda c: f"{c['churn']['requests']:,}, {c['churn']['transactions']:,}"),
    (
        "— bytes of bodies and of headers",
        lambda c: f"{c['churn']['body_bytes']:,} and {c['churn']['header_bytes']:,}",
    ),
    ("— pauses of the garbage collector, the longest", lambda c: _gc(c["churn"]["gc"])),
    (
        "at rest: writes, requests",
        lambda c: f"{c['at_rest']['writes']}, {c['at_rest']['requests']} in {c['at_rest']['seconds']:.0f} s",
    ),
    ("at rest: CPU", lambda c: f"{100 * c['at_rest']['cpu_share']:.2f} % of a core"),
    ("restart to in sync, writes", lambda c: f"{_s(c['restart']['to_in_sync_s'])}, {c['restart']['writes']}"),
    ("— CPU of it", lambda c: _s(c["restart"]["cpu_s"])),
    ("leader told to end, to a change done by the next one: worst", lambda c: _s(max(c["takeover"]["graceful_s"]))),
    ("leader killed, to a change done by the next one: worst", lambda c: _s(max(c["takeover"]["crash_s"]))),
    ("— writes of a takeover besides the change, at most", lambda c: f"{max(c['takeover']['writes']) - 1}"),
    ("drift scan, nothing changed: time, requests, answers, CPU", lambda c: _scan(c["scan"]["unchanged"])),
    ("drift scan, 10 changed by hand", lambda c: _scan(c["scan"]["by_hand"])),
    (
        "resident memory, now and high water",
        lambda c: f"{c['memory']['rss_mib']:.0f} and {c['memory']['rss_high_water_mib']:.0f} MiB",
    ),
)


def _title(case: Case) -> str:
    return ingresses.title(case) if "ingresses" in case else f"{case['virtual_servers']:,} virtual servers"


def _rows(name: str) -> Rows:
    return ingresses.ROWS if name == "ingresses" else ROWS


def show(case: Case, name: str) -> None:
    """Prints a case of a run. name: "fake", "real" or "ingresses"."""
    print(f"\n{_title(case)}")
    for row, text in _rows(name):
        print(f"  {row:<64} {text(case)}")
    if "profile" in case:
        spent = sorted(case["profile"]["ms_each"].items(), key=_most)
        print("  profile of a change: " + ", ".join(f"{package} {ms:.2f} ms" for package, ms in spent))
    for judged in case.get("aims", ()):
        print(f"  {'met' if judged['met'] else 'NOT MET':<8} {words(judged)}")


def _most(item: tuple[str, float]) -> float:
    return -item[1]


def _markdown(cases: list[Case], rows: list[tuple[str, list[str]]]) -> list[str]:
    head = "".join(f" {_title(case)} |" for case in cases)
    lines = [f"| |{head}", "|---|" + "---:|" * len(cases)]
    return lines + [f"| {name} |" + "".join(f" {value} |" for value in values) for name, values in rows]


def _figures(run: Case, name: str) -> str:
    cases, machine = run["cases"], run["machine"]
    where = (
        f"Measured at {run['measured_at']} with Python {run['python']} on {machine['cores']} cores "
        f"({machine['system']}; load {machine['load_before']:.1f} before the run). "
        f"The run took {run['took_s'] / 60:.0f} min."
    )
    missed = [
        f"* {_title(case)}: {words(judged)}" for case in cases for judged in case.get("aims", ()) if not judged["met"]
    ]
    verdict = ["Aims not met in this run:", "", *missed] if missed else ["All aims were met in this run."]
    if not any("aims" in case for case in cases):
        verdict = []
    table = _markdown(cases, [(row, [text(case) for case in cases]) for row, text in _rows(name)])
    return "\n".join([where, "", *table, "", *verdict, ""])


def _profiles(run: Case) -> str:
    cases = run["cases"]
    spent = [case["profile"]["ms_each"] for case in cases]
    names = sorted({name for one in spent for name in one})
    rows = [(f"`{name}`", [f"{one.get(name, 0.0):.2f} ms" for one in spent]) for name in names]
    rows.append(("all", [f"{sum(one.values()):.2f} ms" for one in spent]))
    return "\n".join([*_markdown(cases, rows), ""])


def record(run: Case, name: str) -> None:
    """Puts the figures of a run into the page. name: "fake", "real" or "ingresses"; the profile is that of the fake."""
    text = _between(PAGE.read_text(encoding="utf-8"), MARKS[name], _figures(run, name))
    if name == "fake":
        text = _between(text, MARKS["profile"], _profiles(run))
    PAGE.write_text(text, encoding="utf-8")


def _between(text: str, mark: str, body: str) -> str:
    before, rest = text.split(mark)
    return before + mark + body + END + rest.split(END, 1)[1]
