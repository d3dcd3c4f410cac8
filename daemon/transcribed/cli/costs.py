"""`transcribed costs`: the hours that were paid for, and their price, by month, day, inbox or model.

The hours are AssemblyAI's own (`audio_duration`), of every transcript that was made for this journal. Prices stand in
the configuration; without them there is no money. Questions about transcripts are beside the hours, and in the money.
"""

import csv
import enum
import itertools
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Annotated

import typer

from transcribed import config, formats
from transcribed.cli import terminal
from transcribed.daemon import prices_of
from transcribed.job import Prices, Sum
from transcribed.journal import Bill, Journal, QuestionBill

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
    """Show what was paid: hours of audio, questions, and money where the configuration has prices ([costs])."""
    settled = terminal.load(ctx)
    if as_json and as_csv:
        raise typer.BadParameter("--json or --csv, not both")
    prices = prices_of(settled.costs)
    with closing(Journal.read(settled.state.directory)) as journal:
        day = since.date().isoformat() if since else ""
        bills: Iterator[Bill | QuestionBill] = itertools.chain(
            journal.costs.since(day), journal.costs.questions_since(day)
        )
        sums = _sums(bills, by, prices)
    if as_json:
        for row in _rows(sums, by, settled.costs.currency):
            terminal.print_json(terminal.escaped(row))
    elif as_csv:
        _print_csv(list(_rows(sums, by, settled.costs.currency)), by)
    else:
        _print(sums, by, settled.costs)


def _sums(bills: Iterator[Bill | QuestionBill], by: By, prices: Prices) -> dict[str, Sum]:
    sums: dict[str, Sum] = {}
    for each in bills:
        each.add_to(sums.setdefault(_key(each, by), Sum()), prices)
    return dict(sorted(sums.items()))


def _key(bill: Bill | QuestionBill, by: By) -> str:
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
            "questions": each.questions,
            "question_hours": round(each.question_seconds / 3600, 4),
            "question_money": round(each.question_money, 4),
            "unpriced_question_hours": round(each.unpriced_question_seconds / 3600, 4),
            "unmeasured_questions": each.unmeasured_questions,
            "perhaps_questions": each.perhaps,
            "perhaps_money": round(each.perhaps_money, 4),
        }


def _print_csv(rows: list[dict[str, object]], by: By) -> None:
    names = [by.value, "recordings", "open", "seconds", "hours", "money", "currency", "unpriced_hours", "free_hours"]
    names += ["questions", "question_hours", "question_money", "unpriced_question_hours", "unmeasured_questions"]
    names += ["perhaps_questions", "perhaps_money"]
    writer = csv.DictWriter(sys.stdout, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, by.value: formats.defused(str(row[by.value]))} for row in rows)


def _print(sums: Mapping[str, Sum], by: By, costs: config.Costs) -> None:
    total = Sum()
    for each in sums.values():
        total.include(each)
    has_prices, has_questions = prices_of(costs).any, bool(total.questions)
    if not (total.recordings or has_questions):
        terminal.say(" ".join(["Nothing was paid for.", *_free(total), *_perhaps(total, has_prices=has_prices)]))
        return
    most = max(each.seconds + each.question_seconds for each in sums.values())
    shown = {key: each for key, each in sums.items() if each.recordings or each.questions}
    cells = [
        _cells(key, each, has_prices=has_prices, has_questions=has_questions)
        for key, each in {**shown, "in all": total}.items()
    ]
    asked, money = ("questions",) if has_questions else (), (costs.currency,) if has_prices else ()
    header = (by.value, "recordings", "hours", *asked, *money)
    widest = min(_WIDEST_BAR, terminal.room_beside([header, *cells]))
    bars = [_bars(each, most, widest) for each in shown.values()]
    lines = [(*row, bar) for row, bar in zip(cells, [*bars, ""], strict=True)]
    terminal.print_table((*header, ""), lambda: lines)
    for remark in _remarks(total, has_prices=has_prices):
        terminal.say(remark, stderr=True)


def _cells(key: str, each: Sum, *, has_prices: bool, has_questions: bool) -> tuple[str, ...]:
    money = (f"{each.money:.2f}",) if has_prices else ()
    asked = (str(each.questions),) if has_questions else ()
    return key, str(each.recordings), f"{each.seconds / 3600:.2f}", *asked, *money


def _bars(each: Sum, most: float, widest: int) -> str:
    """The hours, and those that were asked about, in so many columns at most."""
    if not most:
        return ""
    heard, whole = (round(widest * some / most) for some in (each.seconds, each.seconds + each.question_seconds))
    return _bar("█#", heard) + _bar("▒+", whole - heard)


def _bar(signs: str, columns: int) -> str:
    """So many of the first of two signs; of the second, where the output cannot show the first."""
    try:
        sign = signs[0]
        sign.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        sign = signs[1]
    return sign * columns


def _free(total: Sum) -> Iterator[str]:
    if total.free_seconds:
        yield f"This machine itself heard {total.free_seconds / 3600:.2f} hours, at no price."


def _perhaps(total: Sum, *, has_prices: bool) -> Iterator[str]:
    if total.perhaps:
        money = f" (about {total.perhaps_money:.2f} more)" if has_prices else ""
        yield f"Questions of which nobody knows if they were paid: {total.perhaps}{money}. `explain` tells of each."


def _remarks(total: Sum, *, has_prices: bool) -> Iterator[str]:
    """The sentences on what the table cannot say."""
    yield from _free(total)
    if total.open:
        yield f"{total.open} are submitted, and it is not known yet how long they are."
    if total.questions:
        hours = total.question_seconds / 3600
        yield f"Questions about transcripts: {total.questions}, of {hours:.2f} hours (▒). Their price is an estimate."
    yield from _perhaps(total, has_prices=has_prices)
    if total.unmeasured_questions:
        yield f"Questions about recordings of unknown length, without a price: {total.unmeasured_questions}."
    if not has_prices:
        yield "For money, write prices into [costs] of the configuration (see `transcribed config example`)."
    if has_prices and total.unpriced_seconds:
        hours = total.unpriced_seconds / 3600
        yield f"{hours:.2f} hours are by models without a price: `transcribed costs --by model` names them."
    if has_prices and total.unpriced_question_seconds:
        hours = total.unpriced_question_seconds / 3600
        yield f"Questions about {hours:.2f} hours ask for something without a price in extra_per_hour of [costs]."
