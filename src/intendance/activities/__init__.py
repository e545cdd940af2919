"""Maintenance work: per activity what is to be done (`decide.py`, pure) and the doing of it (`perform.py`)."""
