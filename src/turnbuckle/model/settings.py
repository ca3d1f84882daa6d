"""Settings that translators and composers read: they lie in the store like any other object."""

from __future__ import annotations

from dataclasses import dataclass

from turnbuckle.model.ref import Ref

SETTINGS = Ref("", "Settings", "", "")


@dataclass(frozen=True, slots=True)
class Settings:
    """How objects are to be understood.

    partitions: those that may be written to, the first one is the default; empty: every partition but Common.
    pool_member_type: "nodeport" or "cluster".
    snat_pool: full path of a SNAT pool; empty: automap.
    node_label_selector: a Kubernetes label selector; empty: every node.
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
