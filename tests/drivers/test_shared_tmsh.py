"""Listeners with many owners as an operator would type them."""

from __future__ import annotations

from dataclasses import replace

import shared_listener as shared
from device import create, delete, update

from turnbuckle.drivers import tmsh
from turnbuckle.drivers.tmsh_words import quoted
from turnbuckle.model.ltm import LtmObject, Monitor, ProfileUse
from turnbuckle.model.plan import Operation, Plan
from turnbuckle.model.policy import Action, Condition
from turnbuckle.model.tls import ServerSsl

MARK = '"1 us cluster Ingress/default/web"'


def typed(*operations: Operation) -> list[str]:
    return tmsh.commands(Plan(operations)).splitlines()


def one(operation: Operation) -> list[str]:
    lines = typed(operation)
    begin = lines.index("create cli transaction")
    assert lines[-1] == "submit cli transaction"
    return lines[begin + 1 : -1]


def test_a_policy_is_made_and_then_its_rules_one_by_one() -> None:
    rule = shared.rule("a", path="shop")
    whitelisted = replace(
        rule,
        conditions=(*rule.conditions, Condition("client-address", "matches", ("10.0.0.0/8",), negated=True)),
        actions=(Action("redirect", 'tcl:https://[getfield [HTTP::host] ":" 1]', 301), Action("reset")),
    )
    assert typed(create(shared.policy()), create(whitelisted)) == [
        "create sys folder /k8s/Shared",
        "create cli transaction",
        f"create ltm policy {shared.POLICY} {{ legacy strategy /Common/first-match requires add {{ http }} "
        f"controls add {{ forwarding }} metadata add {{ turnbuckle {{ value {MARK} }} }} }}",
        f"modify ltm policy {shared.POLICY} {{ rules add {{ ingress_a_example_com_shop {{ ordinal 10 "
        "conditions add { 0 { http-host host equals request values { a.example.com } } "
        "1 { http-uri path-segment index 1 case-sensitive equals request values { shop } } "
        "2 { tcp address not matches request values { 10.0.0.0/8 } } } "
        r'actions add { 0 { http-reply redirect location "tcl:https://[getfield [HTTP::host] \":\" 1]" code 301 '
        "request } "
        f"1 {{ forward reset request }} }} description {MARK} }} }} }}",
        "submit cli transaction",
    ]


def test_a_rule_for_whoever_connects_is_looked_at_before_any_request() -> None:
    rule = replace(
        shared.rule("a"),
        conditions=(Condition("peer-address", "matches", ("10.0.0.0/8", "192.0.2.0/24")),),
        actions=(Action("forward-peer", "/k8s/Shared/web"),),
    )
    (line,) = one(update(shared.rule("a"), rule))
    assert "0 { tcp address matches client-accepted values { 10.0.0.0/8 192.0.2.0/24 } }" in line
    assert "0 { forward select pool /k8s/Shared/web client-accepted }" in line


def test_of_a_rule_only_what_differs_is_modified() -> None:
    before = shared.rule("a")
    assert one(update(before, replace(before, ordinal=3))) == [
        f"modify ltm policy {shared.POLICY} {{ rules modify {{ ingress_a_example_com_ {{ ordinal 3 }} }} }}"
    ]
    assert one(update(before, replace(before, conditions=()))) == [
        f"modify ltm policy {shared.POLICY} {{ rules modify {{ ingress_a_example_com_ {{ conditions none }} }} }}"
    ]
    assert one(delete(before)) == [f"modify ltm policy {shared.POLICY} {{ rules delete {{ ingress_a_example_com_ }} }}"]


def test_a_policy_goes_after_the_transaction_and_its_rules_need_no_command() -> None:
    server = shared.server(False)
    assert typed(delete(server), delete(shared.policy()), delete(shared.rule("a")), delete(shared.pool("web"))) == [
        "create cli transaction",
        f"delete ltm virtual {shared.SERVER}",
        "submit cli transaction",
        f"delete ltm policy {shared.POLICY}",
        "delete ltm pool /k8s/Shared/ingress_default_web_80",
    ]


def test_a_key_is_never_in_the_commands_but_where_it_is_expected_is() -> None:
    certificate, key = shared.files("web")
    lines = typed(create(certificate), create(key))
    name, leaf = certificate.name, certificate.name.rpartition("/")[2]
    assert lines[:4] == [
        "create sys folder /k8s/Shared",
        "create ltm data-group internal /k8s/turnbuckle_ledger { type string }",
        f"# Put the certificate of {name} into /var/config/rest/downloads/{leaf}.crt",
        f"# Put the key of {name} into /var/config/rest/downloads/{leaf}.key",
    ]
    assert lines[5:7] == [
        f"create sys file ssl-cert {name} {{ source-path file:/var/config/rest/downloads/{leaf}.crt }}",
        f"modify ltm data-group internal /k8s/turnbuckle_ledger {{ records add {{ sys/file/ssl-cert:/k8s/shared/{leaf} "
        f'{{ data "1 us cluster Ingress/default/web {certificate.digest}" }} }} }}',
    ]
    assert key.pem is not None and not any(key.pem.reveal().splitlines()[1] in line for line in lines)


def test_files_that_go_and_files_with_a_new_owner_are_told_to_the_ledger() -> None:
    certificate, _ = shared.files("web")
    record = f"sys/file/ssl-cert:{certificate.name.lower()}"
    assert one(delete(certificate)) == [
        f"delete sys file ssl-cert {certificate.name}",
        f"modify ltm data-group internal /k8s/turnbuckle_ledger {{ records delete {{ {record} }} }}",
    ]
    moved = replace(certificate, mark=shared.mark("b"))
    assert one(update(certificate, moved)) == [
        f"modify ltm data-group internal /k8s/turnbuckle_ledger {{ records modify {{ {record} "
        f'{{ data "1 us cluster Ingress/default/b {certificate.digest}" }} }} }}'
    ]


def test_profiles_name_their_certificates_and_whom_they_are_for() -> None:
    certificate, _ = shared.files("web")
    profile = shared.client_ssl("web", certificate, default=True)
    pair = f"cert {certificate.name} key {certificate.name} chain none"
    assert one(create(profile)) == [
        f"create ltm profile client-ssl {profile.name} {{ defaults-from /Common/clientssl "
        f"cert-key-chain replace-all-with {{ certificate {{ {pair} }} }} sni-default true description {MARK} }}"
    ]
    server = ServerSsl("/k8s/Shared/up", shared.mark(), ca=certificate.name, server_name="x")
    assert one(create(server)) == [
        "create ltm profile server-ssl /k8s/Shared/up { defaults-from /Common/serverssl "
        f"ca-file {certificate.name} peer-cert-mode require server-name x description {MARK} }}"
    ]
    assert one(update(server, replace(server, ca="", server_name=""))) == [
        "modify ltm profile server-ssl /k8s/Shared/up { ca-file none peer-cert-mode ignore server-name none }"
    ]


def test_a_virtual_server_has_its_default_certificate_from_the_start_and_others_come_and_go() -> None:
    server = shared.server()
    (made,) = one(create(server))
    assert f"{server.default_ssl} {{ context clientside }}" in made
    assert f"policies add {{ {shared.POLICY} {{ }} }}" in made
    profile = shared.client_ssl("shop", shared.files("shop")[0])
    modify = f"modify ltm virtual {shared.SERVER}"
    assert one(create(shared.binding(profile))) == [
        f"{modify} {{ profiles add {{ {profile.name} {{ context clientside }} }} }}"
    ]
    assert one(delete(shared.binding(profile))) == [f"{modify} {{ profiles delete {{ {profile.name} }} }}"]
    assert typed(update(shared.binding(profile), replace(shared.binding(profile), mark=shared.mark("b")))) == []


def test_the_lists_that_others_share_are_changed_item_by_item() -> None:
    before = shared.server()
    after = replace(
        before,
        profiles=frozenset({ProfileUse("/Common/tcp"), ProfileUse("/Common/http2")}),
        policies=frozenset(),
        translate_address=False,
        source="10.0.0.0/8",
    )
    modify = f"modify ltm virtual {shared.SERVER}"
    assert one(update(before, after)) == [
        f"{modify} {{ translate-address disabled source 10.0.0.0/8 }}",
        f"{modify} {{ profiles delete {{ /Common/http }} }}",
        f"{modify} {{ profiles add {{ /Common/http2 {{ context all }} }} }}",
        f"{modify} {{ policies delete {{ {shared.POLICY} }} }}",
    ]


def test_a_monitor_may_speak_by_a_profile() -> None:
    probe: LtmObject = Monitor("/k8s/m", shared.mark(), "https", ssl_profile="/Common/serverssl")
    assert "ssl-profile /Common/serverssl" in one(create(probe))[0]
    assert "ssl-profile none" in one(update(probe, Monitor("/k8s/m", shared.mark(), "https")))[0]


def test_words_are_in_quotation_marks_unless_they_are_plain() -> None:
    assert [quoted(text) for text in ("a/b.c:1%2", "", 'a "b"')] == ["a/b.c:1%2", '""', '"a \\"b\\""']


def test_an_irule_is_made_and_attached_with_a_record_that_says_whose_it_is() -> None:
    rule, server = shared.irule(), replace(shared.server(False), policies=frozenset())
    watched = replace(server, rules=frozenset({rule.name}))
    record = f"ltm/rule:{rule.name}".lower()
    lines = typed(create(rule), update(server, watched))
    assert lines[0] == "create ltm data-group internal /k8s/turnbuckle_ledger { type string }"
    text = "\n".join(lines)
    assert f"create ltm rule {rule.name} {{\n{rule.text}\n}}" in text
    assert f"records add {{ {record} {{ data " in text
    assert f"modify ltm virtual {shared.SERVER} {{ rules add {{ {rule.name} }} }}" in text
    assert one(update(watched, server)) == [f"modify ltm virtual {shared.SERVER} {{ rules delete {{ {rule.name} }} }}"]
    assert one(delete(rule)) == [
        f"delete ltm rule {rule.name}",
        f"modify ltm data-group internal /k8s/turnbuckle_ledger {{ records delete {{ {record} }} }}",
    ]
    assert f"rules {{ {rule.name} }}" in one(create(watched))[0]


def test_a_variable_is_set_by_its_name() -> None:
    rule = replace(shared.rule("a"), actions=(Action("set-variable", "tcl:[HTTP::host]", variable="found"),))
    (line,) = one(update(shared.rule("a"), rule))
    assert (
        'actions replace-all-with { 0 { tcl set-variable expression "tcl:[HTTP::host]" name found request } }' in line
    )
