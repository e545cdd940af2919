"""Intendance takes a maintenance plan, performs it, watches it and proves it."""

__version__ = "0.1.0"
