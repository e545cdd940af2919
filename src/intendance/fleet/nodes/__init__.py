"""Who belongs to the fleet: tokens, keys, incarnations, revocation."""
