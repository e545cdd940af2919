"""The product at work on one machine: real data, real engines, real backups. Started by `./dev run`."""
