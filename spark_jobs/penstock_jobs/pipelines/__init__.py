"""Pipelines: one package each. `jobs` of a package maps a job's kind to its class."""
