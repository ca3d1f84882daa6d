"""What `make bench` runs: figures of the controller under a stated latency model."""
