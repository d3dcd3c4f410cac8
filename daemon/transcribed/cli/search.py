"""`transcribed search` where the whole command line is needed, for help and mistakes; else see `searched`."""

from typing import Annotated

import typer

from transcribed.cli import early, searched, terminal

Words = Annotated[
    list[str], typer.Argument(metavar="WORDS...", help='Words; "a phrase" in quotes; the beginning of a word with *.')
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=searched.MOST, help="So many recordings at most.")]


def search(
    ctx: typer.Context,
    words: Words,
    *,
    inbox: Annotated[str | None, typer.Option("--inbox", metavar="NAME", help="Only of this inbox.")] = None,
    since: terminal.Since = None,
    limit: Limit = searched.USUAL,
    as_json: terminal.Json = False,
) -> None:
    """Find words in the transcripts that were delivered: where, at which moment, and in which file.

    Exit status: 0 found, 1 nothing found.
    """
    asked = searched.Asked(words, inbox, terminal.moment(since), limit)
    if status := searched.answer(early.state_directory(ctx.obj), asked, as_json=as_json):
        raise typer.Exit(status)
