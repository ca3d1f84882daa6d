"""Decides whether iRules can run here: Tcl comes with Python's tkinter, which Debian has in a package of its own."""

from __future__ import annotations

from typing import Final

NO_TCL: Final = "its iRules need Tcl, which comes with Python's tkinter: install the Debian package python3-tk"


def why_no_tcl() -> str:
    """Why rules cannot run here, or "" when they can."""
    try:
        import tkinter as tk
    except ImportError:
        return NO_TCL
    return "" if tk.TclVersion >= 8.6 else f"its iRules need Tcl 8.6 or newer, and the one here is {tk.TclVersion}"
