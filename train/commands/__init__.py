"""Commands of `python -m train`: a file each, with `add_arguments(parser)` and `run(args)`."""
