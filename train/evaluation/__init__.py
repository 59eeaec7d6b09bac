"""Suites that measure a checkpoint, the methods compared, probe heads and metrics."""
