"""What agent and manager say to each other."""
