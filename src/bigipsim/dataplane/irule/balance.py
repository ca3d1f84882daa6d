"""Decides what the commands do that say where a connection or request goes, and what they know of pools."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from bigipsim.dataplane.config import (
    MemberSpec,
    PoolSpec,
    Snat,
    is_address,
    node_spec,
    port_number,
    snat_spec,
    split_port,
)
from bigipsim.dataplane.irule.session import (
    Failed,
    Function,
    Functions,
    Result,
    Session,
    bad_option,
    number,
    wrong_arguments,
)
from bigipsim.dataplane.persist import Persistence
from bigipsim.dataplane.traffic import Drop, Endpoint, Reset, ToNode, ToPool, ToVirtual

COOKIE_METHODS: Final = ("insert", "rewrite", "passive", "hash")
STATUSES: Final = {"up": "up", "unchecked": "unchecked", "checking": "unchecked", "down": "down"}


def _pool_of(session: Session, name: str) -> PoolSpec:
    path = session.named("ltm/pool", "pool", name)
    pool = session.device.selection.pool(path)
    if pool is None:
        raise Failed(f"no such pool: {name}")
    return pool


def _place(words: Sequence[str]) -> tuple[str, int]:
    """An address and a port (0 for none), given as two words or as one."""
    host, port = (words[0], port_number(words[1])) if len(words) > 1 else split_port(words[0])
    if is_address(words[0].partition("%")[0]) and len(words) == 1:
        host, port = words[0], 0
    if not is_address(host.partition("%")[0]):
        raise Failed(f'invalid IP address "{words[0]}"')
    return host, port


def _pool(session: Session, words: Sequence[str]) -> Result:
    if not words:
        return _current_pool(session)
    pool = _pool_of(session, words[0])
    member: Endpoint | None = None
    if len(words) > 1:
        if words[1] != "member" or len(words) < 3:
            raise wrong_arguments("pool name ?member address ?port??")
        host, port = _place(words[2:])
        member = Endpoint(host.partition("%")[0], port or _only_port(pool, host))
    session.decide(ToPool(pool.path, member))
    return ""


def _only_port(pool: PoolSpec, host: str) -> int:
    return next((one.port for one in pool.members if one.address == host), 0)


def _node(session: Session, words: Sequence[str]) -> Result:
    host, port = _place(words)
    session.decide(ToNode(host, port))
    return ""


def _virtual(session: Session, words: Sequence[str]) -> Result:
    if not words or words[0] == "name":
        return session.traffic.virtual.path
    session.decide(ToVirtual(session.named("ltm/virtual", "virtual server", words[0])))
    return ""


def _reject(session: Session, words: Sequence[str]) -> Result:
    session.traffic.verdict = Reset()
    return ""


def _drop(session: Session, words: Sequence[str]) -> Result:
    if session.dns is not None:
        session.dns.dropped = True
    session.traffic.verdict = Drop()
    return ""


def _snat(session: Session, words: Sequence[str]) -> Result:
    kind = words[0]
    if kind in ("automap", "none"):
        session.traffic.snat = snat_spec(session.device.tree, kind)
    elif kind == "pool" and len(words) > 1:
        return _snatpool(session, words[1:])
    elif is_address(kind.partition("%")[0]):
        session.traffic.snat = Snat("snat", (kind.partition("%")[0],))
    else:
        raise Failed(f'invalid IP address "{kind}"')
    return ""


def _snatpool(session: Session, words: Sequence[str]) -> Result:
    path = session.named("ltm/snatpool", "snatpool", words[0])
    session.traffic.snat = snat_spec(session.device.tree, "snat", path)
    return ""


def _persist(session: Session, words: Sequence[str]) -> Result:
    kind, rest = words[0], list(words[1:])
    if kind in ("none", "source_addr", "dest_addr", "uie", "universal", "cookie"):
        session.traffic.persistence = _persistence(session, kind, rest)
        if kind == "none":
            session.traffic.fallback = None
        return ""
    raise Failed(f"bigipsim does not implement persist {kind}")


def _persistence(session: Session, kind: str, words: list[str]) -> Persistence | None:
    if kind == "none":
        return None
    path = f"{session.rule} persist"
    if kind == "cookie":
        method = words.pop(0) if words and words[0] in COOKIE_METHODS else "insert"
        if method in ("rewrite", "hash"):
            raise Failed(f"bigipsim does not implement persist cookie {method}")
        made = Persistence(path, "cookie", cookie_method="passive" if method == "passive" else "insert")
        return replace(made, cookie_name=words[0]) if words else made
    if kind in ("uie", "universal"):
        if not words:
            raise wrong_arguments("persist uie key ?timeout?")
        made = Persistence(path, "universal", key=words.pop(0))
    else:
        made = Persistence(path, "source-addr" if kind == "source_addr" else "dest-addr")
        if words and "." in words[0]:
            made = replace(made, mask=words.pop(0))
    return replace(made, timeout_s=float(number(words[0]))) if words else made


def _members_of(session: Session, words: Sequence[str]) -> Iterator[tuple[PoolSpec, MemberSpec]]:
    pool = _pool_of(session, words[-1])
    return ((pool, one) for one in pool.members)


def _open(session: Session, member: MemberSpec) -> bool:
    """Whether new clients may come to a member and its node."""
    node = node_spec(session.device.tree, member.node)
    return member.enabled and node.enabled and not (member.forced_offline or node.forced_offline)


def _active(session: Session, pool: PoolSpec, member: MemberSpec) -> bool:
    return _open(session, member) and session.device.selection.health(pool, member) != "down"


def _counting(only_active: bool) -> Function:
    def count(session: Session, words: Sequence[str]) -> Result:
        found = [
            f"{one.address} {one.port}"
            for pool, one in _members_of(session, words)
            if not only_active or _active(session, pool, one)
        ]
        return found if words[0] == "-list" else len(found)

    return count


def _current_pool(session: Session) -> str:
    selected, verdict = session.traffic.selected, session.traffic.verdict
    if selected is not None:
        return selected.pool.path
    return verdict.pool if isinstance(verdict, ToPool) else session.traffic.virtual.pool


def _server(session: Session, words: Sequence[str]) -> Result:
    choice = session.traffic.selected
    member = choice.member if choice is not None else None
    facts = {
        "pool": _current_pool(session),
        "addr": member.address if member is not None else "",
        "port": str(member.port) if member is not None else "0",
        "name": member.path if member is not None else "",
        "ratio": str(member.ratio) if member is not None else "0",
        "priority": str(member.priority) if member is not None else "0",
        "route_domain": str(member.route_domain) if member is not None else "0",
    }
    if not words:
        return [facts["pool"], facts["addr"], facts["port"]] if member is not None else [facts["pool"]]
    if words[0] not in facts:
        raise bad_option(words[0], tuple(facts))
    return facts[words[0]]


def _status(session: Session, words: Sequence[str]) -> Result:
    """The state of the selected member, or of the one that is named; with a state behind it, whether it has that."""
    rest = list(words)
    asked = rest.pop() if rest and rest[-1] in ("up", "down", "session_enabled", "session_disabled") else ""
    pool, member = _meant(session, rest)
    if not _open(session, member):
        state = "session_disabled"
    else:
        state = STATUSES[session.device.selection.health(pool, member)]
    if not asked:
        return state
    return int(asked == state or (asked in ("up", "session_enabled") and state in ("up", "unchecked")))


def _meant(session: Session, words: list[str]) -> tuple[PoolSpec, MemberSpec]:
    if not words and session.traffic.selected is not None:
        return session.traffic.selected.pool, session.traffic.selected.member
    if len(words) < 4 or words[0] != "pool" or words[2] != "member":
        raise wrong_arguments("LB::status pool name member address ?port?")
    pool = _pool_of(session, words[1])
    host, port = _place(words[3:])
    for one in pool.members:
        if one.address == host and port in (0, one.port):
            return pool, one
    raise Failed(f"no such member: {' '.join(words[3:])}")


def _reselect(session: Session, words: Sequence[str]) -> Result:
    rest = list(words)
    if rest and rest[0] in ("pool", "node", "virtual"):
        return {"pool": _pool, "node": _node, "virtual": _virtual}[rest[0]](session, rest[1:])
    if rest:
        raise bad_option(rest[0], ("pool", "node", "virtual"))
    session.traffic.verdict = session.traffic.failed
    return ""


def _detach(session: Session, words: Sequence[str]) -> Result:
    return ""


FUNCTIONS: Final[Functions] = {
    "pool": _pool,
    "node": _node,
    "virtual": _virtual,
    "reject": _reject,
    "drop": _drop,
    "discard": _drop,
    "snat": _snat,
    "snatpool": _snatpool,
    "persist": _persist,
    "active_members": _counting(only_active=True),
    "members": _counting(only_active=False),
    "LB::server": _server,
    "LB::status": _status,
    "LB::reselect": _reselect,
    "LB::detach": _detach,
    "ONECONNECT::reuse": _detach,
}
