"""Names of what every kind but the ConfigMap makes: in the folder Shared of a partition, as AS3 would call it.

They are those of k8s-bigip-ctlr 2.x with Ingresses and the AS3 agent, so that what it made can be taken over.
"""

from __future__ import annotations

import hashlib
import re

FOLDER = "Shared"
LONGEST_PATH = 255

_SHORT = (("client_ssl", "cssl"), ("server_ssl", "sssl"))


def in_folder(partition: str, name: str) -> str:
    """The full path of an object of a partition."""
    return f"/{partition}/{FOLDER}/{name}"


def plain(text: str) -> str:
    """A name with underscores in the place of dots, hyphens and plus signs; two long words are shortened."""
    name = text.translate({ord(c): "_" for c in ".+-"})
    for long, short in _SHORT:
        name = name.replace(long, short)
    return name


def of_address(address: str) -> str:
    """An address as a part of a name; its route domain stands after an underscore."""
    return plain(address.strip("[]").translate({ord(c): "-" for c in ".:/"}).replace("%", "."))


def of_rule(text: str) -> str:
    """The name of a rule: whatever is no letter, digit or underscore is an underscore; too long a one is cut."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", plain(text.replace("*", "wildcard")))
    return name if len(name) <= LONGEST_PATH else f"{name[: LONGEST_PATH - 9]}_{digest(text)}"


def digest(text: str) -> str:
    """Eight hex digits by which two texts with one name are told apart."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]
