"""Shards of faces, their reading, and their sources: imports and two engines that draw people."""
