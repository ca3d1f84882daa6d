"""One file for each kind of object; each exports it as KIND."""
