"""What the rules of its catalogues demand of a plan: bounds that no value, schedule or waiver may loosen. Pure."""
