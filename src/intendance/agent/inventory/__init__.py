"""What stands on this machine: databases, web roots, certificates, listeners, log sources, timers, packages.

`init` proposes a plan from it, and each day the agent records it, so that what nobody declared cannot stay unseen.
Files are read and servers asked for their databases' names; nothing is changed, and no secret leaves the file that it
stands in.
"""
