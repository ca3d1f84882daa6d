"""What is written reads back equal; what the device may say in several ways reads as one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnbuckle.drivers.icontrol import uri, values
from turnbuckle.drivers.icontrol.codec import Change, Scene
from turnbuckle.drivers.icontrol.objects import CODECS
from turnbuckle.model.ltm import (
    IAppService,
    IAppTable,
    LtmObject,
    Member,
    Monitor,
    Pool,
    ProfileUse,
    VirtualServer,
    differing,
)
from turnbuckle.model.mark import Mark
from turnbuckle.model.state import Path

words = st.sampled_from(["a", "b-2", "c_3.d", "42", "shop.web", "x" * 40])
marks = st.builds(Mark, words, words, words.map(lambda w: f"ConfigMap/default/{w}"))
addresses = st.sampled_from(["10.0.0.1", "10.0.0.2%7", "2001:db8::1", "2001:db8::1%7", "::", "255.255.255.255"])
ports = st.integers(1, 65535)
names = words.map(lambda w: f"/k8s/{w}")
monitor_names = names.map(lambda n: n + "_m")
sendable = st.sampled_from(
    ["", r"GET / HTTP/1.0\r\n\r\n", r"GET /\r\n", "default send string", "200 OK: up", 'say "hi"']
)

members = st.builds(
    Member,
    addresses,
    ports,
    st.just("k8s"),
    ratio=st.integers(1, 100),
    priority_group=st.integers(0, 9),
    connection_limit=st.integers(0, 9),
)
pools = st.builds(
    Pool,
    names,
    marks,
    members=st.frozensets(members, max_size=3),
    load_balancing=st.sampled_from(["round-robin", "least-connections-member"]),
    monitors=st.frozensets(st.builds(Path, st.just("ltm/monitor/http"), monitor_names), max_size=2).map(
        lambda paths: tuple(sorted(paths))
    ),
    monitors_needed=st.integers(0, 2),
).map(lambda pool: pool if len(pool.monitors) > 1 else replace(pool, monitors_needed=0))
monitors = st.builds(
    Monitor,
    names,
    marks,
    type=st.sampled_from(["http", "https", "tcp", "udp"]),
    interval_s=st.integers(1, 99),
    timeout_s=st.integers(1, 999),
    send=sendable,
    recv=sendable,
)
virtuals = st.builds(
    VirtualServer,
    names,
    marks,
    destination_address=addresses,
    port=ports,
    protocol=st.sampled_from(["tcp", "udp"]),
    pool=st.just("") | names,
    profiles=st.frozensets(
        st.builds(ProfileUse, words.map(lambda w: f"/Common/{w}"), st.sampled_from(["all", "clientside"])),
        min_size=1,
        max_size=2,
    ),
    snat=st.sampled_from(["none", "automap", "/k8s/snats"]),
    persistence=st.sampled_from(["", "/Common/cookie"]),
)
services = st.builds(
    IAppService,
    words.map(lambda w: f"/k8s/{w}.app/{w}"),
    marks,
    template=st.just("/Common/f5.http"),
    options=st.just(()) | st.just((("trafficGroup", "/Common/traffic-group-2"),)),
    variables=st.dictionaries(words, words, max_size=2).map(lambda d: tuple(sorted(d.items()))),
    tables=st.dictionaries(words, st.lists(words, min_size=1, max_size=3), max_size=2).map(
        lambda d: tuple(sorted(IAppTable(n, tuple(c), (tuple(c),)) for n, c in d.items()))
    ),
)
objects = pools | monitors | virtuals | services


def inherited(obj: LtmObject) -> dict[str, object]:
    """What the device adds: a new monitor has from its parent what the body leaves out; a service has its folder."""
    if not isinstance(obj, Monitor):
        return {"fullPath": obj.name}
    sends = {"http": r"GET /\r\n", "https": r"GET /\r\n", "udp": "default send string"}
    return {"send": sends.get(obj.type, "")}


def scene_for(obj: LtmObject) -> Scene:
    known = obj.monitors if isinstance(obj, Pool) else ()
    return Scene(monitors={path.name: path for path in known})


@given(objects)
def test_what_is_created_reads_back_equal(obj: LtmObject) -> None:
    codec = CODECS[obj.path.kind]
    assert codec.decode(inherited(obj) | codec.create(obj), scene_for(obj)) == obj


@given(st.one_of(*(st.tuples(kind, kind) for kind in (pools, virtuals, services))))
def test_a_patch_of_what_differs_leads_from_one_object_to_the_other(pair: tuple[LtmObject, LtmObject]) -> None:
    before, after = pair
    after = replace(after, name=before.name)
    codec = CODECS[after.path.kind]
    change = Change(before, codec.create(before))
    body = inherited(before) | codec.create(before) | codec.patch(after, differing(before, after), change)
    monitors = (*before.monitors, *after.monitors) if isinstance(before, Pool) and isinstance(after, Pool) else ()
    assert codec.decode(body, Scene(monitors={path.name: path for path in monitors})) == after


KEYS = sorted({key for codec in CODECS.values() for field in codec.fields for key in field.keys})
odd = st.none() | st.booleans() | st.integers(-9, 9) | st.text("/:%.a1 ", max_size=6)


@given(st.dictionaries(st.sampled_from(KEYS), odd | st.lists(odd, max_size=2)))
def test_objects_of_others_are_readable_whatever_they_hold(raw: dict[str, object]) -> None:
    for codec in CODECS.values():
        codec.decode({"name": "x", "partition": "k8s", **raw}, Scene())


@pytest.mark.parametrize(
    ("found", "domain", "text"),
    [
        ("10.0.0.1", 0, "10.0.0.1"),
        ("10.0.0.1%0", 0, "10.0.0.1"),
        ("10.0.0.1%2", 2, "10.0.0.1"),
        ("10.0.0.1%0", 2, "10.0.0.1%0"),
        ("10.0.0.1%2", 0, "10.0.0.1%2"),
        ("2001:0DB8:0::1", 0, "2001:db8::1"),
        ("2001:db8::1%3", 3, "2001:db8::1"),
        ("any6", 0, "any6"),
        (None, 0, ""),
    ],
)
def test_an_address_has_one_form(found: str | None, domain: int, text: str) -> None:
    assert values.address(found, domain) == text


@pytest.mark.parametrize(
    ("found", "host", "port"),
    [
        ("10.0.0.1:80", "10.0.0.1", 80),
        ("10.0.0.1%2:http", "10.0.0.1%2", 80),
        ("2001:db8::1.443", "2001:db8::1", 443),
        ("any6.0", "any6", 0),
        ("web1:0", "web1", 0),
        ("nonsense", "nonsense", 0),
    ],
)
def test_the_port_is_behind_a_colon_or_in_ipv6_a_dot(found: str, host: str, port: int) -> None:
    assert values.split_port(found) == (host, port)


@pytest.mark.parametrize("expression", ["/k8s/b and /k8s/a ", "/k8s/a and /k8s/b"])
def test_monitors_read_alike_in_any_order_and_with_trailing_blanks(expression: str) -> None:
    known = {name: Path("ltm/monitor/tcp", name) for name in ("/k8s/a", "/k8s/b")}
    assert values.monitor_paths(expression, known) == tuple(sorted(known.values()))


def test_one_monitor_of_several_is_not_all_of_them() -> None:
    known = {name: Path("ltm/monitor/tcp", name) for name in ("/k8s/a", "/k8s/b")}
    for expression in ("min 1 of { /k8s/a /k8s/b }", "min 1 of /k8s/b /k8s/a", "min 1 of {/k8s/a /k8s/b} "):
        assert values.monitor_paths(expression, known) == tuple(sorted(known.values()))
        assert values.monitors_needed(expression) == 1
    assert values.monitors_needed("/k8s/a and /k8s/b") == values.monitors_needed(None) == 0
    assert values.monitor_expression(known.values(), 1) == "min 1 of /k8s/a /k8s/b"
    assert values.monitor_expression(known.values()) == "/k8s/a and /k8s/b"
    assert values.monitor_expression(()) == "none"


@pytest.mark.parametrize("empty", [None, "", "none", "default"])
def test_no_monitor_is_written_in_four_ways(empty: str | None) -> None:
    assert values.monitor_paths(empty, {}) == ()


def test_metadata_of_others_stays_when_ours_is_written() -> None:
    mark = Mark("us", "c", "ConfigMap/default/web")
    standing = [{"name": "owner", "persist": "true", "value": "ann"}, {"name": "turnbuckle", "value": "1 old c o"}]
    assert values.with_metadata_mark(standing, mark) == [
        {"name": "owner", "persist": "true", "value": "ann"},
        {"name": "turnbuckle", "value": str(mark)},
    ]


def test_a_description_of_others_stays_before_the_mark() -> None:
    mark = Mark("us", "c", "ConfigMap/default/web")
    written = values.with_description_mark("for the shop [old]", mark)
    assert values.split_description(written) == ("for the shop [old]", mark)
    assert values.split_description(str(mark)) == ("", mark)
    assert values.split_description("for the shop") == ("for the shop", None)


def test_the_colon_that_the_device_escapes_reads_as_it_was_written() -> None:
    assert values.monitor_text(r"Server\: x \"y\"") == 'Server: x "y"'


def test_a_route_domain_is_encoded_twice_in_a_uri_and_a_tilde_never() -> None:
    assert uri.of("ltm/node", "/k8s/10.0.0.1%2") == "/mgmt/tm/ltm/node/~k8s~10.0.0.1%252"
    assert uri.of("ltm/virtual", "/k8s/a.app/my vs") == "/mgmt/tm/ltm/virtual/~k8s~a.app~my%20vs"


def test_a_change_of_the_address_takes_mask_and_source_along() -> None:
    mark = Mark("us", "c", "o/o/o")
    four = VirtualServer("/k8s/v", mark, "203.0.113.7", 80)
    six = VirtualServer("/k8s/v", mark, "2001:db8::7%2", 80)
    body = CODECS["ltm/virtual"].patch(six, differing(four, six), Change(four))
    assert body == {
        "destination": "/k8s/2001:db8::7%2.80",
        "mask": "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "source": "::%2/0",
    }
    port = VirtualServer("/k8s/v", mark, "203.0.113.7", 81)
    assert CODECS["ltm/virtual"].patch(port, differing(four, port), Change(four)) == {
        "destination": "/k8s/203.0.113.7:81"
    }


def test_the_state_that_an_operator_gave_a_member_is_read_whatever_its_monitor_says() -> None:
    def admin_state(session: str, state: str) -> str:
        one = {"name": "10.0.0.1:80", "session": session, "state": state}
        pool = CODECS["ltm/pool"].decode({"name": "p", "partition": "k8s", "members": [one]}, Scene())
        assert isinstance(pool, Pool)
        return next(iter(pool.members)).admin_state

    assert admin_state("monitor-enabled", "down") == "enabled"
    assert admin_state("user-enabled", "unchecked") == "enabled"
    assert admin_state("user-disabled", "up") == "disabled"
    assert admin_state("user-disabled", "user-down") == "offline"
