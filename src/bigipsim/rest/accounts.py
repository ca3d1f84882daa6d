"""Decides who may do what: the accounts of the device, their roles by partition, the rights of each role."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

ALL_PARTITIONS: Final = "all-partitions"
COMMON: Final = "Common"
NO_PASSWORD: Final = "!!"

_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_CHANGES: Final = frozenset({"PUT", "PATCH"})


@dataclass(frozen=True, slots=True)
class Rights:
    """What a role may write: `kinds` are prefixes of collections ("" is all of them), `methods` HTTP verbs."""

    kinds: tuple[str, ...] = ()
    methods: frozenset[str] = _WRITES
    system: bool = False

    def allow(self, kind: str, method: str) -> bool:
        """Whether the role may use `method` on objects of the collection `kind`."""
        return method in self.methods and any(kind.startswith(prefix) for prefix in self.kinds)


# Source: role names of the user resource; who may write what is the vendor's description of the user roles.
ROLES: Final[Mapping[str, Rights]] = {
    "admin": Rights(("",), system=True),
    "resource-admin": Rights(("",), system=True),
    "manager": Rights(("ltm/", "gtm/", "sys/application/", "sys/file/", "sys/folder", "net/arp", "net/fdb/")),
    "application-editor": Rights(("ltm/node", "ltm/pool", "ltm/monitor/"), _CHANGES),
    "irule-manager": Rights(("ltm/rule",)),
    "certificate-manager": Rights(("sys/file/ssl-", "ltm/profile/client-ssl", "ltm/profile/server-ssl")),
    "operator": Rights(("ltm/node", "ltm/pool/members", "ltm/virtual"), _CHANGES),
    "user-manager": Rights(("auth/user",)),
    "auditor": Rights(),
    "guest": Rights(),
    "no-access": Rights(),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request: the account's name, its roles by partition, and the token used, "" with Basic."""

    name: str
    roles: Mapping[str, str] = field(default_factory=dict)
    token: str = ""

    def role(self, partition: str) -> str:
        """The role that counts in `partition` ("" for what is in no partition); "no-access" without one."""
        return self.roles.get(partition) or self.roles.get(ALL_PARTITIONS) or "no-access"

    @property
    def is_administrator(self) -> bool:
        """Whether the caller holds the role admin on the whole device."""
        return self.roles.get(ALL_PARTITIONS) == "admin"

    def may_read(self, partition: str) -> bool:
        """Whether objects of `partition` are visible; Common and what has no partition are so to all users."""
        if partition in ("", COMMON):
            return any(role != "no-access" for role in self.roles.values())
        return self.role(partition) != "no-access"

    def may_write(self, partition: str, kind: str = "ltm/", method: str = "POST") -> bool:
        """Whether `method` on an object of collection `kind` in `partition` is within the caller's rights."""
        return ROLES[self.role(partition)].allow(kind, method)

    def may_administer(self) -> bool:
        """Whether the caller may change what is in no partition: partitions, saving, the device itself."""
        return ROLES[self.role("")].system


ANONYMOUS: Final = Caller("")
ADMINISTRATOR_ROLES: Final[Mapping[str, str]] = {ALL_PARTITIONS: "admin"}


@dataclass(frozen=True, slots=True)
class Account:
    """One local user; `secret` is the salted hash of the password, or "!!" when no password was set."""

    name: str
    roles: Mapping[str, str]
    secret: str = NO_PASSWORD
    description: str = ""
    shell: str = ""
    generation: int = 1

    def accepts(self, password: str) -> bool:
        """Whether that is the account's password."""
        if self.secret == NO_PASSWORD:
            return False
        salt = self.secret.split("$")[2]
        return hmac.compare_digest(self.secret, hashed(password, salt))


def hashed(password: str, salt: str = "") -> str:
    """A password as the device shows it: "$6$<salt>$<digest>"; without `salt` a new one is drawn."""
    salt = salt or secrets.token_hex(4)
    digest = hashlib.sha512(f"{salt}${password}".encode()).digest()
    return f"$6${salt}${base64.b64encode(digest).decode().rstrip('=')}"


def to_wire(account: Account) -> dict[str, Any]:
    """What GET shows of an account, without generation and links."""
    body: dict[str, Any] = {
        "kind": "tm:auth:user:userstate",
        "name": account.name,
        "fullPath": account.name,
        "description": account.description or account.name,
        "encryptedPassword": account.secret,
        "partitionAccess": [{"name": partition, "role": role} for partition, role in sorted(account.roles.items())],
    }
    if account.shell:
        body["shell"] = account.shell
    return body


class Accounts:
    """The local users of one device, by name."""

    def __init__(self, administrator: str, password: str) -> None:
        self.administrator = administrator
        self._accounts: dict[str, Account] = {}
        self._factory = Account(administrator, ADMINISTRATOR_ROLES, hashed(password), "Admin User")
        self.reset()

    def reset(self) -> None:
        """Leaves only the primary administrator, with the password the device started with."""
        self._accounts = {self.administrator: self._factory}

    def get(self, name: str) -> Account | None:
        """The account of that name."""
        return self._accounts.get(name)

    def items(self) -> list[Account]:
        """All accounts, by name."""
        return [self._accounts[name] for name in sorted(self._accounts)]

    def put(self, account: Account) -> None:
        """Stores an account in place of the one of the same name."""
        self._accounts[account.name] = account

    def remove(self, name: str) -> None:
        """Forgets an account."""
        del self._accounts[name]

    def forget_partition(self, partition: str) -> None:
        """Drops the access entries of a partition that was deleted."""
        for account in self.items():
            if partition in account.roles:
                roles = {name: role for name, role in account.roles.items() if name != partition}
                self.put(replace(account, roles=roles))

    def dump(self) -> list[dict[str, Any]]:
        """The accounts as JSON that `load` takes, all but the primary administrator's; passwords are hashed."""
        return [to_wire(account) for account in self.items() if account.name != self.administrator]

    def load(self, states: Iterable[Mapping[str, Any]]) -> None:
        """Replaces all accounts but the primary administrator's by those of a dump.

        That one stays as it is, so that whoever starts a device with a password gets in with it.
        """
        self._accounts = {self.administrator: self._accounts[self.administrator]}
        for state in states:
            roles = {str(entry["name"]): str(entry["role"]) for entry in state.get("partitionAccess", ())}
            account = Account(
                name=str(state["name"]),
                roles=roles,
                secret=str(state.get("encryptedPassword", NO_PASSWORD)),
                description=str(state.get("description", "")),
                shell=str(state.get("shell", "")),
            )
            if account.name != self.administrator:
                self.put(account)
