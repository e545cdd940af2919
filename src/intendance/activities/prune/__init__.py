"""Pruning: what no retention keeps any more is marked, and deleted a week later."""
