"""The words that people are told: notes at the share, digests, commands, and the status."""
