"""The manager's API, `/api/v1`: parses, calls a service of `fleet/`, answers."""
