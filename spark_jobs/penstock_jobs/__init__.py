"""Penstock's streaming jobs and the runner that hosts them inside a Spark application."""
