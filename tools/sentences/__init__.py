"""The English sentences that visitors read, gathered from the sources, and held against their translations."""
