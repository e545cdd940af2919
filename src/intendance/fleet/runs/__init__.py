"""Runs of all nodes as their evidence tells of them: what runs now, what ended and how, what is due next."""
