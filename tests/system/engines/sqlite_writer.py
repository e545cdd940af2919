"""A program that moves money between two tables for ever: `sqlite_writer.py FILE`. Their sum never changes. It says
so once it has: a pipe that nobody reads would hold it up."""

from __future__ import annotations

import random
import sqlite3
import sys

connection = sqlite3.connect(sys.argv[1], timeout=300, isolation_level=None)
generator = random.Random(7)
begun = False
while True:
    amount = generator.randrange(100)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE purse SET cents = cents - ? WHERE id = ?", (amount, generator.randrange(200)))
    connection.execute("UPDATE chest SET cents = cents + ? WHERE id = ?", (amount, generator.randrange(200)))
    connection.execute("INSERT INTO log (said) VALUES (?)", (f"{amount}" * 50,))
    connection.execute("COMMIT")
    if not begun:
        begun = True
        sys.stdout.write("begun\n")
        sys.stdout.flush()
