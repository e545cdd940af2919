"""The ledgers of all nodes as the manager holds them: how far they are signed, and what was found wrong with them."""
