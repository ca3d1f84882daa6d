"""Where addresses come from, as settings say it: what is wrong there, and what excludes what."""

from __future__ import annotations

import json

import pytest

from turnbuckle.config import load, needs_of_run

RUN = {
    "bigip-url": ["bigip"],
    "bigip-username": ["admin"],
    "bigip-password": ["secret"],
    "bigip-partition": ["k8s"],
    "folder": ["."],
}
GRID = {
    "infoblox-grid-host": ["grid.example.com"],
    "infoblox-username": ["connector"],
    "infoblox-password": ["seal-me"],
    "infoblox-labels": ['{"Dev": {"cidr": "10.1.0.0/24"}}'],
}


def mistakes(**flags: list[str]) -> list[str]:
    loaded = load({**RUN, **{name.replace("_", "-"): texts for name, texts in flags.items()}}, {})
    return [f"{mistake.setting}: {mistake.text}" for mistake in [*loaded.mistakes, *needs_of_run(loaded)]]


@pytest.mark.parametrize("text", ["Dev", "[]", '{"Dev": "10.0.0"}', '{"Dev": "10.0.0.1", "Test": "10.0.0.1"}'])
def test_a_text_that_describes_no_pools_is_told_with_an_example(text: str) -> None:
    (told,) = mistakes(ip_range=[text])
    assert told.startswith("ip-range: --ip-range describes no pools of addresses: ")
    assert told.endswith("""Write for example {"Dev": "10.0.0.1-10.0.0.10,10.0.1.0/24,!10.0.1.9"}.""")


def test_ranges_of_any_length_are_read() -> None:
    text = json.dumps({"Dev": ",".join(f"10.0.{n}.1-10.0.{n}.9" for n in range(250))})
    assert load({**RUN, "ip-range": [text]}, {}).config.ip_range == text


def test_a_grid_needs_a_login_and_labels_and_goes_with_no_ranges() -> None:
    assert mistakes(**GRID) == []
    assert [one.partition(":")[0] for one in mistakes(infoblox_grid_host=["grid"])] == [
        "infoblox-username",
        "infoblox-password",
        "infoblox-labels",
    ]
    assert [one.partition(":")[0] for one in mistakes(**GRID, ip_range=['{"Dev": "10.0.0.1"}'])] == ["ip-range"]
    assert [one.partition(":")[0] for one in mistakes(infoblox_labels=GRID["infoblox-labels"])] == ["infoblox-labels"]


@pytest.mark.parametrize("host", ["https://grid", "grid:443", "grid/wapi", "gr id", "-"])
def test_a_grid_is_named_by_its_host_alone(host: str) -> None:
    (told,) = mistakes(**{**GRID, "infoblox-grid-host": [host]})
    assert told == (
        f'infoblox-grid-host: --infoblox-grid-host is "{host}", which is no host. '
        "Write its name or its address alone, as grid.example.com."
    )


def test_an_ipam_controller_needs_a_cluster_and_goes_with_no_other_place_for_addresses() -> None:
    assert [one.partition(":")[0] for one in mistakes(ipam=["true"])] == ["ipam"]
    both = mistakes(ipam=["true"], ip_range=['{"Dev": "10.0.0.1"}'])
    assert [one.partition(":")[0] for one in both] == ["ipam", "ip-range"]
