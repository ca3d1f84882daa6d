"""The table of settings: every flag, environment variable and key of the configuration file, declared once.

The fields of Config are the rows that mean something here; ORIGINALS (originals.py) are the flags of the
original that are known and have no effect. Flags, the file's schema, `turnbuckle config` and the tables in
docs/commands come from it.
"""

# ruff: noqa: RUF009  (the defaults are dataclass fields with a row of the table in their metadata)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from turnbuckle.config import dns_forms, forms, pool_forms
from turnbuckle.config.forms import Flaw, Form, Sealed

T = TypeVar("T")

BIGIP, KUBERNETES, ADDRESSES, HERE = "BIG-IP", "Kubernetes", "Addresses from pools", "This process"
GROUPS = (BIGIP, KUBERNETES, ADDRESSES, HERE)


@dataclass(frozen=True, slots=True)
class Setting:
    """A row: how a setting is called, written and explained.

    name: the flag without its dashes, and the key in the file. environment: the variable that gives it too.
    original: whether the original has the flag. meaning: whether it does something here.
    live: whether a running controller takes a new value from its file. in_file: whether it may stand in the
    file.
    """

    name: str
    form: Form[Any]
    default: Any
    group: str
    doc: str
    unit: str = ""
    environment: str = ""
    short: str = ""
    original: bool = True
    meaning: bool = True
    live: bool = False
    in_file: bool = True

    @property
    def attribute(self) -> str:
        """The name of the field of Config."""
        return self.name.replace("-", "_")


def _setting(form: Form[T], default: T, group: str, doc: str, **more: Any) -> T:
    return field(default=default, metadata={"setting": Setting("", form, default, group, doc, **more)})


def _or_off(form: Form[str]) -> Form[str]:
    """The form of a text that may be empty, too, which is written `off`: what is given empty counts as not given."""
    placeholder = f"{form.placeholder}|off"
    return replace(form, placeholder=placeholder, parse=lambda given: form.parse(given) if given[-1] != "off" else "")


_UNBUILT_AGENT = Flaw(
    "is as3, which is not built yet.", "Leave it out: the icontrol agent does the same work by iControl REST."
)
_MEMBER_TYPES = {
    "nodeportlocal": Flaw(
        "is nodeportlocal, which is not supported.",
        "Write cluster where the BIG-IP reaches the pods, else nodeport.",
    ),
    "auto": Flaw(
        "is auto, which the original has for custom resources only.",
        "Write nodeport or cluster for all of them.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Every setting that means something, as a value of its type.

    bigip_url is empty when no device is named; bigip_username and bigip_password are empty when they come
    from credentials_directory (see CredentialSource). An empty bigip_partition means every partition but
    Common.
    """

    bigip_url: str = _setting(
        forms.url(),
        "",
        BIGIP,
        "Where the BIG-IP is; https:// is added when it is missing.",
        environment="BIGIP_URL",
    )
    bigip_username: str = _setting(
        forms.text(), "", BIGIP, "The user to log in as.", environment="BIGIP_USERNAME", live=True
    )
    bigip_password: Sealed = _setting(
        forms.secret(), Sealed(), BIGIP, "That user's password.", environment="BIGIP_PASSWORD", live=True
    )
    credentials_directory: Path | None = _setting(
        forms.path("directory"),
        None,
        BIGIP,
        "Files username, password and url, for what is not given elsewhere; read again when they change.",
    )
    bigip_partition: tuple[str, ...] = _setting(
        forms.many(forms.partition()),
        (),
        BIGIP,
        "A partition to write to; may be repeated, the first one is the default.",
    )
    ha_mode: str = _setting(
        forms.one_of(("unit", "group"), fold=str.lower),
        "unit",
        BIGIP,
        "Write to the unit at --bigip-url alone, or to the active unit of its device group and then synchronise.",
        original=False,
    )
    bigip_peer_url: tuple[str, ...] = _setting(
        forms.many(forms.url()),
        (),
        BIGIP,
        "Where another unit of the device group is, for --ha-mode=group; may be repeated.",
        original=False,
    )
    device_group: str = _setting(
        forms.text("NAME"),
        "",
        BIGIP,
        "The device group, where a unit is in several; for --ha-mode=group.",
        original=False,
    )
    create_partition: bool = _setting(
        forms.yes_no(), False, BIGIP, "Make a partition that the BIG-IP does not have.", original=False
    )
    trusted_certs: Path | None = _setting(
        forms.certificates(),
        None,
        BIGIP,
        "Certificates in PEM form to trust the BIG-IP by, instead of the system's.",
        original=False,
    )
    insecure: bool = _setting(forms.yes_no(), False, BIGIP, "Do not verify the BIG-IP's certificate.")
    agent: str = _setting(
        forms.one_of(("icontrol",), aliases={"cccl": "icontrol"}, refused={"as3": _UNBUILT_AGENT}, fold=str.lower),
        "icontrol",
        BIGIP,
        "How the BIG-IP is written to: by iControl REST; cccl is its old name.",
    )
    adopt: bool = _setting(
        forms.yes_no(),
        False,
        BIGIP,
        "Take over objects that have a wanted name and bear nobody's mark.",
        original=False,
    )
    members_only: bool = _setting(
        forms.yes_no(),
        False,
        BIGIP,
        "Write nothing but members of pools named by the annotation turnbuckle/pool.",
        original=False,
        live=True,
    )
    share_nodes: bool = _setting(forms.yes_no(), False, BIGIP, "Keep the nodes of pool members in /Common.")
    vs_snat_pool_name: str = _setting(
        forms.device_path(),
        "",
        BIGIP,
        "The SNAT pool of every virtual server; without it, automap.",
        live=True,
    )
    save: str = _setting(
        forms.one_of(("batch", "never"), fold=str.lower),
        "batch",
        BIGIP,
        "Whether the BIG-IP's configuration is saved after changes (at most once a minute).",
        original=False,
    )
    verify_interval: int = _setting(
        forms.whole_number(0, 2**31 - 1),
        300,
        BIGIP,
        "How often the BIG-IP is looked at for what was changed there by hand; 0: never.",
        unit="s",
    )
    drift: str = _setting(
        forms.one_of(("mend", "report"), fold=str.lower),
        "mend",
        BIGIP,
        "What was changed by hand on objects of ours: put it right again, or only tell it.",
        original=False,
    )
    max_delete_percent: int = _setting(
        forms.whole_number(0, 100),
        30,
        BIGIP,
        "More than this share of pools or objects (and more than 10) is not removed in one unwatched step.",
        unit="%",
        original=False,
    )
    allow_mass_delete: bool = _setting(
        forms.yes_no(),
        False,
        BIGIP,
        "Let go what --max-delete-percent holds back.",
        original=False,
        live=True,
    )
    freeze: tuple[str, ...] = _setting(
        forms.many(forms.text()),
        (),
        BIGIP,
        "Write nothing of this: device, a partition, or an object by its full path; may be repeated.",
        original=False,
        live=True,
    )
    restore_directory: Path | None = _setting(
        forms.path(),
        None,
        BIGIP,
        "Where restore files are kept; default: turnbuckle in $XDG_STATE_HOME, else in ~/.local/state.",
        original=False,
    )
    controller_id: str = _setting(
        forms.identifier(),
        "",
        BIGIP,
        "Name in the ownership marks; default: the UID of kube-system, or a hash of the folder's path.",
        original=False,
    )
    cluster_id: str = _setting(
        forms.identifier(),
        "",
        BIGIP,
        "The cluster's name in the ownership marks; same default.",
        original=False,
    )
    namespace: tuple[str, ...] = _setting(
        forms.many(forms.namespace()),
        (),
        KUBERNETES,
        "A namespace to watch; may be repeated; without it, all of them.",
    )
    namespace_label: str = _setting(
        forms.label_selector(),
        "",
        KUBERNETES,
        "Watch the namespaces that bear these labels; excludes --namespace.",
    )
    pool_member_type: str = _setting(
        forms.one_of(("nodeport", "cluster"), refused=_MEMBER_TYPES, fold=str.lower),
        "nodeport",
        KUBERNETES,
        "Pool members: nodes with the Service's node port, or the Service's endpoints.",
        live=True,
    )
    node_label_selector: str = _setting(
        forms.label_selector(), "", KUBERNETES, "Only nodes that bear these labels become members.", live=True
    )
    use_node_internal: bool = _setting(
        forms.yes_no(), True, KUBERNETES, "Use the nodes' InternalIP; false: ExternalIP.", live=True
    )
    manage_ingress: bool = _setting(
        forms.yes_no(),
        True,
        KUBERNETES,
        "Publish Ingresses; false: they, their classes and Secrets are not even read.",
    )
    ingress_class: str = _setting(
        forms.text("NAME"),
        "f5",
        KUBERNETES,
        "The IngressClass whose Ingresses are published; those of another are left alone.",
        live=True,
    )
    manage_ingress_class_only: bool = _setting(
        forms.yes_no(), False, KUBERNETES, "Do not publish Ingresses without a class.", live=True
    )
    default_ingress_ip: str = _setting(
        forms.address(),
        "",
        KUBERNETES,
        "The address of Ingresses that give none, or controller-default.",
        live=True,
    )
    resolve_ingress_names: str = _setting(
        dns_forms.name_server(),
        "",
        KUBERNETES,
        "Ingresses that give no address have that of their first host: by LOOKUP, this machine's way, or by a server.",
    )
    load_balancer_class: str = _setting(
        forms.text("NAME"),
        "",
        KUBERNETES,
        "The spec.loadBalancerClass of Services of type LoadBalancer to publish; those of another are left alone.",
        live=True,
    )
    manage_load_balancer_class_only: bool = _setting(
        forms.yes_no(), False, KUBERNETES, "Do not publish Services of type LoadBalancer without a class.", live=True
    )
    leader_elect: bool = _setting(
        forms.yes_no(),
        True,
        KUBERNETES,
        "Of several replicas let the one write that holds the Lease.",
        original=False,
    )
    lease_namespace: str = _setting(
        forms.namespace(),
        "",
        KUBERNETES,
        "Where the Lease lies; default: the pod's own namespace, outside of a cluster kube-system.",
        original=False,
    )
    kubeconfig: Path | None = _setting(
        forms.path(),
        Path("./config"),
        KUBERNETES,
        "How to reach the cluster from outside; used when it is given.",
    )
    running_in_cluster: bool = _setting(
        forms.yes_no(),
        True,
        KUBERNETES,
        "Use the pod's own service account; false: --kubeconfig.",
    )
    ip_range: str = _setting(
        pool_forms.ip_ranges(),
        "",
        ADDRESSES,
        "Pools of addresses by label, for the annotation cis.f5.com/ipamLabel: ranges, CIDRs, and after ! exclusions.",
        original=False,
        live=True,
    )
    infoblox_grid_host: str = _setting(
        forms.host(),
        "",
        ADDRESSES,
        "The Infoblox grid to take addresses from, in place of --ip-range; by HTTPS.",
        original=False,
    )
    infoblox_wapi_port: int = _setting(
        forms.whole_number(1, 65535), 443, ADDRESSES, "The port of the grid's WAPI.", original=False
    )
    infoblox_wapi_version: str = _setting(
        forms.text("VERSION"), "2.12", ADDRESSES, "The version of the grid's WAPI.", original=False
    )
    infoblox_username: str = _setting(
        forms.text(), "", ADDRESSES, "The user of the grid.", environment="INFOBLOX_USERNAME", original=False
    )
    infoblox_password: Sealed = _setting(
        forms.secret(), Sealed(), ADDRESSES, "That user's password.", environment="INFOBLOX_PASSWORD", original=False
    )
    infoblox_labels: str = _setting(
        pool_forms.infoblox_labels(),
        "",
        ADDRESSES,
        "The networks of the grid by label, for the annotation cis.f5.com/ipamLabel.",
        original=False,
    )
    infoblox_trusted_certs: Path | None = _setting(
        forms.certificates(),
        None,
        ADDRESSES,
        "Certificates in PEM form to trust the grid by, instead of the system's.",
        original=False,
    )
    ipam: bool = _setting(
        forms.yes_no(), False, ADDRESSES, "Ask F5's IPAM controller for addresses, in place of --ip-range."
    )
    ipam_namespace: str = _setting(
        forms.namespace(), "kube-system", ADDRESSES, "Where the IPAM object lies by which it is asked."
    )
    ipam_cluster_label: str = _setting(
        forms.text(), "", ADDRESSES, "What the keys in the IPAM object begin with, to tell clusters apart."
    )
    folder: Path | None = _setting(
        forms.path(),
        None,
        HERE,
        "Manifests to read, a directory or a file, in place of a cluster.",
        short="-f",
        original=False,
    )
    config: Path | None = _setting(
        forms.path(),
        None,
        HERE,
        "A YAML file with these settings, by the same names; flags win over it.",
        original=False,
        in_file=False,
    )
    once: bool = _setting(
        forms.yes_no(), False, HERE, "Synchronise once and stop: exit 0 in sync, 1 not.", original=False
    )
    log_level: str = _setting(
        forms.one_of(("AS3DEBUG", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), fold=str.upper),
        "INFO",
        HERE,
        "How much is logged.",
        live=True,
    )
    log_file: Path | None = _setting(forms.path(), None, HERE, "Log to this file, not to standard error.")
    http_listen_address: str = _setting(
        _or_off(forms.listen_address()),
        "0.0.0.0:8080",
        HERE,
        "Where /metrics, /health and /ready are served; off: nowhere.",
    )


def _rows() -> tuple[Setting, ...]:
    return tuple(replace(f.metadata["setting"], name=f.name.replace("_", "-")) for f in fields(Config))


SETTINGS: tuple[Setting, ...] = _rows()


def by_name(settings: tuple[Setting, ...]) -> Mapping[str, Setting]:
    """The rows by name."""
    return {setting.name: setting for setting in settings}
