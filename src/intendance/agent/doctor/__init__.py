"""`doctor`: whether this machine can perform a plan, what each thing is needed for, and what mends it.

Looks only: nothing is created, written or started, beyond asking programs for their version and the database for what
it shows.
"""
