"""Turnbuckle, a container connector for F5 BIG-IP."""

__version__ = "0.1.0"
