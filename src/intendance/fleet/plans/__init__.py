"""The plan in force on each node, as its own evidence tells of it."""
