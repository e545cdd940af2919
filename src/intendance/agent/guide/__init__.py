"""Guided restores: five steps from a loss to production as it was, each written down before and after."""
