"""What translators and composers share; one subject a file."""
