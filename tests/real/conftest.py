"""Fixtures that tests against real components share, so that each component is started once."""

from real.kube import admin, kube_api, namespace
from real.tutorial import bench

__all__ = ["admin", "bench", "kube_api", "namespace"]
