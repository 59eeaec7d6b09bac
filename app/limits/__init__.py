"""The parts of tab Limits: what was measured and where it fails, for the loaded checkpoint."""
