"""Figures, each measured beside its peers in a run. `./dev bench [NAME…]`; one file per subject, each has `main`."""
