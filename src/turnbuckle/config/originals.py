"""The flags of the original that are known and have no effect: accepted with their type, and said once."""

from __future__ import annotations

from collections.abc import Mapping

from turnbuckle.config import forms
from turnbuckle.config.forms import Form
from turnbuckle.config.settings import SETTINGS, Setting, by_name

ORIGINAL = "Flags of the original without effect"
_LARGEST = 2**31 - 1

_TEXT: tuple[tuple[str, str], ...] = (
    ("python-basedir", "There is no Python child process."),
    ("cccl-log-level", "There is one log; its level is --log-level."),
    ("https-listen-address", "Nothing is served there."),
    ("orchestration-cni", "No routes are written."),
    ("static-route-node-cidr", "No routes are written."),
    ("route-spec-configmap", "OpenShift Routes are not read."),
    ("extended-spec-configmap", "OpenShift Routes are not read."),
    ("allowed-partitions", "The partitions are those of --bigip-partition."),
    ("denied-partitions", "The partitions are those of --bigip-partition."),
    ("tls-version", "The SSL profiles are those that a manifest names."),
    ("cipher-group", "The SSL profiles are those that a manifest names."),
    ("ciphers", "The SSL profiles are those that a manifest names."),
    ("trusted-certs-cfgmap", "Mount the ConfigMap and name the file with --trusted-certs."),
    ("override-as3-declaration", "No AS3 declarations are posted."),
    ("schema-db-base-dir", "The schemas of F5 resources are built in."),
    ("custom-resource-label", "Custom resources are not read."),
    ("openshift-sdn-name", "No tunnel records are written."),
    ("flannel-name", "No tunnel records are written."),
    ("cilium-name", "No tunnel records are written."),
    ("route-vserver-addr", "OpenShift Routes are not read."),
    ("route-label", "OpenShift Routes are not read."),
    ("route-http-vserver", "OpenShift Routes are not read."),
    ("route-https-vserver", "OpenShift Routes are not read."),
    ("default-client-ssl", "OpenShift Routes are not read."),
    ("default-server-ssl", "OpenShift Routes are not read."),
    ("gtm-bigip-username", "Wide IPs are not written."),
    ("gtm-credentials-directory", "Wide IPs are not written."),
    ("local-cluster-name", "One cluster is watched."),
)

_SWITCHES: tuple[tuple[str, str], ...] = (
    ("disable-teems", "Nothing is reported to anybody."),
    ("static-routing-mode", "No routes are written."),
    ("shared-static-routes", "No routes are written."),
    ("enable-ipv6", "IPv6 needs no switch."),
    ("custom-resource-mode", "Custom resources are not read."),
    ("shared-default-route-domain", "No AS3 declarations are posted."),
    ("as3-validation", "No AS3 declarations are posted."),
    ("log-as3-response", "No AS3 declarations are posted."),
    ("cccl-gtm-agent", "Wide IPs are not written."),
    ("filter-tenants", "No AS3 declarations are posted."),
    ("http-client-metrics", "All metrics are always there."),
    ("manage-routes", "OpenShift Routes are not read."),
    ("manage-configmaps", "F5 resource ConfigMaps are always read."),
    ("hubmode", "AS3 ConfigMaps are not read."),
    ("pod-graceful-shutdown", "AS3 ConfigMaps are not read."),
    ("use-secrets", "The Secrets that Ingresses name are always used."),
)

_NUMBERS: tuple[tuple[str, int, str, str], ...] = (
    ("refresh-token-interval", _LARGEST, "h", "The token is renewed before it ends."),
    ("node-poll-interval", _LARGEST, "s", "Nodes are watched, not polled."),
    ("periodic-sync-interval", _LARGEST, "s", "Objects are watched, not polled."),
    ("default-route-domain", 65534, "", "No AS3 declarations are posted."),
    ("as3-post-delay", _LARGEST, "s", "No AS3 declarations are posted."),
)

_WORDS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("controller-mode", ("customresource", "openshift", "kubernetes"), "Custom resources are not read."),
    ("multi-cluster-mode", ("standalone", "primary", "secondary"), "One cluster is watched."),
)


def _row(name: str, form: Form[object], why: str, unit: str = "") -> Setting:
    return Setting(name, form, None, ORIGINAL, why, unit=unit, meaning=False)


ORIGINALS: tuple[Setting, ...] = (
    *(_row(name, forms.text(), why) for name, why in _TEXT),
    _row("gtm-bigip-url", forms.url(), "Wide IPs are not written."),
    _row("gtm-bigip-password", forms.secret(), "Wide IPs are not written."),
    *(_row(name, forms.yes_no(), why) for name, why in _SWITCHES),
    *(_row(name, forms.whole_number(0, largest), why, unit) for name, largest, unit, why in _NUMBERS),
    *(_row(name, forms.one_of(words), why) for name, words, why in _WORDS),
)

KNOWN: Mapping[str, Setting] = by_name(SETTINGS + ORIGINALS)
