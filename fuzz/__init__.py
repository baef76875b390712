"""Fuzzing: one entry, one target for every format of the catalog."""
