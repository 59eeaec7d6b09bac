"""Shards of faces, and where they come from: imports and two engines that draw people."""
