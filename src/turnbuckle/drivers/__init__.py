"""The only code that talks to a BIG-IP."""
