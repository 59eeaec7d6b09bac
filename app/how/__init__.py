"""The scenes of tab How it works: what each one shows of the visitor's face, its words, blocks and formulas."""
