"""Reads a kubeconfig with kubernetes_asyncio's loader; importing this costs some 40 MiB."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

import yaml
from kubernetes_asyncio.config import ConfigException
from kubernetes_asyncio.config.kube_config import load_kube_config

from turnbuckle.sources.kubernetes.errors import LoginFailed
from turnbuckle.sources.kubernetes.login import Access

# The loader checks little: what a file leaves out, or has in another type, comes back as one of these.
_LOADER_ERRORS = (
    ConfigException,
    yaml.YAMLError,
    OSError,
    UnicodeError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    AssertionError,
)


_NAMES_A_FILE = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


class _Loaded:
    """What the loader fills in: of kubernetes_asyncio's client configuration just what we use."""

    def __init__(self) -> None:
        self.api_key: dict[str, str] = {}
        self.host = ""
        self.ssl_ca_cert: str | None = None
        self.cert_file: str | None = None
        self.key_file: str | None = None
        self.verify_ssl = True
        self.tls_server_name: str | None = None
        self.proxy: str | None = None


async def load(path: str, context: str | None) -> tuple[Access, float | None]:
    """The access that a kubeconfig describes; a login plugin is run, an OIDC token renewed.

    The second value: when what a plugin gave expires, in seconds since 1970; None where it did not say.

    Raises:
        LoginFailed: the file cannot be used, or the login was refused.
    """
    loaded = _Loaded()
    config: Any = loaded
    try:
        # The file is not written to: the loader's way of saving renewed tokens fails.
        loader: Any = await load_kube_config(path, context, config, persist_config=False)
        tls = _tls(loaded)
    except _LOADER_ERRORS as error:
        raise LoginFailed(f"The kubeconfig {path} cannot be used: {_words(error)}.") from error
    if not loaded.host:
        raise LoginFailed(f"The kubeconfig {path} names no server in its current context.")
    authorization = loaded.api_key.get("BearerToken", "")
    access = Access(loaded.host, authorization, tls, loaded.tls_server_name or "", loaded.proxy or "")
    # The loader has this attribute only where a plugin told a time.
    expires: datetime | None = getattr(loader, "exec_plugin_expiry", None)
    return access, expires.timestamp() if expires is not None else None


def named_files(kubeconfigs: Iterable[Path]) -> tuple[Path, ...]:
    """The files that kubeconfigs name for any cluster or user: when one changes, the login may be another.

    What cannot be read names none; `load` says so.
    """
    found: list[Path] = []
    for path in kubeconfigs:
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeError, yaml.YAMLError):
            continue
        entries = [content.get(part) for part in ("clusters", "users")] if isinstance(content, dict) else []
        for entry in chain.from_iterable(one for one in entries if isinstance(one, list)):
            for values in entry.values() if isinstance(entry, dict) else ():
                if isinstance(values, dict):
                    found.extend(path.parent / str(values[key]) for key in _NAMES_A_FILE if values.get(key))
    return tuple(found)


def _words(error: BaseException) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    if text and isinstance(error, ConfigException | OSError | yaml.YAMLError | ValueError):
        return text
    return f"something in it is missing or of a wrong type ({type(error).__name__} {text})"


def _tls(loaded: _Loaded) -> ssl.SSLContext | None:
    if not loaded.host.startswith("https"):
        return None
    context = ssl.create_default_context(cafile=loaded.ssl_ca_cert)
    if not loaded.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if loaded.cert_file:
        context.load_cert_chain(loaded.cert_file, loaded.key_file)
    return context
