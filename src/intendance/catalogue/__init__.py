"""The rules as data (`rules/*.yaml`) and how they are judged: facts in, verdicts out."""
