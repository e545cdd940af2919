"""A witness of other machines' logs (C2SP tlog-witness): it cosigns what only grew, and nothing else."""
