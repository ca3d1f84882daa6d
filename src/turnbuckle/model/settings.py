"""Facts that translators and composers read: settings and the date lie in the store like any other object."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from turnbuckle.model.ref import Ref

SETTINGS = Ref("", "Settings", "", "")
TODAY = Ref("", "Today", "", "")


@dataclass(frozen=True, slots=True)
class Settings:
    """How objects are to be understood.

    partitions: those that may be written to, the first one is the default; empty: every partition but Common.
    pool_member_type: "nodeport" or "cluster".
    snat_pool: full path of a SNAT pool; empty: automap.
    node_label_selector: a Kubernetes label selector; empty: every node.
    ingresses: whether Ingresses are published.
    ingress_class: name of the IngressClass to serve; with ingress_class_only not those Ingresses that name no class.
    default_ingress_ip: the address of Ingresses that give none, as bigip_address answers it; empty: there is none.
    resolve_ingress_names: whether the address of an Ingress that gives none is that of its first rule's host.
    profiles_asked_for: whether somebody answers which profiles the device has, so that it is worth waiting for.
    load_balancer_class: the class of Services of type LoadBalancer to serve; with load_balancer_class_only not those
    Services that name no class.
    """

    controller_id: str
    cluster_id: str
    partitions: tuple[str, ...] = ()
    pool_member_type: str = "nodeport"
    use_node_internal: bool = True
    node_label_selector: str = ""
    snat_pool: str = ""
    share_nodes: bool = False
    members_only: bool = False
    ingresses: bool = True
    ingress_class: str = "f5"
    ingress_class_only: bool = False
    default_ingress_ip: str = ""
    resolve_ingress_names: bool = False
    profiles_asked_for: bool = False
    load_balancer_class: str = ""
    load_balancer_class_only: bool = False


@dataclass(frozen=True, slots=True)
class Today:
    """The date in UTC, so that what ends by itself is told in time; nothing in the middle reads a clock."""

    day: date
