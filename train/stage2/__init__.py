"""Stage 2: the representation diffusion model's trainer."""
