"""Drills of real sets: brought back in a sandbox by both legs, or refused."""
