"""The pages: a register that answers, in one sentence, whether all invariants hold, and then gives its reasons."""
