"""What real devices answered can be loaded, and is answered again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from caller import Client
from served import served

from bigipsim.box import Box
from bigipsim.clock import ManualClock

SHARED = os.environ.get("TURNBUCKLE_SHARED", "")
CORPUS = Path(SHARED) / "corpus" / "bigip"
VOLATILE = frozenset({"generation", "creationTime", "lastModifiedTime", "lastModified", "selfLink", "link"})

pytestmark = pytest.mark.skipif(not SHARED, reason="TURNBUCKLE_SHARED does not name the folder of recorded answers")


def recordings() -> list[str]:
    return sorted(path.name for path in CORPUS.glob("*.json")) if SHARED else []


def recorded(name: str) -> Any:
    return json.loads((CORPUS / name).read_text())


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """The objects of a recording that stand for themselves and are not listed inside another."""
    if isinstance(value, list):
        for one in value:
            yield from objects(one)
    elif isinstance(value, dict):
        if str(value.get("kind", "")).endswith("state") and "selfLink" in value:
            yield value
        else:
            for one in value.values():
                yield from objects(one)


def address(recording: dict[str, Any]) -> str:
    """Where to ask for an object: in the collection of its link, by its full path (recordings may be at odds)."""
    link: str = recording["selfLink"]
    collection = link.partition("/mgmt/")[2].partition("?")[0].rpartition("/")[0]
    name = quote(recording["fullPath"].replace("/", "~"), safe="~:")
    return f"{collection}/{name}?expandSubcollections=true"


def stable(value: Any) -> Any:
    """A recording without what differs from device to device: generations, times, links, and where children are."""
    if isinstance(value, list):
        return [stable(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {key: stable(one) for key, one in value.items() if key not in VOLATILE and key != "_meta_data"}
    for key in [key for key in kept if key.endswith("Reference")]:
        reference = kept[key]
        if isinstance(reference, dict):
            items = reference.get("items")
            if items:
                kept[key] = items
            else:
                del kept[key]
        elif isinstance(reference, list) and not any(reference):
            del kept[key]
    return kept


@pytest.mark.parametrize("name", recordings())
def test_recorded_answers_come_back_from_the_device_that_loaded_them(name: str) -> None:
    box = Box(ManualClock())
    box.load(recorded(name))
    client = Client(box)
    asked = 0
    for recording in objects(recorded(name)):
        answer = client("GET", address(recording))
        assert stable(answer) == stable(recording), recording["selfLink"]
        asked += 1
    assert asked > 0


@pytest.mark.parametrize("name", recordings())
def test_recorded_answers_survive_saving_and_a_reboot(name: str) -> None:
    box = Box(ManualClock())
    box.load(recorded(name))
    client = Client(box)
    client("POST", "tm/sys/config", {"command": "save"})
    box.reboot()
    for recording in objects(recorded(name)):
        assert stable(client("GET", address(recording))) == stable(recording), recording["selfLink"]


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_the_control_interface_loads_them_too() -> None:
    import requests

    with served() as server:
        session = requests.Session()
        session.auth = ("admin", "admin")
        session.trust_env = False
        session.verify = False
        with session:
            for name in recordings():
                body = (CORPUS / name).read_bytes()
                answer = session.post(f"{server.control_url}load", data=body)
                assert answer.status_code == 200, (name, answer.text)
                for recording in objects(recorded(name)):
                    path = address(recording)
                    assert stable(session.get(f"{server.url}/mgmt/{path}").json()) == stable(recording)
