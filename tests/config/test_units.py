"""Settings for a device with several units: what is missing, what has no effect, and which driver follows."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from turnbuckle.config import CredentialSource, load, needs_device
from turnbuckle.config.load import Loaded
from turnbuckle.drivers.icontrol.driver import IControlDriver
from turnbuckle.drivers.icontrol.group import GroupDriver
from turnbuckle.runtime.assemble import driver_for

DEVICE = {"bigip-url": ["b1"], "bigip-username": ["admin"], "bigip-password": ["x"]}


def loaded(**flags: Sequence[str]) -> Loaded:
    return load({**DEVICE, **{name.replace("_", "-"): texts for name, texts in flags.items()}}, {})


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"ha_mode": ["both"]}, '--ha-mode is "both"'),
        ({"ha_mode": ["group"]}, "--ha-mode=group is given and no other unit."),
        ({"ha_mode": ["group"], "bigip_peer_url": ["https://b1"]}, "--ha-mode=group is given and no other unit."),
        ({"ha_mode": ["group"], "bigip_peer_url": ["http://b2"]}, '--bigip-peer-url is "http://b2"'),
        ({"bigip_peer_url": ["b2"]}, "--bigip-peer-url is given, and --ha-mode is unit"),
        ({"device_group": ["dg"]}, "--device-group is given, and --ha-mode is unit"),
    ],
)
def test_a_mistake_about_units_is_one_sentence(flags: dict[str, list[str]], words: str) -> None:
    found = loaded(**flags)
    [mistake] = [*found.mistakes, *needs_device(found)]
    assert words in str(mistake)


def test_without_a_word_about_units_one_device_is_written_to() -> None:
    found = loaded()
    assert not list(needs_device(found))
    assert isinstance(driver_for(found.config, CredentialSource(found.config), "me", ("k8s",)), IControlDriver)


def test_a_group_has_a_driver_for_each_unit_once() -> None:
    found = loaded(ha_mode=["group"], bigip_peer_url=["b2", "https://b1", "https://b2"])
    assert not list(needs_device(found))
    driver = driver_for(found.config, CredentialSource(found.config), "me", ("k8s",))
    assert isinstance(driver, GroupDriver)
    assert [unit.url for unit in driver._units] == ["https://b1", "https://b2"]
