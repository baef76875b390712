"""Builders of honest, broken and hostile files. Nothing hostile is committed and nothing here executes anything."""
