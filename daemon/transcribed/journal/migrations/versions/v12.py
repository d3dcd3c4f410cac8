"""Version 12: each time that a question was sent, for the costs."""

import sqlalchemy as sa
from alembic import op

revision = "12"
down_revision = "11"

_SENT = """
INSERT INTO sent_questions (question, transcript_id, inbox, request, seconds, sent_at, answered_at)
SELECT asked.id, asked.transcript_id, COALESCE(jobs.inbox, payments.inbox, ''), asked.request,
       COALESCE(payments.billed_seconds, jobs.duration_seconds), asked.sent_at,
       CASE WHEN asked.state IN ('answered', 'delivered') THEN COALESCE(asked.answered_at, asked.sent_at) END
FROM questions AS asked
LEFT JOIN jobs ON jobs.id = asked.job
LEFT JOIN payments ON payments.transcript_id = asked.transcript_id
WHERE asked.sent_at IS NOT NULL AND asked.state IN ('sent', 'doubtful', 'answered', 'delivered')
ORDER BY asked.id
"""


def upgrade() -> None:
    """Make the table, and fill it from the questions that are known; of one only the last sending is."""
    op.create_table(
        "sent_questions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("question", sa.Integer, nullable=False),
        sa.Column("transcript_id", sa.String, nullable=False),
        sa.Column("inbox", sa.String, nullable=False),
        sa.Column("request", sa.String, nullable=False),
        sa.Column("seconds", sa.Float),
        sa.Column("sent_at", sa.Float, nullable=False),
        sa.Column("answered_at", sa.Float),
    )
    op.create_index("sent_questions_by_question", "sent_questions", ["question"])
    op.create_index("sent_questions_by_time", "sent_questions", ["sent_at"])
    op.execute(_SENT)
