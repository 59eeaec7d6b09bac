"""The page's sentences in further languages: one catalogue a language, its English sentences the keys."""
