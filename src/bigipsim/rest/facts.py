"""What a fresh device says of itself: hardware, release, settings. All read-only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from bigipsim.seeds.release import Release

if TYPE_CHECKING:
    from bigipsim.box import Box

Facts = dict[str, Any]

BUILD: Final = "0.0.12"
MANAGEMENT_ADDRESS: Final = "192.0.2.1"
BASE_MAC: Final = "02:00:5e:00:53:01"
CHASSIS: Final = "00000000-0000-4000-8000-000000000001"
_MODULES: Final = (
    "afm",
    "am",
    "apm",
    "asm",
    "avr",
    "cgnat",
    "fps",
    "gtm",
    "ilx",
    "lc",
    "ltm",
    "pem",
    "sslo",
    "swg",
    "urldb",
)
"""Every module that can be provisioned."""

_FILE_PREFIXES: Final = "/var/config/rest/downloads/;/var/config/rest/bulk/;/tmp/"


def edition(box: Box) -> str:
    """What the device calls its release beyond the number: the first of a line is Final."""
    numbers = [int(part) for part in box.version.split(".") if part.isdecimal()]
    points = [number for number in numbers[2:] if number]
    return f"Point Release {points[-1]}" if points else "Final"


def version(box: Box) -> Facts:
    """Leaves of sys version."""
    return {
        "Build": BUILD,
        "Date": "Tue May 10 12:00:00 PDT 2022",
        "Edition": edition(box),
        "Product": "BIG-IP",
        "Title": "Main Package",
        "Version": box.version,
    }


def ready(box: Box) -> Facts:
    """Leaves of sys ready: a simulated device is ready at once."""
    return {"configReady": "yes", "licenseReady": "yes", "provisionReady": "yes"}


def clock(box: Box) -> Facts:
    """Leaves of sys clock."""
    return {"fullDate": f"{datetime.fromtimestamp(box.clock.now(), UTC):%Y-%m-%dT%H:%M:%SZ}"}


def mcp_state(box: Box) -> Facts:
    """Leaves of sys mcp-state, the older way to ask whether the device is ready."""
    return {"lastLoad": "full-config-load-succeed", "phase": "running"}


def global_settings(box: Box) -> Facts:
    """sys global-settings."""
    return {
        "awsApiMaxConcurrency": 1,
        "consoleInactivityTimeout": 0,
        "customAddr": "none",
        "failsafeAction": "go-offline-restart-tm",
        "fileBlacklistPathPrefix": "{/shared/3dns/} {/shared/bin/} {/shared/core/} {/shared/log/}",
        "fileBlacklistReadOnlyPathPrefix": "{/etc/shadow}",
        "fileLocalPathPrefix": "{/shared/} {/tmp/}",
        "fileWhitelistPathPrefix": " ".join(f"{{{prefix}}}" for prefix in _FILE_PREFIXES.split(";")),
        "guiAudit": "disabled",
        "guiSecurityBanner": "enabled",
        "guiSetup": "disabled",
        "hostAddrMode": "management",
        "hostname": box.hostname,
        "lcdDisplay": "enabled",
        "ledLocator": "disabled",
        "mgmtDhcp": "disabled",
        "netReboot": "disabled",
        "passwordPrompt": "Password",
        "quietBoot": "enabled",
        "remoteHost": [],
        "sshMaxSessionLimit": -1,
        "usernamePrompt": "Username",
    }


def auth_source(box: Box) -> Facts:
    """auth source: only local users."""
    return {"fallback": "false", "type": "local"}


def remote_user(box: Box) -> Facts:
    """auth remote-user: what users of a remote directory would get."""
    return {"defaultPartition": "all", "defaultRole": "no-access", "remoteConsoleAccess": "disabled"}


def nothing(box: Box) -> Facts:
    """A singleton of which nothing is set."""
    return {}


def provision(box: Box) -> Iterable[Facts]:
    """sys provision: LTM alone."""
    for name in _MODULES:
        level = "nominal" if name == "ltm" else "none"
        ratios = {"cpuRatio": 0, "diskRatio": 0, "memoryRatio": 0}
        yield {"name": name, "fullPath": name, **ratios, "level": level}


_DATABASE: Final = (
    ("configsync.autosyncverify", "enable", ("disable", "enable")),
    ("provision.extramb", "0", ()),
    ("restjavad.timeout", "60", ()),
    ("restjavad.useextramb", "false", ("false", "true")),
    ("icrd.timeout", "60", ()),
    ("restnoded.timeout", "60", ()),
    ("setup.run", "false", ("false", "true")),
    ("systemauth.primaryadminuser", "", ()),
    ("tmm.http.tcl.validation", "enable", ("disable", "enable")),
    ("ui.system.preferences.recordsperscreen", "10", ()),
)


def database(box: Box) -> Iterable[Facts]:
    """sys db: the variables that controllers ask for."""
    for name, default, words in _DATABASE:
        administrator = box.auth.accounts.administrator
        current = administrator if name == "systemauth.primaryadminuser" else default
        yield {
            "name": name,
            "fullPath": name,
            "defaultValue": default or "admin",
            "scfConfig": "true",
            "value": current,
            "valueRange": " ".join(words) or "string",
        }


def device_info(box: Box) -> Facts:
    """What the REST framework knows of its own device."""
    return {
        "baseMac": BASE_MAC,
        "build": BUILD,
        "chassisSerialNumber": CHASSIS,
        "cpu": "cpus: 2, MHz: 2500, cache: 4096KB",
        "edition": edition(box),
        "generation": 0,
        "halUuid": CHASSIS,
        "hostMac": BASE_MAC,
        "hostname": box.hostname,
        "interfaces": ["mgmt", "1.1", "1.2"],
        "isClustered": False,
        "isIControlRestSupported": True,
        "isVirtual": True,
        "kind": "shared:resolver:device-groups:deviceinfostate",
        "lastUpdateMicros": 0,
        "license": {"activationStatus": "Licensed", "licenseEndDateTime": "", "registrationKey": "AAAAA-BBBBB"},
        "machineId": CHASSIS,
        "managementAddress": MANAGEMENT_ADDRESS,
        "mcpDeviceName": f"/Common/{box.hostname}",
        "physicalMemory": 8192,
        "platform": "Z100",
        "platformMarketingName": "BIG-IP Virtual Edition",
        "product": "BIG-IP",
        "selfLink": "https://localhost/mgmt/shared/identified-devices/config/device-info",
        "slots": [
            {
                "build": BUILD,
                "isActive": True,
                "product": "BIG-IP",
                "version": box.version,
                "volume": "HD1.1",
            }
        ],
        "timeZone": "UTC",
        "version": box.version,
    }


def licence(box: Box) -> Facts:
    """The licence."""
    return {
        "active": True,
        "activeModules": ["Local Traffic Manager, VE"],
        "kind": "tm:shared:licensing:registration:licenseregistrationstate",
        "licensedDateTime": "2022-01-01T00:00:00Z",
        "licensedVersion": box.version,
        "platformId": "Z100",
        "registrationKey": "AAAAA-BBBBB-CCCCC-DDDDD-EEEEEEE",
        "selfLink": "https://localhost/mgmt/tm/shared/licensing/registration",
        "vendor": "F5 Networks, Inc.",
    }


def echo_query(box: Box) -> Facts:
    """What clients ask for to learn whether their credentials are good."""
    return {
        "generation": 0,
        "kind": "tm:shared:echo-query:echoquerystate",
        "lastUpdateMicros": 0,
        "selfLink": "https://localhost/mgmt/shared/echo-query",
    }


Leaves = Callable[["Box"], Facts]
Items = Callable[["Box"], Iterable[Facts]]

STATES: Final[Mapping[str, Leaves]] = {
    "sys/version": version,
    "sys/ready": ready,
    "sys/clock": clock,
    "sys/mcp-state": mcp_state,
}
"""Answered as statistics with one entry of texts."""

SINGLETONS: Final[Mapping[str, Leaves]] = {
    "sys/global-settings": global_settings,
    "auth/source": auth_source,
    "auth/remote-user": remote_user,
    "ltm/default-node-monitor": nothing,
}
LISTS: Final[Mapping[str, Items]] = {
    "sys/provision": provision,
    "sys/db": database,
}
DOCUMENTS: Final[Mapping[str, Leaves]] = {
    "shared/identified-devices/config/device-info": device_info,
    "shared/echo-query": echo_query,
    "tm/shared/licensing/registration": licence,
}
"""Answered whole, by the REST framework itself."""

SINCE: Final[Mapping[str, Release]] = {"sys/ready": Release(14, 1)}
"""Addresses that older releases do not have."""
