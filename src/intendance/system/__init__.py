"""The machine: children, locks, durable files, the clock, OpenPGP. Thin, and knows nothing of plans or rules."""
