"""The house's own tools, run as ``python -m tools.NAME``. The package may not import them."""
