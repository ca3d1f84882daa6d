"""Where objects come from: the only code that watches a cluster or a folder."""
