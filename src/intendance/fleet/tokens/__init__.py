"""The tokens with which programs ask: scopes, ends, last use."""
