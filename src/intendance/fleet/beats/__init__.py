"""Heartbeats: heard, remembered, written four times a second; and what nodes say later of the time nobody heard."""
