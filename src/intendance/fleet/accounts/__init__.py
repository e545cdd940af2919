"""Who may log in to the manager, as what, and what proves that it is they."""
