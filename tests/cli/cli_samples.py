"""Manifests that the tests of commands write."""

from __future__ import annotations

import json
from typing import Any


def resource(name: str, address: str = "192.0.2.80", **frontend: Any) -> str:
    """A ConfigMap with an F5 resource, as the text of a manifest; it starts on the manifest's line 1."""
    content = {
        "virtualServer": {
            "frontend": {
                "partition": "k8s",
                "mode": "http",
                "virtualAddress": {"bindAddr": address, "port": 80},
                **frontend,
            },
            "backend": {"serviceName": "web", "servicePort": 80},
        }
    }
    return (
        f"kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: {name}\n  labels: {{f5type: virtual-server}}\n"
        "data:\n  schema: f5schemadb://bigip-virtual-server_v0.1.7.json\n"
        f"  data: '{json.dumps(content)}'\n"
    )


SERVICE = """
kind: Service
apiVersion: v1
metadata: {name: web}
spec: {type: NodePort, ports: [{port: 80, nodePort: 30080}]}
---
kind: Node
apiVersion: v1
metadata: {name: n1}
status: {addresses: [{type: InternalIP, address: 198.51.100.1}], conditions: [{type: Ready, status: "True"}]}
"""
