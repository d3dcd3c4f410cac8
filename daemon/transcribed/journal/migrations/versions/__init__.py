"""One module for each version after the first, from the version before it. What it does never changes again."""
