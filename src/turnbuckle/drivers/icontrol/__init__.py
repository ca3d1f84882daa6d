"""The driver for a BIG-IP's iControl REST interface."""
