"""The parts of the demonstration that decide whether it tells the truth."""
