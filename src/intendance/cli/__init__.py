"""The command line: parse, call a service of `agent/`, render. One file per noun; `main.py` holds their table."""
