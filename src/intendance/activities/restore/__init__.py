"""Restore: a recovery point comes back beside the original, never over it."""
