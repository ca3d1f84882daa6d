"""The running process: clocks, tasks and the order in which things happen."""
