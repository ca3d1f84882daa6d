"""Lets `python -m bigipsim` do what the command `bigipsim` does."""

from bigipsim.cli import main

main()
