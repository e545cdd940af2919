"""The fleet manager: hears every node, keeps its evidence, judges, alerts. Rooms are nouns; `decide.py` is pure."""
