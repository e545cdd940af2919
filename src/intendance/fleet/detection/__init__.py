"""Detection: which node is silent, and whether it is the node or our own ears."""
