"""Judging before anybody asks (decision 21): the child process that does it, and when the agent starts it."""
