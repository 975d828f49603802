"""The program inside a driver: starts, watches and stops the queries that the control plane assigns to it."""
