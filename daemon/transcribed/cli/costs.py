"""`transcribed costs`: the hours that were paid for, and their price, by month, day, inbox or model.

The hours are AssemblyAI's own (`audio_duration`), of every transcript that was made for this journal. Prices stand in
the configuration; without them there is no money.
"""

import csv
import enum
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Annotated

import typer

from transcribed import config, formats
from transcribed.cli import terminal
from transcribed.daemon import prices_of
from transcribed.job import Prices, Sum
from transcribed.journal import Bill, Journal

_WIDEST_BAR = 40


class By(enum.StrEnum):
    """The keys by which hours are added up."""

    MONTH = "month"
    DAY = "day"
    INBOX = "inbox"
    MODEL = "model"


def costs(
    ctx: typer.Context,
    *,
    by: Annotated[By, typer.Option("--by", help="What is summed up.")] = By.MONTH,
    since: terminal.Since = None,
    as_json: terminal.Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="For spreadsheets.")] = False,
) -> None:
    """Show what was paid: hours of audio, and money where the configuration has prices ([costs])."""
    settled = terminal.load(ctx)
    if as_json and as_csv:
        raise typer.BadParameter("--json or --csv, not both")
    prices = prices_of(settled.costs)
    with closing(Journal.read(settled.state.directory)) as journal:
        sums = _sums(journal.costs.since(since.strftime("%Y-%m-%d") if since else ""), by, prices)
    if as_json:
        for row in _rows(sums, by, settled.costs.currency):
            terminal.print_json(terminal.escaped(row))
    elif as_csv:
        _print_csv(list(_rows(sums, by, settled.costs.currency)), by)
    else:
        _print(sums, by, settled.costs)


def _sums(bills: Iterator[Bill], by: By, prices: Prices) -> dict[str, Sum]:
    sums: dict[str, Sum] = {}
    for each in bills:
        each.add_to(sums.setdefault(_key(each, by), Sum()), prices)
    return dict(sorted(sums.items()))


def _key(bill: Bill, by: By) -> str:
    if by is By.INBOX:
        return bill.inbox
    if by is By.MODEL:
        return bill.model or "unknown"
    return (bill.day if by is By.DAY else bill.day[:7]) or "unknown"


def _rows(sums: Mapping[str, Sum], by: By, currency: str) -> Iterator[dict[str, object]]:
    for key, each in sums.items():
        yield {
            by.value: key,
            "recordings": each.recordings,
            "open": each.open,
            "seconds": round(each.seconds, 3),
            "hours": round(each.seconds / 3600, 4),
            "money": round(each.money, 4),
            "currency": currency,
            "unpriced_hours": round(each.unpriced_seconds / 3600, 4),
            "free_hours": round(each.free_seconds / 3600, 4),
        }


def _print_csv(rows: list[dict[str, object]], by: By) -> None:
    names = [by.value, "recordings", "open", "seconds", "hours", "money", "currency", "unpriced_hours", "free_hours"]
    writer = csv.DictWriter(sys.stdout, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, by.value: formats.defused(str(row[by.value]))} for row in rows)


def _print(sums: Mapping[str, Sum], by: By, costs: config.Costs) -> None:
    total = Sum()
    for each in sums.values():
        total.include(each)
    if not total.recordings:
        terminal.say(" ".join(["Nothing was paid for.", *_free(total)]))
        return
    money = (costs.currency,) if costs.price_per_hour else ()
    most = max(each.seconds for each in sums.values())
    lines = [_line(key, each, most, has_prices=bool(money)) for key, each in sums.items() if each.recordings]
    lines.append(_line("in all", total, 0.0, has_prices=bool(money)))
    terminal.print_table((by.value, "recordings", "hours", *money, ""), lambda: lines)
    for remark in _remarks(total, has_prices=bool(money)):
        terminal.say(remark, stderr=True)


def _line(key: str, each: Sum, most: float, *, has_prices: bool) -> tuple[str, ...]:
    bar = "█" * round(_WIDEST_BAR * each.seconds / most) if most else ""
    money = (f"{each.money:.2f}",) if has_prices else ()
    return key, str(each.recordings), f"{each.seconds / 3600:.2f}", *money, bar


def _free(total: Sum) -> Iterator[str]:
    if total.free_seconds:
        yield f"This machine itself heard {total.free_seconds / 3600:.2f} hours, at no price."


def _remarks(total: Sum, *, has_prices: bool) -> Iterator[str]:
    """The sentences on what the table cannot say."""
    yield from _free(total)
    if total.open:
        yield f"{total.open} are submitted, and it is not known yet how long they are."
    if not has_prices:
        yield "For money, write prices into [costs] of the configuration (see `transcribed config example`)."
    elif total.unpriced_seconds:
        hours = total.unpriced_seconds / 3600
        yield f"{hours:.2f} hours are by models without a price: `transcribed costs --by model` names them."
