"""Secrets with certificates: what is kept of them, what is wrong with them, and what listeners make of them."""

from __future__ import annotations

import pickle
from datetime import date, timedelta

import pytest

from turnbuckle.kinds.secret import SecretSpec
from turnbuckle.model.ltm import VirtualServer
from turnbuckle.model.policy import PolicyRule
from turnbuckle.model.ref import Gone, Put, Ref, SourceObject
from turnbuckle.model.settings import TODAY, Today
from turnbuckle.model.tls import CertificateFile, ClientSsl, KeyFile, ProfileBinding
from unit.ingresses import BEGIN, F5, KINDS, Cluster, Pair, encrypted, ingress, pair, rule, secret, service

FIELD = "spec.tls[0].secretName"
HOST = "www.example.com"
WWW = pair(HOST)
OTHER = pair("other.example.com")
PLAIN_LISTENERS = {"ingress.kubernetes.io/ssl-redirect": "false"}


def with_tls(name: str = "a", namespace: str = "ns", *secrets: str, **more) -> object:
    tls = [{"hosts": [], "secretName": one} for one in secrets or ("www",)]
    return ingress(name, namespace, rule(more.pop("host", HOST)), tls=tls, annotations=PLAIN_LISTENERS, **more)


def spec_of(event) -> SecretSpec:
    return event.obj.spec


# ---- what is read


def test_a_secret_is_read_into_a_sealed_form():
    spec = spec_of(secret("www", WWW))
    assert (spec.flaw, spec.names, spec.chained) == ("", (HOST,), False)
    assert spec.ends == (BEGIN + timedelta(days=36500)).date()
    assert spec.key is not None
    assert spec.key.reveal().encode() == WWW.key
    assert WWW.key.decode().splitlines()[1] not in f"{spec} {spec!r} {spec.key} {spec.key!r}"
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(spec)


def test_what_stands_beside_the_certificates_is_not_kept():
    event = secret("www", Pair(b"some text\n" + WWW.certificate + WWW.key, WWW.key), ca_crt=b"more", password=b"p")
    spec = spec_of(event)
    assert spec.certificate.encode() == WWW.certificate
    assert spec.digest == spec_of(secret("www", WWW)).digest


def test_a_manifest_may_hold_it_as_text():
    data = {"tls.crt": WWW.certificate.decode(), "tls.key": WWW.key.decode()}
    event = KINDS["Secret"].decode({"metadata": {"name": "www", "namespace": "ns"}, "stringData": data})
    assert spec_of(event) == SecretSpec(
        "Opaque", "", spec_of(secret("www", WWW)).digest, WWW.certificate.decode(), None, False, (HOST,),
        (BEGIN + timedelta(days=36500)).date(),
    )  # fmt: skip


def test_a_certificate_without_alternative_names_is_for_its_common_name():
    assert spec_of(secret("www", pair())).names == ("nobody",)


def test_the_same_secret_again_is_equal_and_another_certificate_is_not():
    assert secret("www", WWW) == secret("www", WWW)
    assert secret("www", WWW) != secret("www", OTHER)


# ---- what is wrong

BROKEN = [
    (secret("www", WWW, kind="kubernetes.io/dockerconfigjson"), "is not of a type that holds a certificate."),
    (secret("www", Pair(WWW.certificate, b"")), "lacks tls.crt or tls.key."),
    (secret("www", Pair(b"none", WWW.key)), "has no certificate in PEM form in tls.crt."),
    (secret("www", Pair(WWW.key, WWW.key)), "has no certificate in PEM form in tls.crt."),
    (secret("www", Pair(WWW.certificate, b"none")), "has no private key in PEM form in tls.key."),
    (secret("www", Pair(WWW.certificate, WWW.certificate)), "has no private key in PEM form in tls.key."),
    (secret("www", Pair(WWW.certificate, encrypted(WWW.key))), "has an encrypted key in tls.key."),
    (secret("www", Pair(WWW.certificate, OTHER.key)), "has a key that does not belong to its certificate."),
    (secret("www", Pair(WWW.certificate, b"\xff\x00")), "has no private key in PEM form in tls.key."),
    (
        KINDS["Secret"].decode(
            {"metadata": {"name": "www", "namespace": "ns"}, "data": {"tls.crt": "no base64!", "tls.key": "no"}}
        ),
        "is not base64 where it has to be.",
    ),
    (KINDS["Secret"].decode({"metadata": {"name": "www", "namespace": "ns"}, "data": []}), "lacks tls.crt or tls.key."),
]


@pytest.mark.parametrize(("event", "sentence"), BROKEN)
def test_a_secret_that_cannot_be_used_is_told_to_whoever_names_it(event, sentence):
    cluster = Cluster(event)
    assert cluster.issues == []
    cluster.then(with_tls())
    (issue,) = cluster.issues
    assert (issue.severity, issue.code, issue.field) == ("ERROR", "TB2049", FIELD)
    assert issue.message == f"Secret ns/www {sentence}"
    assert not cluster.made(VirtualServer)


def test_a_secret_that_breaks_leaves_what_was_good():
    cluster = Cluster(secret("www", WWW), with_tls())
    before = dict(cluster.now.desired)
    for event, _ in BROKEN:
        cluster.then(event)
        assert dict(cluster.now.desired) == before
        assert [issue.code for issue in cluster.issues] == ["TB2049"]
    cluster.then(Gone(Ref("", "Secret", "ns", "www")))
    assert dict(cluster.now.desired) == before
    assert cluster.said() == [("PENDING", "TB2048", FIELD)]


def test_tls_without_a_secret_is_told():
    cluster = Cluster(ingress("a", "ns", rule(), tls=[{"hosts": [HOST]}]))
    assert cluster.said() == [("ERROR", "TB1049", FIELD)]


@pytest.mark.parametrize(
    ("days", "sentence"),
    [
        (40, ""),
        (30, "ends on 2027-01-01, in 30 days."),
        (1, "ends on 2027-01-01, in 1 day."),
        (0, "ended on 2027-01-01; it is shown all the same, and clients refuse it."),
        (-9, "ended on 2027-01-01; it is shown all the same, and clients refuse it."),
    ],
)
def test_a_certificate_that_ends_is_told_thirty_days_ahead(days, sentence):
    today = date(2027, 1, 1) - timedelta(days=days)
    cluster = Cluster(secret("www", pair(HOST, days=365)), with_tls(), today=today)
    told = [f"The certificate of Secret ns/www {sentence}"] if sentence else []
    assert [(str(issue.severity), issue.message) for issue in cluster.issues] == [("WARNING", one) for one in told]
    assert len(cluster.made(VirtualServer)) == 1


def test_another_day_is_enough_to_be_told():
    cluster = Cluster(secret("www", pair(HOST, days=365)), with_tls(), today=date(2026, 6, 1))
    assert cluster.issues == []
    cluster.then(Put(SourceObject(TODAY, Today(date(2026, 12, 24)))))
    assert [issue.code for issue in cluster.issues] == ["TB2050"]


def test_a_host_that_the_certificate_is_not_for_is_told():
    names = pair("*.example.com", "example.com")
    hosts = [HOST, "example.com", "a.b.example.com", "*.example.com", "*.b.example.com"]
    event = ingress("a", "ns", rule(), tls=[{"hosts": hosts, "secretName": "www"}])
    cluster = Cluster(secret("www", names), event)
    assert [(issue.code, issue.found) for issue in cluster.issues] == [
        ("TB2051", "*.b.example.com"),
        ("TB2051", "a.b.example.com"),
    ]
    assert "is for *.example.com, example.com; clients of a.b.example.com refuse it." in cluster.issues[1].message


# ---- what is made


def test_a_listener_is_not_made_before_it_has_a_certificate():
    cluster = Cluster(with_tls())
    assert cluster.said() == [("PENDING", "TB2048", FIELD)]
    assert not cluster.made(VirtualServer)
    assert not cluster.made(PolicyRule)
    cluster.then(secret("www", WWW))
    (server,), (profile,) = cluster.made(VirtualServer), cluster.made(ClientSsl)
    assert cluster.issues == []
    assert server.default_ssl == profile.name == "/k8s/Shared/default_clientssl_ingress_203_0_113_7_443"
    assert profile.sni_default
    (certificate,), (key,) = cluster.made(CertificateFile), cluster.made(KeyFile)
    assert (profile.certificate, profile.key) == (certificate.name, key.name)
    assert certificate.name == f"/k8s/Shared/ns_www_{certificate.digest[:8]}"
    assert key.digest == certificate.digest
    assert key.pem.reveal().encode() == WWW.key


def test_a_certificate_with_others_behind_it_is_its_own_chain():
    cluster = Cluster(with_tls(), secret("www", Pair(WWW.certificate + OTHER.certificate, WWW.key)))
    (profile,) = cluster.made(ClientSsl)
    assert profile.chain == profile.certificate


def test_the_oldest_secret_answers_by_default_and_others_are_bound_beside_it():
    cluster = Cluster(
        with_tls("a", "ns", "www", "second", created="2026-01-02T00:00:00Z"),
        with_tls("b", "other", host="b.example.com", created="2026-01-01T00:00:00Z"),
        secret("www", WWW),
        secret("second", OTHER),
        secret("www", OTHER, "other"),
        service(namespace="other"),
    )
    profiles = {profile.name.rpartition("/")[2]: profile for profile in cluster.made(ClientSsl)}
    assert list(profiles) == [
        "default_clientssl_ingress_203_0_113_7_443",
        "ns_second_ingress_203_0_113_7_443",
        "ns_www_ingress_203_0_113_7_443",
    ]
    assert [profile.mark.owner for profile in profiles.values()] == [
        "Ingress/other/b",
        "Ingress/ns/a",
        "Ingress/ns/a",
    ]
    assert [profile.sni_default for profile in profiles.values()] == [True, False, False]
    bindings = cluster.made(ProfileBinding)
    assert [(one.profile, one.mark.owner) for one in bindings] == [
        (profile.name, "Ingress/ns/a") for profile in list(profiles.values())[1:]
    ]
    cluster.then(Gone(Ref("", "Ingress", "other", "b")))
    assert [one.profile.rpartition("/")[2] for one in cluster.made(ProfileBinding)] == [
        "ns_second_ingress_203_0_113_7_443"
    ]
    (server,) = cluster.made(VirtualServer)
    assert server.mark.owner == "Ingress/ns/a"


def test_a_renewed_certificate_changes_the_files_and_the_profile_alone():
    cluster = Cluster(secret("www", WWW), with_tls())
    before = cluster.now.desired
    after = cluster.then(secret("www", pair(HOST, serial=2)))
    assert sorted(path.kind for path in after.changed or ()) == [
        "ltm/profile/client-ssl",
        *["sys/file/ssl-cert"] * 2,
        *["sys/file/ssl-key"] * 2,
    ]
    assert {path.name for path in after.desired if path not in before} == {
        cluster.made(CertificateFile)[0].name,
    }


def test_one_missing_certificate_of_two_keeps_nobody_waiting():
    cluster = Cluster(with_tls("a", "ns", "www", "later"), secret("www", WWW))
    assert cluster.said() == [("PENDING", "TB2048", "spec.tls[1].secretName")]
    assert len(cluster.made(VirtualServer)) == 1


def test_a_secret_of_another_namespace_is_not_reached():
    cluster = Cluster(with_tls("a", "ns"), secret("www", WWW, "other"))
    assert cluster.said() == [("PENDING", "TB2048", FIELD)]


def test_profiles_of_the_operator_count_in_place_of_secrets():
    annotations = {f"{F5}/clientssl": '[{"bigIpProfile": "/Common/x"}, {"bigIpProfile": "y"}]'}
    cluster = Cluster(ingress("a", "ns", rule(), annotations=annotations | PLAIN_LISTENERS))
    (server,) = cluster.made(VirtualServer)
    assert server.default_ssl == ""
    assert {use.name for use in server.profiles if use.context == "clientside"} == {"/Common/x", "/k8s/y"}
