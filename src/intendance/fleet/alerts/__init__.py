"""Alerts: what is wrong, who is told, by which way, and what became of that."""
