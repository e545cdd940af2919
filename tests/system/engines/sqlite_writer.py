"""A program that moves money between two tables for ever: `sqlite_writer.py FILE`. Their sum never changes."""

from __future__ import annotations

import random
import sqlite3
import sys

connection = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
generator = random.Random(7)
moved = 0
while True:
    amount = generator.randrange(100)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE purse SET cents = cents - ? WHERE id = ?", (amount, generator.randrange(200)))
    connection.execute("UPDATE chest SET cents = cents + ? WHERE id = ?", (amount, generator.randrange(200)))
    connection.execute("INSERT INTO log (said) VALUES (?)", (f"{amount}" * 50,))
    connection.execute("COMMIT")
    moved += 1
    sys.stdout.write(f"{moved}\n")
    sys.stdout.flush()
