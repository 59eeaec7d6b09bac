"""Data engines, losses, trainers and evaluation of latentface: `python -m train ...`."""
