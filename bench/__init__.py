"""Benchmarks: the same files through modelairlock and its peers, in one run."""
