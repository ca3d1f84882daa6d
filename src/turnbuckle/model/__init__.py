"""Immutable values in the words of LTM; imports the standard library only."""
