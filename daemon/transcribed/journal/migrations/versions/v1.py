"""Version 1: `jobs`, `events` and `inboxes`. No step leads to it."""

revision = "1"
down_revision = None


def upgrade() -> None:
    """Nothing: it is the first."""
