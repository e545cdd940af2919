"""The manager's database: its tables, their changes, connections to SQLite or PostgreSQL, leases."""
