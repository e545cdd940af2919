"""Acts of people: what changes what others are told, or who belongs, stands in the fleet log, killed whenever."""
