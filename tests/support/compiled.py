"""SQL that was compiled for one journal serves all others of the tests' own process.

The daemon opens its journal once and compiles each statement once. A test opens up to a hundred, and compiling for each
took a third of its processor time.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.util import LRUCache

_STATEMENTS = 1000

_compiled: LRUCache[Any, Any] = LRUCache(_STATEMENTS)
_dialects: list[sa.Dialect] = []


def share() -> None:
    """From now on, each connection of any engine compiles as the first one did."""
    sa.event.listen(sa.Engine, "engine_connect", _as_the_first)


def _as_the_first(connection: sa.Connection) -> None:
    if not _dialects:
        _dialects.append(connection.dialect)
    connection.dialect = _dialects[0]  # a part of the key below which the statement is kept
    connection.execution_options(compiled_cache=_compiled)
