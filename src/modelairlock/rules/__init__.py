"""One file per rule: a docstring that is its docs page, and one `Rule`. The folder is the registry."""
