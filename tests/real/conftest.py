"""Fixtures that tests against real components share, so that each component is started once."""

from real.kube import admin, kube_api, namespace

__all__ = ["admin", "kube_api", "namespace"]
