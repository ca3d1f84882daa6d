"""Policies, rules, profiles and files on the wire: what is written reads back equal, what is strange is never ours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnbuckle.drivers.icontrol import ledger, uri
from turnbuckle.drivers.icontrol.answers import outline
from turnbuckle.drivers.icontrol.codec import Change, Scene
from turnbuckle.drivers.icontrol.objects import CODECS, PARTS
from turnbuckle.model.ledger import Row, name_of, parse, path_in
from turnbuckle.model.ltm import IRule, LtmObject, ProfileUse, VirtualServer, differing
from turnbuckle.model.mark import Mark
from turnbuckle.model.policy import Action, Condition, Policy, PolicyRule
from turnbuckle.model.state import Path
from turnbuckle.model.tls import CertificateFile, ClientSsl, KeyFile, ProfileBinding, ServerSsl, default_profile

MARK = Mark("us", "c", "Ingress/default/web")
words = st.sampled_from(["a", "shop", "x.example.com", "b_2"])
paths = words.map(lambda word: f"/k8s/Shared/{word}")
marks = st.builds(Mark, words, words, words.map(lambda word: f"Ingress/default/{word}"))
texts = st.lists(words, min_size=1, max_size=3, unique=True).map(lambda found: tuple(sorted(found)))
prefixes = st.lists(st.sampled_from(["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"]), min_size=1, unique=True)

conditions = st.one_of(
    st.builds(
        Condition,
        st.sampled_from(["http-host", "path"]),
        st.sampled_from(["equals", "starts-with", "ends-with"]),
        texts,
        negated=st.booleans(),
        case_sensitive=st.booleans(),
    ),
    st.builds(Condition, st.just("path-segment"), st.just("equals"), texts, index=st.integers(1, 9)),
    st.builds(
        Condition,
        st.sampled_from(["client-address", "peer-address"]),
        st.just("matches"),
        prefixes.map(lambda found: tuple(sorted(found))),
    ),
)
targets = st.just('tcl:https://[getfield [HTTP::host] ":" 1]')
actions = st.one_of(
    st.builds(Action, st.sampled_from(["forward", "forward-peer"]), paths),
    st.builds(
        Action, st.just("redirect"), st.just('tcl:https://[getfield [HTTP::host] ":" 1]'), st.sampled_from([301, 302])
    ),
    st.builds(Action, st.sampled_from(["replace-host", "replace-uri"]), words),
    st.builds(Action, st.just("reset")),
    st.builds(Action, st.just("set-variable"), targets | words, variable=words),
)
rules = st.builds(
    PolicyRule,
    words.map(lambda word: f"/k8s/Shared/pol:{word}"),
    marks,
    ordinal=st.integers(0, 9999),
    conditions=st.lists(conditions, max_size=3).map(tuple),
    actions=st.lists(actions, max_size=2).map(tuple),
)
policies = st.builds(Policy, paths, marks, requires=st.frozensets(words), controls=st.frozensets(words))
client_ssls = st.builds(
    ClientSsl,
    paths,
    marks,
    certificate=paths,
    key=paths,
    chain=st.just("") | paths,
    server_name=st.just("") | words,
    sni_default=st.booleans(),
)
server_ssls = st.builds(ServerSsl, paths, marks, ca=st.just("") | paths, server_name=st.just("") | words)
virtuals = st.builds(
    VirtualServer,
    st.just("/k8s/Shared/vs"),
    st.just(MARK),
    destination_address=st.sampled_from(["203.0.113.7", "203.0.113.7%2", "2001:db8::7"]),
    port=st.just(443),
    profiles=st.frozensets(st.builds(ProfileUse, words.map(lambda w: f"/Common/{w}")), min_size=1),
    policies=st.frozensets(st.sampled_from(["/k8s/Shared/p1", "/k8s/Shared/p2"])),
    rules=st.frozensets(st.sampled_from(["/k8s/Shared/r1", "/k8s/Shared/r2"])),
    default_ssl=st.sampled_from(["", default_profile("/k8s/Shared/vs")]),
    translate_address=st.booleans(),
    source=st.sampled_from(["", "10.0.0.0/8", "192.0.2.1/32"]),
)
irules = st.builds(IRule, st.just("/k8s/Shared/r1"), st.just(MARK), st.sampled_from(["", "when RULE_INIT { }"]))
SCENE = Scene(
    marks={Path(Policy.KIND, f"/k8s/Shared/p{number}"): MARK for number in (1, 2)},
    rows={name_of(Path(IRule.KIND, f"/k8s/Shared/r{number}")): Row(MARK, "0") for number in (1, 2)},
)


def codec_of(obj: LtmObject) -> Any:
    return CODECS.get(obj.path.kind) or PARTS[obj.path.kind]


@given(rules | policies | irules | client_ssls | server_ssls | virtuals)
def test_what_is_created_reads_back_equal(obj: LtmObject) -> None:
    codec = codec_of(obj)
    found = codec.decode({"status": "legacy", **codec.create(obj)}, SCENE)
    assert replace(found, name=obj.name) == obj


@given(st.one_of(*(st.tuples(kind, kind) for kind in (rules, policies, irules, client_ssls, server_ssls, virtuals))))
def test_a_patch_of_what_differs_leads_from_one_to_the_other(pair: tuple[LtmObject, LtmObject]) -> None:
    before, after = pair
    after, codec = replace(after, name=before.name), codec_of(before)
    body = codec.create(before) | codec.patch(after, differing(before, after), Change(before, codec.create(before)))
    assert replace(codec.decode({"status": "legacy", **body}, SCENE), name=before.name) == after


odd = st.none() | st.booleans() | st.integers(-9, 9) | st.text("/:%.a1 ", max_size=6)
KEYS = sorted({key for codec in (*CODECS.values(), *PARTS.values()) for row in codec.fields for key in row.keys})


@given(
    st.dictionaries(st.sampled_from(KEYS), odd | st.lists(odd, max_size=2)),
    st.lists(st.dictionaries(st.sampled_from(["values", "index", "name", "code", "forward", "pool"]), odd)),
)
def test_what_others_made_is_readable_whatever_it_holds(raw: dict[str, Any], inner: list[dict[str, Any]]) -> None:
    rule = {"name": "r", "conditionsReference": {"items": inner}, "actionsReference": {"items": inner}}
    metadata = {"metadata": [{"name": "turnbuckle", "value": str(MARK)}]}
    for codec in CODECS.values():
        list(codec.objects({"name": "x", "partition": "k8s", **raw, "rulesReference": {"items": [rule]}}, SCENE))
        list(codec.objects({**raw, "name": "x", "rulesReference": {"items": [rule]}, **metadata}, SCENE))


def raw_rule(**more: Any) -> dict[str, Any]:
    """A rule as a device shows it, zeros and flags of the device's own included."""
    zeros = dict.fromkeys(("code", "expirySecs", "length", "offset", "port", "status", "timeout", "vlanId"), 0)
    quiet = {"request": True, "present": True, "external": True, "remote": True, "caseInsensitive": True, "index": 0}
    action = {"name": "0", "fullPath": "0", "generation": 7, "selfLink": "https://localhost/x", **zeros}
    return {
        "name": "r",
        "fullPath": "r",
        "ordinal": 3,
        "description": str(MARK),
        "conditionsReference": {
            "items": [
                {"name": "1", **quiet, "httpUri": True, "path": True, "startsWith": True, "values": ["/b", "/a"]},
                {"name": "0", **quiet, "httpHost": True, "host": True, "equals": True, "values": ["x"]},
            ]
        },
        "actionsReference": {
            "items": [
                {
                    **action,
                    "request": True,
                    "forward": True,
                    "select": True,
                    "pool": "/k8s/p",
                    "poolReference": {"link": "x"},
                }
            ]
        },
        **more,
    }


def read_rule(**more: Any) -> PolicyRule:
    policy = {
        "fullPath": "/k8s/pol",
        "status": "legacy",
        "metadata": [{"name": "turnbuckle", "value": str(MARK)}],
        "rulesReference": {"items": [raw_rule(**more)]},
    }
    _, rule = CODECS[Policy.KIND].objects(policy, Scene())
    assert isinstance(rule, PolicyRule)
    return rule


OURS = PolicyRule(
    "/k8s/pol:r",
    MARK,
    3,
    (Condition("http-host", "equals", ("x",)), Condition("path", "starts-with", ("/a", "/b"))),
    (Action("forward", "/k8s/p"),),
)


def test_one_answer_gives_a_policy_and_its_rules_without_what_the_device_adds() -> None:
    assert read_rule() == OURS


@pytest.mark.parametrize(
    "condition",
    [
        {"httpHost": True, "host": True, "equals": True, "values": ["x"], "missing": True},
        {"httpHost": True, "host": True, "contains": True, "values": ["x"]},
        {"httpHost": True, "all": True, "equals": True, "values": ["x"]},
        {"httpHost": True, "host": True, "equals": True, "datagroup": "/k8s/dg"},
        {"httpHeader": True, "tmName": "X-Shop", "equals": True, "values": ["x"]},
        {"httpHost": True, "host": True, "equals": True, "values": ["x"], "response": True},
    ],
)
def test_a_condition_that_somebody_changed_is_none_of_ours(condition: dict[str, Any]) -> None:
    found = read_rule(conditionsReference={"items": [{"name": "0", "request": True, **condition}]})
    assert found.conditions and found.conditions[0].operand not in ("http-host", "path", "path-segment")


@pytest.mark.parametrize(
    "action",
    [
        {"forward": True, "select": True, "node": "10.0.0.1"},
        {"forward": True, "select": True, "pool": "/k8s/p", "snat": "automap"},
        {"httpHeader": True, "insert": True, "tmName": "X", "value": "y"},
        {"forward": True, "select": True, "pool": "/k8s/p", "sslClientHello": True},
        {"shutdown": True, "connection": True},
    ],
)
def test_an_action_that_somebody_changed_is_none_of_ours(action: dict[str, Any]) -> None:
    found = read_rule(actionsReference={"items": [{"name": "0", "request": True, **action}]})
    assert found.actions[0].act not in ("forward", "redirect", "replace-host", "replace-uri", "reset")


@pytest.mark.parametrize("status", ["published", "draft"])
def test_a_policy_that_is_not_legacy_is_somebody_elses_and_its_rules_are_not_read(status: str) -> None:
    metadata = [{"name": "turnbuckle", "value": str(MARK)}]
    raw = {"fullPath": "/k8s/pol", "status": status, "metadata": metadata, "rulesReference": {"items": [raw_rule()]}}
    (found,) = CODECS[Policy.KIND].objects(raw, Scene())
    assert found.mark is None


def test_a_policy_of_ours_is_created_as_legacy() -> None:
    body = CODECS[Policy.KIND].create(Policy("/k8s/Shared/pol", MARK))
    assert body["legacy"] is True and (body["name"], body["subPath"]) == ("pol", "Shared")


def test_generations_of_rules_and_of_what_is_in_them_count_for_the_policy() -> None:
    codec = CODECS[Policy.KIND]

    def generation(rule: int, inner: int) -> int:
        items = [{"name": "0", "generation": inner}]
        return codec.generation_of(
            {
                "generation": 5,
                "rulesReference": {
                    "items": [{"name": "r", "generation": rule, "conditionsReference": {"items": items}}]
                },
                "strategyReference": {"link": "x"},
            }
        )

    assert len({generation(1, 1), generation(2, 1), generation(1, 2)}) == 3
    assert generation(1, 0) == 0


def virtual(*profiles: str, policies: tuple[str, ...] = (), mark: Mark | None = MARK) -> dict[str, Any]:
    return {
        "fullPath": "/k8s/Shared/vs",
        "destination": "/k8s/203.0.113.7:443",
        "metadata": [{"name": "turnbuckle", "value": str(mark)}] if mark else [],
        "profilesReference": {"items": [{"fullPath": path, "context": "clientside"} for path in profiles]},
        "policiesReference": {"items": [{"fullPath": path} for path in policies]},
    }


THEIRS = Mark("other", "c", "Ingress/default/web")
PROFILE = Path(ClientSsl.KIND, "/k8s/Shared/mine")


@pytest.mark.parametrize(
    ("own", "profile", "bound"),
    [(MARK, MARK, True), (MARK, None, False), (MARK, THEIRS, False), (None, MARK, False), (THEIRS, MARK, False)],
)
def test_only_a_profile_of_ours_on_a_virtual_server_of_ours_is_somebodys_own_part(
    own: Mark | None, profile: Mark | None, bound: bool
) -> None:
    scene = Scene(marks={PROFILE: profile} if profile else {})
    server, *parts = CODECS[VirtualServer.KIND].objects(virtual(PROFILE.name, "/Common/clientssl", mark=own), scene)
    assert isinstance(server, VirtualServer)
    assert {use.name for use in server.profiles} == {"/Common/clientssl", *(() if bound else (PROFILE.name,))}
    expected = ProfileBinding(f"/k8s/Shared/vs:{PROFILE.name}", profile, "clientside", ClientSsl.KIND)
    assert parts == ([expected] if bound else [])


def test_policies_that_an_operator_attached_are_not_ours_and_stay_when_ours_change() -> None:
    scene = Scene(marks={Path(Policy.KIND, "/k8s/Shared/p1"): MARK})
    raw = virtual(policies=("/k8s/Shared/p1", "/Common/waf"))
    before = CODECS[VirtualServer.KIND].decode(raw, scene)
    assert isinstance(before, VirtualServer) and before.policies == {"/k8s/Shared/p1"}
    after = replace(before, policies=frozenset({"/k8s/Shared/p2"}))
    body = CODECS[VirtualServer.KIND].patch(after, frozenset({"policies"}), Change(before, raw))
    assert body == {"policies": [{"name": "/k8s/Shared/p2"}, {"name": "/Common/waf"}]}


def test_bindings_stay_when_the_list_of_profiles_is_written() -> None:
    scene = Scene(marks={PROFILE: MARK})
    raw = virtual(PROFILE.name, default_profile("/k8s/Shared/vs"), "/Common/http")
    before = CODECS[VirtualServer.KIND].decode(raw, scene)
    assert isinstance(before, VirtualServer) and before.default_ssl == default_profile("/k8s/Shared/vs")
    after = replace(before, profiles=frozenset({ProfileUse("/Common/http2")}))
    body = CODECS[VirtualServer.KIND].patch(after, frozenset({"profiles"}), Change(before, raw))
    assert [one["name"] for one in body["profiles"]] == [
        "/Common/http2",
        default_profile("/k8s/Shared/vs"),
        PROFILE.name,
    ]


def test_a_profile_with_several_certificates_or_the_short_form_is_read() -> None:
    codec = CODECS[ClientSsl.KIND]
    pairs = [{"name": n, "cert": f"/k8s/{n}", "key": f"/k8s/{n}", "chain": "none"} for n in ("rsa", "ecdsa")]
    several = codec.decode({"fullPath": "/k8s/p", "certKeyChain": pairs, "cert": "/k8s/rsa"}, Scene())
    assert isinstance(several, ClientSsl) and several.certificate not in ("/k8s/rsa", "/k8s/ecdsa", "")
    short = codec.decode({"fullPath": "/k8s/p", "cert": "/k8s/rsa", "key": "/k8s/k", "chain": "none"}, Scene())
    assert isinstance(short, ClientSsl) and (short.certificate, short.key, short.chain) == ("/k8s/rsa", "/k8s/k", "")


def test_the_mark_of_a_file_is_in_the_ledger_and_holds_as_long_as_its_content_is_ours() -> None:
    path = Path(CertificateFile.KIND, "/k8s/Shared/Default_tls")
    scene = Scene(rows=parse({name_of(path): str(Row(MARK, "d" * 64, "SHA1:3:aa"))}))
    codec = CODECS[CertificateFile.KIND]
    ours = codec.decode({"fullPath": path.name, "checksum": "SHA1:3:aa"}, scene)
    assert ours == CertificateFile(path.name, MARK, "d" * 64)
    assert codec.decode({"fullPath": path.name, "checksum": "SHA1:3:bb"}, scene) == CertificateFile(path.name, MARK, "")
    assert codec.decode({"fullPath": "/k8s/Shared/other", "checksum": "SHA1:3:aa"}, scene).mark is None


def test_a_key_whose_certificate_was_replaced_counts_as_replaced() -> None:
    certificate = CertificateFile("/k8s/c", MARK, "")
    key = KeyFile("/k8s/c", MARK, "d" * 64)
    assert ledger.keys_of_replaced({certificate.path: certificate}, {key.path: key}) == {
        key.path: replace(key, digest="")
    }
    assert ledger.keys_of_replaced({certificate.path: replace(certificate, digest="d" * 64)}, {key.path: key}) == {}
    assert ledger.keys_of_replaced({key.path: key}, {certificate.path: replace(certificate, mark=None)}) == {}


@pytest.mark.parametrize(
    "text", ["", "1 us c", "1 us c Ingress/d/w", "2 us c Ingress/d/w dd", "1 us c Ingress/d/w d SHA1:1:a more", "x y z"]
)
def test_a_row_that_this_version_cannot_read_is_nobodys(text: str) -> None:
    assert parse({"sys/file/ssl-cert:/k8s/c": text}) == {}


def test_a_rule_and_a_binding_have_uris_within_what_they_are_part_of() -> None:
    rule = ("ltm/policy/rules", "/k8s/Shared/pol:a rule:b")
    assert uri.of(*rule) == "/mgmt/tm/ltm/policy/~k8s~Shared~pol/rules/a%20rule:b"
    assert uri.home(*rule) == "/mgmt/tm/ltm/policy/~k8s~Shared~pol/rules"
    bound = ("ltm/virtual/profiles", "/k8s/Shared/vs:/k8s/Shared/p")
    assert uri.of(*bound) == "/mgmt/tm/ltm/virtual/~k8s~Shared~vs/profiles/~k8s~Shared~p"
    assert path_in("k8s").name == "/k8s/turnbuckle_ledger"


def members(*generations: Any) -> dict[str, Any]:
    items = [
        {"name": f"198.51.100.{n}:80", "partition": "k8s", "generation": g, "address": f"198.51.100.{n}", "ratio": 1}
        for n, g in enumerate(generations)
    ]
    return {"membersReference": {"link": "x", "isSubcollection": True, "items": items}}


WHOLE = [
    (codec, raw)
    for codec in CODECS.values()
    for raw in (
        {"fullPath": "/k8s/x", "generation": 7, "poolReference": {"link": "x"}, "records": [{"name": "a"}]},
        {"name": "x", "partition": "k8s", "subPath": "Shared", "generation": "8", **members(1, 2)},
        {"fullPath": "/k8s/x", "generation": 7, **members(1, 0)},
        {"fullPath": "/k8s/x", "generation": 7, "rulesReference": {"items": [{**raw_rule(), "generation": 3}]}},
        {"fullPath": "/k8s/x", "generation": None, "membersReference": {"items": None}},
        {"fullPath": "/k8s/x", "generation": 7, "rulesReference": [{"link": "x"}], "policiesReference": {"link": "x"}},
    )
]


@pytest.mark.parametrize(("codec", "raw"), WHOLE, ids=lambda one: getattr(one, "kind", ""))
def test_an_outline_tells_of_changes_as_the_whole_does(codec: Any, raw: dict[str, Any]) -> None:
    text = msgspec.json.encode(raw)
    found = outline(msgspec.Raw(text))
    assert codec.generation_of(found) == codec.generation_of(raw)
    assert found.get("fullPath") == raw.get("fullPath")


@pytest.mark.parametrize("text", ["7", "[]", "{", '"x"'])
def test_what_is_no_object_has_no_outline(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        outline(msgspec.Raw(text.encode()))


def test_an_outline_has_every_subcollection_that_a_scan_asks_for() -> None:
    asked = {
        key for codec in CODECS.values() for key in codec.select_generation.split(",") if key.endswith("Reference")
    }
    raw = {"fullPath": "/k8s/x", "generation": 7, **{key: {"items": [{"generation": 1}]} for key in asked}}
    assert {"membersReference", "profilesReference", "rulesReference"} < asked
    assert outline(msgspec.Raw(msgspec.json.encode(raw))) == raw
