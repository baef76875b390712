"""Frozen data that crosses rooms. Nothing in here reads, judges, prints or opens anything."""
