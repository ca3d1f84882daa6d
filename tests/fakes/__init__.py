"""Stand-ins for servers that tests and benchmarks talk to over real sockets."""
