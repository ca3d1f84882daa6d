"""Settings: one table, and everything that follows from it.

settings.py and originals.py are the table; forms.py says what a value may be; file.py reads YAML; load.py
decides who wins; needs.py says what a command lacks; credentials.py keeps the password fresh; show.py prints.
"""

from turnbuckle.config.credentials import CredentialSource
from turnbuckle.config.forms import Sealed
from turnbuckle.config.load import Loaded, Mistake, Value, load
from turnbuckle.config.needs import (
    Difference,
    difference,
    folder_id,
    identities,
    needs_device,
    needs_folder,
    needs_of_run,
    settings_of,
)
from turnbuckle.config.reload import Reloaded, Reloader
from turnbuckle.config.settings import Config

__all__ = [
    "Config",
    "CredentialSource",
    "Difference",
    "Loaded",
    "Mistake",
    "Reloaded",
    "Reloader",
    "Sealed",
    "Value",
    "difference",
    "folder_id",
    "identities",
    "load",
    "needs_device",
    "needs_folder",
    "needs_of_run",
    "settings_of",
]
