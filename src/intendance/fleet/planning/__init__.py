"""The plan that the manager follows: read when it starts and when somebody asks, checked, adopted in the fleet log."""
