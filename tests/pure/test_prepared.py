"""A statement that is made once stores and finds what SQLAlchemy would."""

import pytest
import sqlalchemy as sa

from transcribed.journal.prepared import Prepared

rows = sa.Table(
    "rows",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.LargeBinary),
    sa.Column("formats", sa.JSON),
    sa.Column("is_gone", sa.Boolean),
    sa.Column("at", sa.Float),
)
ROW = {"id": 7, "name": b"\xff", "formats": ["txt", "é"], "is_gone": True, "at": 3}


@pytest.fixture
def connection():
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        rows.metadata.create_all(connection)
        yield connection
    engine.dispose()


def test_what_is_written_is_read_again_by_sqlalchemy(connection):
    assert Prepared(rows.insert()).write(connection, [ROW, {**ROW, "id": 8, "name": None}]) == 2
    found = connection.execute(sa.select(rows).order_by(rows.c.id)).mappings().all()
    assert [dict(row) for row in found] == [ROW, {**ROW, "id": 8, "name": None}]


def test_an_update_changes_only_its_columns_and_says_how_many_rows_it_met(connection):
    connection.execute(rows.insert(), ROW)
    update = Prepared(rows.update().where(rows.c.id == sa.bindparam("which")), columns=["is_gone"])
    assert update.write(connection, [{"which": 7, "is_gone": False}, {"which": 9, "is_gone": False}]) == 1
    assert dict(connection.execute(sa.select(rows)).mappings().one()) == {**ROW, "is_gone": False}


def test_an_update_that_lacks_a_value_is_refused(connection):
    update = Prepared(rows.update().where(rows.c.id == sa.bindparam("which")), columns=["at"])
    with pytest.raises(KeyError):
        update.write(connection, [{"which": 7}])


def test_a_question_is_asked_with_its_own_values_and_those_that_are_given(connection):
    connection.execute(rows.insert(), [{**ROW, "id": number} for number in range(5)])
    first = Prepared(sa.select(rows.c.id).where(rows.c.id >= sa.bindparam("least")).order_by(rows.c.id).limit(2))
    assert first.asked(connection, least=1).scalars().all() == [1, 2]
