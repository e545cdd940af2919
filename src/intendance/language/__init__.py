"""Texts, dates, lengths of time, sizes and shares as people read them, in English and in French."""
