"""The pools of an Ingress: one for each Service and port that it names, with the monitors of its health annotation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from turnbuckle.kinds.ingress_options import HEALTH
from turnbuckle.kinds.ingress_spec import Backend
from turnbuckle.kit import hosts, monitors, shared_names
from turnbuckle.kit.annotations import field_of
from turnbuckle.kit.hosts import Place
from turnbuckle.kit.partition import path_in
from turnbuckle.kit.shape import Reader
from turnbuckle.model import issue as issues_of
from turnbuckle.model.claim import MonitorSettings, PoolFields, PoolKey, PoolSettings
from turnbuckle.model.ref import Ref

EVERY_HOST = "*"


def pool_name(ingress: Ref, backend: Backend) -> str:
    """The pool's name."""
    return shared_names.plain(f"ingress_{ingress.namespace}_{ingress.name}_{backend.service}_{backend.port}")


@dataclass(slots=True)
class Pools:
    """The pools of one Ingress, as they are found. partition: where they lie."""

    reader: Reader
    partition: str
    keys: dict[Backend, PoolKey] = field(default_factory=dict)
    fields: dict[str, PoolFields] = field(default_factory=dict)
    monitors: dict[str, dict[str, MonitorSettings]] = field(default_factory=dict)

    def of(self, backend: Backend, at: str) -> str | None:
        """The full path of a backend's pool; None when there can be none, which is told. at: the backend's field."""
        about = self.reader.about
        if not backend.service:
            what, hint = (
                "A backend that is no Service",
                "Write backend.service with the name and the port of a Service.",
            )
            self.reader.issues.append(issues_of.not_supported(about, at, what, hint))
            return None
        if not backend.port:
            meaning = "which of the Service's ports"
            self.reader.flaw(issues_of.missing_field(about, f"{at}.service.port", meaning, "number: 80"))
            return None
        if backend not in self.keys:
            path = shared_names.in_folder(self.partition, pool_name(about, backend))
            if len(path) > shared_names.LONGEST_PATH:
                self.reader.flaw(issues_of.unpublishable_name(about, path, shared_names.LONGEST_PATH))
                return None
            service, number = f"{at}.service.name", f"{at}.service.port"
            self.keys[backend] = PoolKey(path, about.namespace, backend.service, backend.port)
            self.fields[path] = PoolFields(service, number, at)
        return self.keys[backend].name

    def watch(self, wanted: Sequence[Mapping[str, Any]], places: Mapping[Place, str]) -> None:
        """Gives the pools their monitors.

        places: the pool of each place; that of a single service is at Place("", "Prefix", "").
        """
        for index, one in enumerate(wanted):
            at = f"{field_of(HEALTH)}[{index}]"
            host, slash, path = one["path"].partition("/")
            if not slash:
                self.reader.flaw(issues_of.health_path(self.reader.about, f"{at}.path", one["path"]))
                continue
            host = "" if host == EVERY_HOST else host
            pools = {
                pool
                for place, pool in places.items()
                if place.host == host and hosts.elements(place.path) == hosts.elements(path)
            }
            if not pools:
                self.reader.issues.append(issues_of.no_such_rule(self.reader.about, f"{at}.path", one["path"]))
            for pool in sorted(pools):
                self._attach(pool, one, at)

    def settings(self, load_balancing: str) -> list[tuple[PoolKey, PoolSettings]]:
        """What is wanted of each pool."""
        return [
            (
                key,
                PoolSettings(
                    load_balancing=load_balancing,
                    monitors=tuple(self.monitors.get(key.name, {}).values()),
                    monitors_needed=monitors.ONE_IS_ENOUGH,
                    fields=self.fields[key.name],
                ),
            )
            for key in self.keys.values()
        ]

    def _attach(self, pool: str, one: Mapping[str, Any], at: str) -> None:
        kind = one.get("type", "http")
        of_pool = self.monitors.setdefault(pool, {})
        if kind in of_pool:
            self.reader.issues.append(issues_of.two_monitors(self.reader.about, at, pool, kind))
            return
        interval_s = one.get("interval", monitors.DEFAULT_INTERVAL_S)
        timeout_s = one.get("timeout", monitors.timeout_s_for(interval_s))
        if timeout_s <= interval_s:
            told = issues_of.timeout_too_short(self.reader.about, f"{at}.timeout", timeout_s, interval_s)
            self.reader.issues.append(told)
        profile = one.get("sslProfile", "")
        if profile and kind != "https":
            why, hint = f"a monitor of type {kind} speaks no TLS", "Take it out, or write type https."
            self.reader.issues.append(issues_of.ignored_field(self.reader.about, f"{at}.sslProfile", why, hint))
            profile = ""
        of_pool[kind] = MonitorSettings(
            name=f"{pool}_0_{kind}",
            type=kind,
            interval_s=interval_s,
            timeout_s=timeout_s,
            send=monitors.device_text(one.get("send") or monitors.DEFAULT_SEND[kind]),
            recv=monitors.device_text(one.get("recv", "")),
            ssl_profile=path_in(profile, self.partition) if profile else "",
        )
