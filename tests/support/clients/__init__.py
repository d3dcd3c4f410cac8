"""Real file-sharing servers and their clients before a real daemon; `make clients`."""
