"""Restoring elsewhere to prove that it works: by the product and by hand, in a sandbox, compared and timed."""
