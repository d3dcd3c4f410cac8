"""How well and at what cost recognisers hear: `make bench-local`. docs/recognisers.md tells how, and has the table."""
