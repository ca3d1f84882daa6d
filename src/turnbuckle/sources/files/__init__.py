"""Reads a folder of manifests: once, or for as long as it changes."""

from turnbuckle.sources.files.folder import FolderContent, read_folder
from turnbuckle.sources.files.source import FolderSource

__all__ = ["FolderContent", "FolderSource", "read_folder"]
