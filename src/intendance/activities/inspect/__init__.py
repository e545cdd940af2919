"""Inspection: what the stores really hold of an asset, read from them and not from memory."""
