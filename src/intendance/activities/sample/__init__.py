"""Sampling: how busy and how full the machine is, rolled up, and what passes its limit told at once."""
