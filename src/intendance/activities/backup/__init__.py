"""Backup: one asset becomes one encrypted, signed set in every store of its plan."""
