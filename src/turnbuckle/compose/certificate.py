"""The certificate and the key of a Secret as files of the device, and what there is to say about them in time.

The profiles that show a certificate are the listener's, since which one answers by default is a field of the profile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from turnbuckle.engine.protocol import Composition, Look
from turnbuckle.kinds.secret import SecretSpec
from turnbuckle.kit import facts
from turnbuckle.kit.shared_names import in_folder
from turnbuckle.model import issue as issues_of
from turnbuckle.model.claim import CertificateFiles, CertificateKey, CertificateUse, Claim
from turnbuckle.model.issue import Issue
from turnbuckle.model.ref import Ref
from turnbuckle.model.tls import CertificateFile, KeyFile

DAYS_AHEAD = 30
"""So long before its end a certificate is told; most authorities renew earlier, so then something is wrong."""


class CertificateComposer:
    """Follows its Secret; one that goes or breaks leaves on the device what was good last."""

    key = CertificateKey
    when_owner_errs: Literal["follow", "hold"] = "follow"

    def compose(self, key: CertificateKey, claims: Sequence[Claim], look: Look) -> Composition:
        """A CertificateFile and its KeyFile; `made` is a CertificateFiles."""
        secret = look.get(Ref("", "Secret", key.namespace, key.secret))
        spec = secret.spec if secret is not None else None
        if not isinstance(spec, SecretSpec) or spec.flaw:
            issues = tuple(_what_is_wrong(key, spec, claim) for claim in claims)
            return Composition(issues=issues, failed=True)
        # Kubernetes has no underscores in names, so no two Secrets make the same one.
        name = in_folder(key.partition, f"{key.namespace}_{key.secret}_{spec.digest[:8]}")
        mark = facts.mark_for(look, claims[0].owner)
        shown = CertificateFile(
            name, mark, spec.digest, spec.certificate, secret=f"{key.namespace}/{key.secret}", ends=spec.ends
        )
        files = (shown, KeyFile(name, mark, spec.digest, spec.key))
        warnings = tuple(issue for claim in claims for issue in _warnings(key, spec, claim, look))
        return Composition(files, warnings, made=CertificateFiles(name, name, spec.chained))


COMPOSER = CertificateComposer()


def _what_is_wrong(key: CertificateKey, spec: SecretSpec | None, claim: Claim) -> Issue:
    use: CertificateUse = claim.want
    if spec is None:
        return issues_of.secret_missing(claim.owner, use.field, key.namespace, key.secret)
    return issues_of.secret_unusable(claim.owner, use.field, key.namespace, key.secret, spec.flaw)


def _warnings(key: CertificateKey, spec: SecretSpec, claim: Claim, look: Look) -> Iterator[Issue]:
    use: CertificateUse = claim.want
    name = f"{key.namespace}/{key.secret}"
    today = facts.today(look)
    if today is not None and spec.ends is not None:
        days = (spec.ends - today).days
        if days <= DAYS_AHEAD:
            yield issues_of.certificate_ends(claim.owner, use.field, name, spec.ends.isoformat(), days)
    for host in use.hosts:
        if not any(_is_for(one, host) for one in spec.names):
            yield issues_of.certificate_for_others(claim.owner, use.field, name, host, spec.names)


def _is_for(name: str, host: str) -> bool:
    """Whether a client takes a certificate's name for a host: a wildcard stands for one label. Source: RFC 9525."""
    if name == host:
        return True
    return name.startswith("*.") and not host.startswith("*.") and host.partition(".")[2] == name[2:]
