"""The policy strategies, rules and data groups of a fresh device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bigipsim.seeds.release import Release

_HTTPS_REDIRECT = """nodelete nowrite
when HTTP_REQUEST {
    set host [getfield [HTTP::host] ":" 1]
    HTTP::redirect "https://$host[HTTP::uri]"
}"""

_AOL_NETWORKS = (
    "64.12.96.0/19",
    "195.93.16.0/20",
    "195.93.48.0/22",
    "195.93.64.0/19",
    "195.93.96.0/19",
    "198.81.0.0/22",
    "198.81.16.0/20",
    "202.67.65.128/25",
    "205.188.112.0/20",
    "205.188.146.144/30",
    "205.188.192.0/20",
    "205.188.208.0/23",
    "207.200.112.0/21",
)
_PRIVATE_NETWORKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
_IMAGES = (".bmp", ".gif", ".jpg")
_OFFICE_SETTINGS = {
    "ie_sp_session_sharing_enabled": "0",
    "ie_sp_session_sharing_inactivity_timeout": "60",
    "ofba_auth_dialog_size": "800x600",
}


def local(release: Release) -> Iterator[tuple[str, dict[str, Any]]]:
    """Everything of LTM that is neither monitor nor profile."""
    for strategy in ("all-match", "best-match", "first-match"):
        yield "ltm/policy-strategy", {"name": strategy, "partition": "Common", "strategy": strategy}
    rule = {"name": "_sys_https_redirect", "partition": "Common", "apiAnonymous": _HTTPS_REDIRECT}
    yield "ltm/rule", {**rule, "apiRawValues": {"verificationStatus": "signature-verified"}}
    yield "ltm/data-group/internal", _data_group("aol", "ip", dict.fromkeys(_AOL_NETWORKS, ""))
    yield "ltm/data-group/internal", _data_group("images", "string", dict.fromkeys(_IMAGES, ""))
    yield "ltm/data-group/internal", _data_group("private_net", "ip", dict.fromkeys(_PRIVATE_NETWORKS, ""))
    yield "ltm/data-group/internal", _data_group("sys_APM_MS_Office_OFBA_DG", "string", _OFFICE_SETTINGS)


def _data_group(name: str, kind: str, records: dict[str, str]) -> dict[str, Any]:
    listed = [{"name": key, "data": value} for key, value in records.items()]
    return {"name": name, "partition": "Common", "type": kind, "records": listed}
