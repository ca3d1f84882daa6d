"""Reads a Kubernetes API server: list, watch, resume. Nothing else of the program talks to one."""

from turnbuckle.sources.kubernetes.errors import (
    Busy,
    Expired,
    Forbidden,
    KubernetesError,
    LoginFailed,
    NotFound,
    Refused,
    Unauthorized,
    Unreachable,
)
from turnbuckle.sources.kubernetes.login import Access, FixedLogin, InClusterLogin, KubeconfigLogin, Login
from turnbuckle.sources.kubernetes.reflector import KindHealth
from turnbuckle.sources.kubernetes.source import KubernetesSource
from turnbuckle.sources.kubernetes.timing import Timing

__all__ = [
    "Access",
    "Busy",
    "Expired",
    "FixedLogin",
    "Forbidden",
    "InClusterLogin",
    "KindHealth",
    "KubeconfigLogin",
    "KubernetesError",
    "KubernetesSource",
    "Login",
    "LoginFailed",
    "NotFound",
    "Refused",
    "Timing",
    "Unauthorized",
    "Unreachable",
]
