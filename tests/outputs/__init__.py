"""Every output against the one canonical record."""
