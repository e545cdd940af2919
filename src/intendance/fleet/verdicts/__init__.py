"""What the rules say of every node, and since when."""
