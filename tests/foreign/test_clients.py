"""A short slice of what real clients and servers do to an inbox; `make clients` is the whole."""

import pytest

from abilities import needs_clients
from clients import cases, rows
from clients.rounds import Rounds
from clients.trial import Trial

SLICE = ("smbclient (SMB 2.02) to smbd with catia", "lftp to", "sftp to", "rsync --inplace", "curl to", "Syncthing")
SIZE = 300_000  # two seconds of sending
PAUSE_SECONDS = 4.0  # more than settle_seconds below


@pytest.mark.slow
@needs_clients
def test_what_real_clients_send_is_taken_once_and_whole_however_they_pause():
    with Trial([row for row in rows.ROWS if row.name.startswith(SLICE)], settle_seconds=1.0) as trial:
        rounds = Rounds(trial)
        rounds.run({"small": cases.small, "paused": cases.paused(PAUSE_SECONDS, SIZE)})

        assert {f"{row.name}, {name}": cell.word for (row, name), cell in rounds.cells().items()} == {
            f"{row.name}, {name}": "ok" for row in trial.rows for name in ("small", "paused")
        }
        assert rounds.broken + trial.audit() == []
