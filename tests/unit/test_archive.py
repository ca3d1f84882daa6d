"""Restore files hold what a device had, and what is none is refused in a sentence."""

from __future__ import annotations

import json

import pytest

from turnbuckle.model.ltm import DataGroup, IAppService, IAppTable, Member, Monitor, Pool, ProfileUse, VirtualServer
from turnbuckle.model.mark import Mark
from turnbuckle.model.state import Path, State
from turnbuckle.planner.archive import Archive, NotAnArchive, from_bytes, to_bytes

MARK = Mark("ctl", "k1", "ConfigMap/default/web")
STATE = State(
    (
        VirtualServer(
            "/k8s/v", MARK, "203.0.113.1", 443, "tcp", "/k8s/p", frozenset({ProfileUse("/Common/http", "all")})
        ),
        Pool("/k8s/p", MARK, frozenset({Member("192.0.2.1", 80, "k8s", admin_state="disabled")}), "round-robin"),
        Monitor("/k8s/m", None, "http", 5, 16, "GET /", ""),
        IAppService("/k8s/a.app/a", MARK, "/Common/f5.http", tables=(IAppTable("t", ("a",), (("1",),)),)),
        DataGroup("/k8s/turnbuckle", None, "string", frozenset({("version", "1")})),
    )
)
ARCHIVE = Archive("https://192.0.2.1", "ctl", "2026-01-01T00:00:00Z", "before the first write", STATE)


def test_what_is_written_is_read_back_whole() -> None:
    found = from_bytes(to_bytes(ARCHIVE))
    assert dict(found.state) == dict(STATE)
    assert found.device == ARCHIVE.device
    assert found.controller_id == "ctl"
    pool = found.state[Path("ltm/pool", "/k8s/p")]
    assert isinstance(pool, Pool)
    assert [member.admin_state for member in pool.members] == ["disabled"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "no restore file"),
        (b'{"kind": "ConfigMap"}', "no restore file"),
        (json.dumps({"form": "turnbuckle restore file", "version": 2}).encode(), "version 2"),
        (json.dumps({"form": "turnbuckle restore file", "version": 1}).encode(), "damaged"),
        (to_bytes(ARCHIVE).replace(b'"Pool"', b'"Swimming"'), "damaged"),
        (to_bytes(ARCHIVE).replace(b'"port": 443', b'"port": "x"'), "damaged"),
    ],
)
def test_what_is_no_restore_file_is_refused_in_a_sentence(content: bytes, words: str) -> None:
    with pytest.raises(NotAnArchive, match=words):
        from_bytes(content)
