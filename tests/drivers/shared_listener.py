"""What Ingresses on one address are made of: policies and rules, certificates, profiles and a virtual server."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from device import member

from turnbuckle.model.ltm import IRule, LtmObject, Pool, ProfileUse, VirtualServer
from turnbuckle.model.mark import Mark
from turnbuckle.model.policy import Action, Condition, Policy, PolicyRule, irule_of
from turnbuckle.model.tls import CertificateFile, ClientSsl, KeyFile, ProfileBinding, SealedPem, default_profile

FOLDER = "/k8s/Shared"
SERVER = f"{FOLDER}/ingress_203_0_113_7_443"
POLICY = f"{FOLDER}/Ingress_203_0_113_7_443"


def mark(owner: str = "web") -> Mark:
    return Mark("us", "cluster", f"Ingress/default/{owner}")


@functools.cache
def pem(name: str, number: int = 1) -> tuple[str, str]:
    """A certificate for a name and its key, in PEM; another one for each number."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(number)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


def files(name: str, number: int = 1, owner: str = "web") -> tuple[CertificateFile, KeyFile]:
    """The certificate and the key of a Secret as files."""
    certificate, key = pem(f"{name}.example.com", number)
    digest = hashlib.sha256(certificate.encode()).hexdigest()
    path = f"{FOLDER}/default_{name}_{digest[:8]}"
    return (
        CertificateFile(path, mark(owner), digest, certificate),
        KeyFile(path, mark(owner), digest, SealedPem(key)),
    )


def client_ssl(name: str, certificate: CertificateFile, default: bool = False, owner: str = "web") -> ClientSsl:
    path = default_profile(SERVER) if default else f"{FOLDER}/default_{name}_{SERVER.rpartition('/')[2]}"
    return ClientSsl(path, mark(owner), certificate=certificate.name, key=certificate.name, sni_default=default)


def binding(profile: ClientSsl) -> ProfileBinding:
    return ProfileBinding(f"{SERVER}:{profile.name}", profile.mark)


def policy(owner: str = "web") -> Policy:
    return Policy(POLICY, mark(owner))


def irule(text: str = "when HTTP_REQUEST {\n    unset -nocomplain beyond\n}", owner: str = "web") -> IRule:
    return IRule(irule_of(POLICY), mark(owner), text)


def pool(name: str, owner: str = "web") -> Pool:
    return Pool(f"{FOLDER}/ingress_default_{name}_80", mark(owner), frozenset({member(1)}))


def rule(name: str, owner: str = "web", ordinal: int = 10, to: str = "web", path: str = "") -> PolicyRule:
    conditions: tuple[Condition, ...] = (Condition("http-host", "equals", (f"{name}.example.com",)),)
    if path:
        conditions += (Condition("path-segment", "equals", (path,), index=1, case_sensitive=True),)
    return PolicyRule(
        f"{POLICY}:ingress_{name}_example_com_{path}",
        mark(owner),
        ordinal,
        conditions,
        (Action("forward", f"{FOLDER}/ingress_default_{to}_80"),),
    )


def server(tls: bool = True, owner: str = "web") -> VirtualServer:
    return VirtualServer(
        SERVER,
        mark(owner),
        "203.0.113.7",
        443,
        "tcp",
        profiles=frozenset({ProfileUse("/Common/tcp"), ProfileUse("/Common/http")}),
        policies=frozenset({POLICY}),
        default_ssl=default_profile(SERVER) if tls else "",
    )


def listener(*hosts: str, certificates: tuple[str, ...] = ("web",), number: int = 1) -> list[LtmObject]:
    """All of a listener: a rule for each host, the first certificate as the default, the others by name."""
    found: list[LtmObject] = [policy(), pool("web"), *(rule(host, host) for host in hosts), server(bool(certificates))]
    for place, name in enumerate(certificates):
        certificate, key = files(name, number, name)
        profile = client_ssl(name, certificate, place == 0, name)
        found += [certificate, key, profile]
        found += [binding(profile)] if place else []
    return found
