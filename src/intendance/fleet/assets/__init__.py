"""One asset as its node's evidence tells of it: its sets, the stores that hold them, and what drills proved."""
