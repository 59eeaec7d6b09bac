"""Metrics of predictions, pictures, depth and codes; each file names its source."""
