"""A simulator of F5 BIG-IP: iControl REST in front of a configuration database, and a data plane behind it."""
