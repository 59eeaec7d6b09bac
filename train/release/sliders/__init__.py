"""Named directions of the expression subspace: found on some people, proven on others."""
