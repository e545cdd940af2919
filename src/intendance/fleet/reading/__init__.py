"""What programs read of a fleet, a page at a time: assets, verdicts, records, ended runs, findings, figures."""
