"""A node that tells people itself, while no manager does."""
