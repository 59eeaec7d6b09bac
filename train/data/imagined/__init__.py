"""Photo-like people who do not exist, from a style-based generator."""
