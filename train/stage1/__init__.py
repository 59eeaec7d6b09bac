"""Stage 1: the 3D-aware autoencoder's trainer, and its ideas, one a file."""
