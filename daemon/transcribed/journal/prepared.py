"""A statement whose text, and the order of its values, are made once.

SQLAlchemy finds both again at each execution, which costs several times what SQLite does.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite.pysqlite import dialect
from sqlalchemy.sql.compiler import SQLCompiler

_DIALECT = dialect()


class Prepared:
    """An INSERT or UPDATE of these `columns` (none: all of them), or a question whose answers SQLite gives as they are.

    A value that is not given is the statement's own; KeyError where it has none.
    """

    def __init__(self, statement: sa.ClauseElement, columns: Iterable[str] = ()) -> None:
        keys = list(columns) or None
        compiled = statement.compile(dialect=_DIALECT, column_keys=keys, compile_kwargs={"render_postcompile": True})
        assert isinstance(compiled, SQLCompiler)
        self._text = compiled.string
        own = ((name, bind.value) for name, bind in compiled.binds.items() if not bind.required)
        self._own = {name: value for name, value in own if value is not None}
        self._names = tuple(compiled.positiontup or ())
        stored = ((place, _stored(compiled.binds[name].type)) for place, name in enumerate(self._names))
        self._stored = [(place, made) for place, made in stored if made is not None]

    def asked(self, connection: sa.Connection, **values: object) -> sa.CursorResult[*tuple[Any, ...]]:
        """The answer for these values. Raises what SQLAlchemy raises."""
        return connection.exec_driver_sql(self._text, self._row(values))

    def write(self, connection: sa.Connection, rows: Iterable[Mapping[str, Any]]) -> int:
        """Write these rows, at least one; the number of rows that it changed. Raises what SQLAlchemy raises."""
        return connection.exec_driver_sql(self._text, [self._row(row) for row in rows]).rowcount

    def _row(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        row = [values[name] if name in values else self._own[name] for name in self._names]
        for place, stored in self._stored:
            row[place] = stored(row[place])
        return tuple(row)


def _stored(kind: sa.types.TypeEngine[Any]) -> Callable[[Any], Any] | None:
    """The function that makes of a value what SQLite stores; None where that is the value itself."""
    return kind.dialect_impl(_DIALECT).bind_processor(_DIALECT)
