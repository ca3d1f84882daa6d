"""Ingress manifests from the wild: each gives objects or an issue, and what each gave is written down here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from turnbuckle.model.ltm import VirtualServer
from turnbuckle.model.settings import Settings
from turnbuckle.runtime import offline

SHARED = os.environ.get("TURNBUCKLE_SHARED", "")
CORPUS = Path(SHARED) / "corpus" / "cis" / "ingress" / "networkingV1"
pytestmark = pytest.mark.skipif(not SHARED, reason="TURNBUCKLE_SHARED does not name the directory with the corpus")

CLASS = """
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: f5, annotations: {ingressclass.kubernetes.io/is-default-class: "true"}}
spec: {controller: f5.com/cntr-ingress-svcs}
"""

GIVEN = {
    "example-default-ingress-class": ("", ""),
    "example-ingress-class-name": ("", "TB2003 TB2043"),
    "example-secret-tls": ("", ""),
    "ingress-https-monitor": ("ingress_10_8_3_123_443 ingress_10_8_3_123_80", "TB2003"),
    "ingress-with-health-monitors-sslprofile": ("ingress_1_2_3_4_443 ingress_1_2_3_4_80", "TB2003"),
    "ingress-with-translate-address": ("ingress_1_0_0_1_80", "TB2003"),
    "ingress-with-vs-ip-cidr": ("ingress_10_8_0_4_80", "TB1029 TB2003 TB2048"),
    "name-based-ingress": ("ingress_1_2_3_4_80", "TB2003 TB2003"),
    "sample-headless-service-ingress": ("ingress_10_8_10_3_80", ""),
    "simple-ingress-fanout": ("ingress_1_2_3_4_80", "TB2003 TB2003"),
    "single-service-ingress": ("ingress_10_190_25_70_80", "TB2003"),
    "single-service-namedport-ingress": ("ingress_10_190_25_70_80", "TB2003"),
    "single-service-tls-ingress": ("ingress_1_2_3_4_443 ingress_1_2_3_4_80", "TB2003"),
    "single-service-tls-ingress-2": ("ingress_1_2_3_4_80", "TB2003 TB2048"),
}
"""The virtual servers of each manifest beside a class that is the default one, and the codes of what is said."""


def given(manifest: Path, folder: Path, alone: bool) -> offline.Manifests:
    text = manifest.read_text(encoding="utf-8")
    if not alone and "kind: IngressClass" not in text:
        text += CLASS
    (folder / "manifest.yaml").write_text(text, encoding="utf-8")
    return offline.translate(folder, Settings("c", "k", ("k8s", "test"), "cluster"))


@pytest.mark.parametrize("name", sorted(GIVEN))
def test_a_manifest_gives_what_is_written_here(name: str, tmp_path: Path) -> None:
    made = given(CORPUS / f"{name}.yaml", tmp_path, alone=False)
    servers = [path.leaf for path in sorted(made.snapshot.desired) if path.kind == VirtualServer.KIND]
    assert (" ".join(servers), " ".join(sorted(issue.code for issue in made.issues))) == GIVEN[name]


def test_every_manifest_with_an_ingress_gives_objects_or_an_issue_by_itself(tmp_path: Path) -> None:
    manifests = sorted(CORPUS.glob("*.yaml"))
    assert {one.stem for one in manifests} == set(GIVEN)
    for manifest in manifests:
        made = given(manifest, tmp_path, alone=True)
        if "kind: Ingress\n" in manifest.read_text(encoding="utf-8"):
            assert made.snapshot.desired or made.issues, manifest
