"""What is made of finished runs: bundled checkpoints, the gallery, tables and pictures."""
