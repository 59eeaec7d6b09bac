"""Parts that tabs share; each owns its markup, style and script in web/."""
