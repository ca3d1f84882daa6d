"""What can go wrong between us and an API server.

KubernetesError
├── LoginFailed          the token, certificate or kubeconfig cannot be used
├── Unreachable          no answer, half an answer, or one that is no JSON
└── Refused              an answer other than success
    ├── Unauthorized     401
    ├── Forbidden        403
    ├── NotFound         404
    ├── Expired          410, as a status or inside a watch: what was asked for is too old, list again
    ├── Invalid          400 or 422: a resource version that the server cannot use, for one
    └── Busy             429 or 503: asked to come back later
"""

from __future__ import annotations


class KubernetesError(Exception):
    """Nothing could be read; that says nothing about what is there.

    retry_after_s: seconds that the server asked us to wait; 0 when it did not.
    """

    retry_after_s: float = 0.0


class LoginFailed(KubernetesError):
    """The token, the certificate or the kubeconfig cannot be used."""


class Unreachable(KubernetesError):
    """No answer, half an answer, or one that is no JSON."""


class Refused(KubernetesError):
    """The server answered with a status other than success."""

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unauthorized(Refused):
    """401: the server does not know us."""


class Forbidden(Refused):
    """403: the server knows us and does not let us."""


class NotFound(Refused):
    """404: the server does not have that kind, or not that object."""


class Expired(Refused):
    """410: the resource version or the page is too old; only a new list helps."""


class Invalid(Refused):
    """400 or 422."""


class Busy(Refused):
    """429 or 503."""


BY_STATUS: dict[int, type[Refused]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    410: Expired,
    422: Invalid,
    429: Busy,
    503: Busy,
}
