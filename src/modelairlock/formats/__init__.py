"""One file per format: what it claims, how it is read, and what it cannot show. The folder is the registry."""
