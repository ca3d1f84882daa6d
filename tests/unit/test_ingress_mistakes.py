"""What people write wrongly in an Ingress, each with its sentence; and that it concerns nobody else's rules."""

from __future__ import annotations

from dataclasses import replace

import pytest

from turnbuckle.kinds.device_profile import DeviceProfileSpec, asked
from turnbuckle.model.ltm import Pool, VirtualServer
from turnbuckle.model.policy import Policy, PolicyRule
from turnbuckle.model.ref import Gone, Put, Ref, SourceObject
from unit.ingresses import F5, Cluster, backend, ingress, ingress_class, path, rule, service

K8S = "ingress.kubernetes.io"
OLD, NEW = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"
CLIENTSSL = '[{"bigIpProfile": "/Common/clientssl"}]'

ANNOTATIONS = [
    (f"{F5}/ip", "nowhere", "TB1012", '"nowhere", which is no IP address. Write an IPv4 or IPv6 address'),
    (f"{F5}/ip", "", "TB1012", 'is "", which is no IP address'),
    (f"{F5}/partition", "p" * 65, "TB1030", "Use up to 64 letters"),
    (f"{F5}/partition", "k8s/web", "TB1030", "is no name of a partition. Use up to 64 letters"),
    (f"{F5}/partition", "Common", "TB2002", "belongs to the whole device"),
    (f"{F5}/partition", "theirs", "TB2001", "this controller writes to k8s only"),
    (f"{F5}/http-port", "eighty", "TB1008", 'Write a whole number from 1 to 65535 in quotes, for example "80"'),
    (f"{F5}/http-port", "80.0", "TB1008", 'is "80.0"'),
    (f"{F5}/http-port", "٨٠", "TB1008", "Write a whole number"),
    (f"{F5}/http-port", "0", "TB1009", "is 0, which is outside 1 to 65535"),
    (f"{F5}/http-port", "-80", "TB1009", "is -80, which is outside"),
    (f"{F5}/https-port", "65536", "TB1009", "is 65536, which is outside 1 to 65535"),
    (f"{F5}/https-port", "9" * 5000, "TB1009", "which is outside 1 to 65535"),
    (f"{F5}/balance", "", "TB1011", "is empty"),
    (f"{F5}/balance", "round-robbin", "TB1010", 'Did you mean "round-robin"? Write one of: '),
    (f"{F5}/whitelist-source-range", "10.0.0.0/8,here", "TB1041", 'the item "here", which is no network'),
    (f"{F5}/whitelist-source-range", "10.0.0.0/33", "TB1041", "Write networks with commas between"),
    (f"{F5}/allow-source-range", "", "TB1041", 'the item ""'),
    (f"{F5}/serverssl", "/Common/a b", "TB1042", "Write /partition/name"),
    (f"{F5}/serverssl", "", "TB1042", 'is ""'),
    (f"{F5}/clientssl", "/Common/clientssl", "TB1001", "is not JSON"),
    (f"{F5}/clientssl", "{}", "TB1008", "Write a list"),
    (f"{F5}/clientssl", "[]", "TB1008", "a list of at least 1"),
    (f"{F5}/clientssl", '[{"hosts": ["a"]}]', "TB1003", "[0].bigIpProfile is missing"),
    (f"{F5}/clientssl", '[{"bigIpProfile": "x", "host": []}]', "TB1005", 'Did you mean "hosts"?'),
    (f"{F5}/clientssl", '[{"bigIpProfile": "/Common//x"}]', "TB1042", "is no full path on the BIG-IP"),
    (f"{F5}/health", "[{", "TB1001", "is not JSON"),
    (f"{F5}/health", '{"path": "/"}', "TB1008", "Write a list"),
    (f"{F5}/health", '[{"send": "x"}]', "TB1003", "[0].path is missing: which rule it is for"),
    (f"{F5}/health", '[{"path": "/", "interval": "5"}]', "TB1008", "a whole number from 1 to 86400, without quotes"),
    (f"{F5}/health", '[{"path": "/", "timeout": 0}]', "TB1009", "[0].timeout is 0"),
    (f"{F5}/health", '[{"path": "/", "timeout": 86401}]', "TB1009", "[0].timeout is 86401"),
    (f"{F5}/health", '[{"path": "/", "interval": 0}]', "TB1009", "[0].interval is 0"),
    (f"{F5}/health", '[{"path": "/", "interval": 86401}]', "TB1009", "[0].interval is 86401"),
    (f"{F5}/health", '[{"path": "/", "recv": 7}]', "TB1008", "Write a text in quotes"),
    (f"{F5}/health", '[{"path": "/", "type": "htp"}]', "TB1010", 'Did you mean "http"?'),
    (f"{F5}/health", '[{"path": "/", "sent": "x"}]', "TB1005", 'Did you mean "send"?'),
    (f"{F5}/health", '[{"path": "/", "path": "/"}]', "TB1027", "stands there twice"),
    (f"{F5}/health", '[{"path": "web"}]', "TB1048", "which is not host/path"),
    (f"{F5}/health", '[{"path": "\\ud800/"}]', "TB1015", "one half of a character"),
    (f"{F5}/rewrite-app-root", "start", "TB1043", "it names no path, which begins with a slash"),
    (f"{F5}/rewrite-app-root", "/a$b", "TB1043", "it names no path"),
    (f"{F5}/rewrite-app-root", "www.example.com=/x", "TB1043", "there are no rules with hosts"),
    (f"{F5}/translate-server-address", "maybe", "TB1010", "Write one of: true, false"),
    (f"{K8S}/ssl-redirect", "on", "TB1010", "Write one of: true, false"),
    (f"{K8S}/allow-http", "", "TB1010", "Write one of: true, false"),
]


@pytest.mark.parametrize(("name", "text", "code", "sentence"), ANNOTATIONS)
def test_an_annotation_that_is_wrong_is_an_error_at_its_field(name, text, code, sentence):
    cluster = Cluster(ingress(annotations={name: text}))
    (issue,) = cluster.issues
    assert (issue.severity, issue.code) == ("ERROR", code)
    assert issue.field.startswith(f"metadata.annotations[{name}]")
    assert sentence in issue.text
    assert not cluster.made(VirtualServer)


REWRITES = [
    ("www.example.com/a", "one equals sign"),
    ("www.example.com/a=", "one equals sign"),
    ("a=b=c", "one equals sign"),
    ("/a=/b", "no host before"),
    ("www.example.com=/b", "a path after the equals sign and none before"),
    ("www.example.com/a=/b[exec]", "characters that a URL cannot have"),
    ("www.example.com/a=/$b", "characters that a URL cannot have"),
]


@pytest.mark.parametrize(("item", "why"), REWRITES)
def test_an_item_of_a_rewrite_that_cannot_be_read_is_told_with_an_example(item, why):
    cluster = Cluster(
        ingress("a", "ns", rule(), annotations={f"{F5}/rewrite-target-url": f"{item}, a.example.com/x=/y"})
    )
    issue = next(one for one in cluster.issues if one.severity == "ERROR")
    assert (issue.code, issue.found) == ("TB1043", item)
    assert why in issue.text
    assert issue.hint.startswith("Write it like www.example.com/old=")


def test_an_app_root_needs_a_host_where_there_are_rules():
    cluster = Cluster(ingress("a", "ns", rule(), annotations={f"{F5}/rewrite-app-root": "/x"}))
    assert cluster.said() == [("ERROR", "TB1043", f"metadata.annotations[{F5}/rewrite-app-root]")]


def test_every_mistake_of_an_ingress_is_told_at_once():
    wrong = {f"{F5}/http-port": "x", f"{F5}/health": "x", f"{K8S}/allow-http": "x"}
    cluster = Cluster(ingress("a", "ns", rule("www", path("no-slash")), annotations=wrong))
    assert sorted(code for _, code, _ in cluster.said()) == ["TB1001", "TB1008", "TB1010", "TB1044"]


@pytest.mark.parametrize(
    ("name", "guess"),
    [
        (f"{F5}/helth", f'Did you mean "{F5}/health"?'),
        ("turnbuckle/freez", 'Did you mean "turnbuckle/freeze"?'),
        (f"{K8S}/ssl-redirekt", f'Did you mean "{K8S}/ssl-redirect"?'),
    ],
)
def test_an_annotation_that_nobody_knows_is_a_warning_with_the_nearest_name(name, guess):
    cluster = Cluster(ingress(annotations={name: "x"}))
    (issue,) = cluster.issues
    assert (issue.severity, issue.code, issue.hint) == ("WARNING", "TB1021", guess)
    assert cluster.made(VirtualServer)


@pytest.mark.parametrize("name", ["nginx.ingress.kubernetes.io/rewrite-target", f"{K8S}/config-backend", "team"])
def test_an_annotation_for_somebody_else_is_none_of_our_business(name):
    assert Cluster(ingress(annotations={name: "x"})).issues == []


WARNINGS = [
    ({f"{F5}/ip": "203.0.113.7/24"}, "TB1029"),
    ({f"{F5}/waf": "/Common/policy"}, "TB1024"),
    ({f"{F5}/serverssl": "/Common/serverssl"}, "TB1024"),
    ({f"{F5}/rewrite-target-url": "www.example.com=x.example.com"}, "TB1024"),
    ({f"{F5}/whitelist-source-range": "10.0.0.0/8", f"{F5}/allow-source-range": "10.0.0.0/9"}, "TB1024"),
    ({f"{F5}/health": '[{"path": "www.example.com/"}]'}, "TB2052"),
    ({f"{F5}/health": '[{"path": "/", "interval": 5, "timeout": 5}]'}, "TB1023"),
    ({f"{F5}/health": '[{"path": "/"}, {"path": "*/"}]'}, "TB1050"),
    ({f"{F5}/health": '[{"path": "/", "sslProfile": "/Common/serverssl"}]'}, "TB1024"),
]


@pytest.mark.parametrize(("annotations", "code"), WARNINGS)
def test_what_works_and_is_hardly_meant_is_a_warning(annotations, code):
    cluster = Cluster(ingress(annotations=annotations))
    assert [(issue.severity, issue.code) for issue in cluster.issues] == [("WARNING", code)]
    assert cluster.made(VirtualServer)


RULES = [
    (rule("www.example.com:80"), "TB1046", "spec.rules[0].host"),
    (rule("203.0.113.7"), "TB1046", "spec.rules[0].host"),
    (rule("www.*.com"), "TB1046", "spec.rules[0].host"),
    (rule("WWW.example.com"), "TB1046", "spec.rules[0].host"),
    (rule("www", path("shop")), "TB1044", "spec.rules[0].http.paths[0].path"),
    (rule("www", path("/", "prefix")), "TB1010", "spec.rules[0].http.paths[0].pathType"),
    (rule("www", path("/shop/*")), "TB1044", "spec.rules[0].http.paths[0].path"),
    (rule("www", path(port=8080)), "TB2004", "spec.rules[0].http.paths[0].backend.service.port"),
    (rule("www", path(port="https")), "TB2004", "spec.rules[0].http.paths[0].backend.service.port"),
    (rule("www", path(service="x" * 240)), "TB1025", "metadata.name"),
    (
        {"host": "www", "http": {"paths": [{"path": "/", "backend": {"service": {"name": "web"}}}]}},
        "TB1003",
        "spec.rules[0].http.paths[0].backend.service.port",
    ),
]


@pytest.mark.parametrize(("wrong", "code", "field"), RULES)
def test_a_rule_that_is_wrong_is_an_error_at_its_field(wrong, code, field):
    cluster = Cluster(ingress("a", "ns", wrong, rule("good.example.com")))
    assert cluster.said() == [("ERROR", code, field)]
    assert not cluster.made(VirtualServer)


def test_a_port_that_is_named_wrongly_is_told_with_the_names_that_there_are():
    (issue,) = Cluster(ingress("a", "ns", rule("www", path(port="https")))).issues
    assert issue.message == "Service ns/web has no port https; it has http (80)."


def test_a_form_that_no_api_server_would_take_is_told_field_by_field():
    event = ingress("a", "ns", {"host": 7, "http": {"paths": [{"backend": {"service": {"port": {"number": 0}}}}]}})
    cluster = Cluster(event)
    fields = [field for _, _, field in cluster.said()]
    service_field = "spec.rules[0].http.paths[0].backend.service"
    assert fields == ["spec.rules[0].host", f"{service_field}.name", f"{service_field}.port.number"]


def test_a_backend_that_is_no_service_is_left_out_and_told():
    resource = {"resource": {"apiGroup": "k8s.example.com", "kind": "StorageBucket", "name": "icons"}}
    paths = [{"path": "/icons", "pathType": "Prefix", "backend": resource}, path()]
    cluster = Cluster(ingress("a", "ns", {"host": "www", "http": {"paths": paths}}))
    assert cluster.said() == [("WARNING", "TB2016", "spec.rules[0].http.paths[0].backend")]
    assert len(cluster.made(PolicyRule)) == 1


def test_a_path_that_stands_twice_counts_once():
    cluster = Cluster(ingress("a", "ns", rule("www", path("/a"), path("/a/", port="http"))))
    assert cluster.said() == [("WARNING", "TB1045", "spec.rules[0].http.paths[1].path")]
    (one,) = cluster.made(PolicyRule)
    assert one.actions[0].value.endswith("_web_80")


def test_a_service_that_is_not_there_yet_is_an_empty_pool_and_everything_else_is_made():
    cluster = Cluster(ingress("a", "ns", rule("www", path(service="later"))))
    assert cluster.said() == [("PENDING", "TB2003", "spec.rules[0].http.paths[0].backend.service.name")]
    assert [pool.members for pool in cluster.made(Pool)] == [frozenset()]
    assert len(cluster.made(PolicyRule)) == len(cluster.made(VirtualServer)) == 1


def test_without_an_address_the_pools_are_there_and_wait():
    cluster = Cluster(ingress(ip=""), ingress("b", ip="controller-default"))
    assert {(code, field) for _, code, field in cluster.said()} == {("TB2043", f"metadata.annotations[{F5}/ip]")}
    assert len(cluster.made(Pool)) == 2
    assert not cluster.made(VirtualServer)
    given = Cluster(ingress(ip=""), ingress("b", "ns", rule(), ip="controller-default"), default_ingress_ip="192.0.2.1")
    assert [server.destination_address for server in given.made(VirtualServer)] == ["192.0.2.1"]


def test_without_any_partition_that_is_told():
    cluster = Cluster(ingress(), partitions=())
    assert cluster.said() == [("ERROR", "TB1003", f"metadata.annotations[{F5}/partition]")]
    chosen = Cluster(ingress(annotations={f"{F5}/partition": "/web/"}), partitions=())
    assert [server.path.partition for server in chosen.made(VirtualServer)] == ["web"]


def test_http_and_https_on_one_port_are_refused():
    profiles = {f"{F5}/clientssl": '[{"bigIpProfile": "/Common/clientssl"}]', f"{F5}/https-port": "80"}
    cluster = Cluster(ingress(annotations=profiles))
    assert cluster.said() == [("ERROR", "TB1047", f"metadata.annotations[{F5}/https-port]")]
    alone = Cluster(ingress(annotations={**profiles, f"{K8S}/ssl-redirect": "false"}))
    assert alone.issues == []


@pytest.mark.parametrize(
    ("port", "oldest", "winner", "why"),
    [
        (80, "tls", "plain", "wants what is usual on that port"),
        (80, "plain", "plain", "wants what is usual on that port"),
        (443, "plain", "tls", "wants what is usual on that port"),
        (443, "tls", "tls", "wants what is usual on that port"),
        (8443, "tls", "tls", "is older"),
        (8443, "plain", "plain", "is older"),
    ],
)
def test_tls_and_plain_http_do_not_meet_on_one_port(port, oldest, winner, why):
    tls = {f"{F5}/clientssl": CLIENTSSL, f"{F5}/https-port": str(port), f"{K8S}/ssl-redirect": "false"}
    wants = {"tls": tls, "plain": {f"{F5}/http-port": str(port)}}
    both = {
        name: ingress(name, "ns", rule(name), annotations=wants[name], created=OLD if name == oldest else NEW)
        for name in wants
    }
    cluster = Cluster(*both.values())
    loser, field = ("plain", "http-port") if winner == "tls" else ("tls", "https-port")
    (issue,) = cluster.issues
    assert (issue.severity, issue.code, issue.about.name) == ("ERROR", "TB2057", loser)
    assert issue.field == f"metadata.annotations[{F5}/{field}]"
    speaks, wanted = ("TLS", "plain HTTP") if winner == "tls" else ("plain HTTP", "TLS")
    assert issue.text == (
        f"203.0.113.7:{port} speaks {speaks} for Ingress/ns/{winner}, which {why}, and this one wants {wanted} "
        "there. Choose another port, or another address."
    )
    alone = Cluster(both[winner])
    assert cluster.made(VirtualServer) == alone.made(VirtualServer) != []
    assert cluster.made(PolicyRule) == alone.made(PolicyRule) != []
    assert Cluster(both[loser]).issues == []


def served_by(cluster: Cluster) -> list[tuple[bool, bool]]:
    """Of each virtual server, whether it speaks TLS to members, and whether it translates their address."""
    servers = cluster.made(VirtualServer)
    return [(any(use.context == "serverside" for use in one.profiles), one.translate_address) for one in servers]


@pytest.mark.parametrize(("namespace", "counts"), [("ns", True), ("other", False)])
def test_how_members_are_talked_to_is_for_nobody_of_another_namespace_to_say(namespace, counts):
    tls = {f"{F5}/clientssl": CLIENTSSL, f"{K8S}/ssl-redirect": "false"}
    says = {f"{F5}/serverssl": "/Common/serverssl", f"{F5}/translate-server-address": "false"}
    older = ingress("older", "ns", rule("www"), annotations=tls, created=OLD)
    younger = ingress("b", namespace, rule("b"), annotations=tls | says, created=NEW)
    cluster = Cluster(older, younger)
    assert served_by(cluster) == [(counts, not counts)]
    told = [issue for issue in cluster.issues if issue.code == "TB2047"]
    assert [issue.about.name for issue in told] == ([] if counts else ["b", "b"])
    for issue in told:
        assert "where Ingress/ns/older, which is older, has it otherwise; that counts" in issue.text


def test_a_profile_that_the_device_has_not_is_an_error_of_who_names_it_and_of_nobody_else():
    names = {f"{F5}/clientssl": '[{"bigIpProfile": "/Common/nosuch"}]', f"{F5}/serverssl": "backends"}
    older = ingress("older", "ns", rule("www"), annotations={f"{F5}/clientssl": CLIENTSSL}, created=OLD)
    younger = ingress("b", "ns", rule("b"), annotations=names, created=NEW)
    cluster = Cluster(older, younger, profiles_asked_for=True)
    assert not cluster.made(VirtualServer), "nobody has said yet what is there"
    assert cluster.issues == []
    cluster.then(
        there("client-ssl", "/Common/clientssl"),
        there("client-ssl", "/Common/nosuch", False),
        there("server-ssl", "/k8s/backends", False),
    )
    assert [(issue.code, issue.about.name, issue.field) for issue in cluster.issues] == [
        ("TB2056", "b", f"metadata.annotations[{F5}/clientssl]"),
        ("TB2056", "b", f"metadata.annotations[{F5}/serverssl]"),
    ]
    assert cluster.issues[0].text.startswith("The BIG-IP has no client-ssl profile /Common/nosuch. Make it there")
    alone = Cluster(older, profiles_asked_for=True)
    alone.then(there("client-ssl", "/Common/clientssl"))
    assert cluster.made(VirtualServer) == alone.made(VirtualServer) != []
    cluster.then(there("client-ssl", "/Common/nosuch"), there("server-ssl", "/k8s/backends"))
    assert cluster.issues == []
    assert (True, True) in served_by(cluster)


def there(sort, path, is_there=True):
    return Put(SourceObject(asked(sort, path), DeviceProfileSpec(is_there)))


def test_an_ingress_under_members_only_is_told_and_not_published():
    cluster = Cluster(ingress(), members_only=True)
    assert [code for _, code, _ in cluster.said()] == ["TB2016"]
    assert not cluster.now.desired


# ---- whose Ingress it is


def test_an_ingress_of_another_class_is_ignored_without_a_word():
    theirs = {"kubernetes.io/ingress.class": "nginx"}
    for event in (
        ingress(ingressClassName="nginx", annotations={f"{F5}/http-port": "x"}),
        ingress(annotations={**theirs, f"{F5}/http-port": "x"}),
        ingress("without-class", ip=""),
    ):
        cluster = Cluster(event)
        assert cluster.issues == []
        assert not cluster.now.desired


def test_a_class_that_is_not_there_yet_is_waited_for():
    cluster = Cluster(ingress())
    cluster.then(Gone(Ref("", "IngressClass", "", "f5")))
    assert cluster.said() == [("PENDING", "TB2040", "spec.ingressClassName")]
    cluster.then(ingress_class())
    assert cluster.issues == []
    assert cluster.made(VirtualServer)


def test_a_class_of_our_name_that_is_anothers_is_told():
    cluster = Cluster(ingress(), ingress_class("k8s.io/ingress-nginx"))
    (issue,) = cluster.issues
    assert issue.code == "TB2041"
    assert issue.message == (
        'IngressClass f5 is of controller "k8s.io/ingress-nginx", not of this one: nothing is published.'
    )


def test_an_ingress_without_a_class_is_ours_when_the_class_is_the_default_one():
    event = ingress("without-class")
    assert Cluster(event).said() == [("WARNING", "TB2042", "spec.ingressClassName")]
    assert Cluster(event, ingress_class(default=True)).made(VirtualServer)
    only = Cluster(event, ingress_class(default=True), ingress_class_only=True)
    assert not only.now.desired
    assert only.issues == []


def test_the_older_annotation_needs_no_class_object():
    cluster = Cluster(ingress("by-annotation", annotations={"kubernetes.io/ingress.class": "f5"}))
    cluster.then(Gone(Ref("", "IngressClass", "", "f5")))
    assert cluster.issues == []
    assert cluster.made(VirtualServer)


def test_another_class_can_be_ours():
    cluster = Cluster(ingress(ingressClassName="edge"), ingress_class(name="edge"), ingress(), ingress_class="edge")
    assert cluster.issues == []
    other = Cluster(ingress("b", ingressClassName="edge"), ingress_class(name="edge"), ingress_class="edge")
    assert other.made(VirtualServer)


def test_with_ingresses_switched_off_none_is_looked_at():
    cluster = Cluster(ingress(annotations={f"{F5}/http-port": "x"}), ingresses=False)
    assert not cluster.now.desired
    assert cluster.issues == []


# ---- one owner's mistake


def neighbours() -> Cluster:
    return Cluster(
        ingress("a", "ns", rule("a.example.com"), created="2026-01-01T00:00:00Z"),
        ingress("b", "other", rule("b.example.com"), created="2026-01-02T00:00:00Z"),
        service(namespace="other"),
    )


def test_a_mistake_in_one_ingress_leaves_what_was_good_of_it_and_all_of_the_others():
    cluster = neighbours()
    before = dict(cluster.now.desired)
    for wrong in (
        ingress("a", "ns", rule("a.example.com"), annotations={f"{F5}/http-port": "x"}, created="2026-01-01T00:00:00Z"),
        ingress("b", "other", rule("b.example.com", path("x")), created="2026-01-02T00:00:00Z"),
    ):
        cluster.then(wrong)
        assert dict(cluster.now.desired) == before
        assert not cluster.now.held


def test_an_ingress_that_never_was_good_is_held_and_the_others_are_served():
    cluster = Cluster(
        ingress("a", "ns", rule("a.example.com", path("x")), created="2026-01-01T00:00:00Z"),
        ingress("b", "other", rule("b.example.com"), created="2026-01-02T00:00:00Z"),
    )
    assert {ref.name for ref in cluster.now.held} == {"a"}
    assert [one.mark.owner for one in cluster.made(PolicyRule)] == ["Ingress/other/b"]
    assert [one.mark.owner for one in cluster.made(VirtualServer)] == ["Ingress/other/b"]


def test_a_host_goes_to_the_next_namespace_when_its_owner_goes():
    cluster = neighbours()
    cluster.then(ingress("c", "third", rule("a.example.com"), created="2026-01-03T00:00:00Z"))
    owners = [one.mark.owner for one in cluster.made(PolicyRule)]
    assert owners == ["Ingress/ns/a", "Ingress/other/b"]
    assert [issue.code for issue in cluster.issues if issue.about.name == "c"] == ["TB2044", "TB2003"]
    cluster.then(Gone(Ref("", "Ingress", "ns", "a")))
    assert [one.mark.owner for one in cluster.made(PolicyRule)] == ["Ingress/third/c", "Ingress/other/b"]
    assert "TB2044" not in [issue.code for issue in cluster.issues]


def test_a_path_goes_to_the_next_owner_when_its_owner_goes():
    cluster = Cluster(
        ingress("a", "ns", rule("www", path("/x")), created="2026-01-01T00:00:00Z"),
        ingress("b", "ns", rule("www", path("/x")), created="2026-01-02T00:00:00Z"),
    )
    assert cluster.said() == [("ERROR", "TB2045", "spec.rules[0].http.paths[0].path")]
    cluster.then(Gone(Ref("", "Ingress", "ns", "a")))
    assert cluster.issues == []
    assert [one.mark.owner for one in cluster.made(PolicyRule)] == ["Ingress/ns/b"]


def test_the_default_backend_goes_to_the_next_when_its_owner_goes():
    cluster = Cluster(ingress("a", created="2026-01-01T00:00:00Z"), ingress("b", created="2026-01-02T00:00:00Z"))
    assert cluster.said() == [("ERROR", "TB2046", "spec.defaultBackend")]
    cluster.then(Gone(Ref("", "Ingress", "ns", "a")))
    assert cluster.issues == []
    assert [server.pool for server in cluster.made(VirtualServer)] == ["/k8s/Shared/ingress_ns_b_web_80"]


def test_who_may_not_ask_a_younger_owners_rest_still_gets_the_older_ones():
    few = {f"{F5}/whitelist-source-range": "10.0.0.0/8"}
    cluster = Cluster(
        ingress("a", created="2026-01-01T00:00:00Z"),
        ingress("b", "ns", rule(), defaultBackend=backend(), annotations=few, created="2026-01-02T00:00:00Z"),
    )
    assert cluster.said() == [("WARNING", "TB2046", "spec.defaultBackend")]
    assert [server.pool for server in cluster.made(VirtualServer)] == ["/k8s/Shared/ingress_ns_a_web_80"]
    assert all(one.conditions[0].operand == "http-host" for one in cluster.made(PolicyRule))


def test_one_ingress_more_changes_its_own_rules_and_nothing_else():
    cluster = neighbours()
    before = dict(cluster.now.desired)
    after = cluster.then(ingress("c", "ns", rule("c.example.com"), created="2026-01-03T00:00:00Z"))
    assert {str(path) for path in after.changed or ()} == {
        "ltm pool /k8s/Shared/ingress_ns_c_web_80",
        "ltm policy rules /k8s/Shared/Ingress_203_0_113_7_80:ingress_c_example_com_ingress_ns_c_web_80",
    }
    assert all(after.desired[path] is obj for path, obj in before.items())


def test_the_mark_of_what_is_shared_goes_to_the_next_oldest():
    cluster = neighbours()
    cluster.then(Gone(Ref("", "Ingress", "ns", "a")))
    (server,), (policy,) = cluster.made(VirtualServer), cluster.made(Policy)
    assert server.mark.owner == policy.mark.owner == "Ingress/other/b"
    assert replace(server, mark=None) == replace(neighbours().made(VirtualServer)[0], mark=None)
