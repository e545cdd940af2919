"""The heads of the nodes' ledgers, recorded in the fleet log, so that whoever cosigns it vouches for these too."""
