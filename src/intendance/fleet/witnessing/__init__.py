"""The fleet log shown to witnesses elsewhere: what they cosigned, and what they no longer recognise."""
