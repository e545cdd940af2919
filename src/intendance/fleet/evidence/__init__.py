"""The manager's copy of each node's ledger: verified on arrival, stored once, in order."""
