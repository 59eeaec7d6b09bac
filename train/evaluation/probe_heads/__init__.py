"""Probe heads: what is fitted on frozen features to measure what can be read off them.

No head chooses a setting by the rows that it reports on: settings come from a validation part, or from folds of the
training rows.
"""
