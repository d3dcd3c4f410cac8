"""The things that happened to a job and are worth a word to people: its end, and the model that transcribed it."""

from collections.abc import Collection

from transcribed.job import Job
from transcribed.job.events import Event, Retired, Transcribed
from transcribed.worker.book import Book
from transcribed.worker.people.digest import News
from transcribed.worker.people.hooks import Hooks, command_of
from transcribed.worker.people.models import Models
from transcribed.worker.people.pages import Pages
from transcribed.worker.plan import Route


class Endings:
    """Tells those who are to be told of what happened to jobs, once it is written."""

    def __init__(self, book: Book, news: News, hooks: Hooks, models: Models, pages: Pages) -> None:
        self._book = book
        self._news = news
        self._hooks = hooks
        self._models = models
        self._pages = pages

    def tell(self, job: Job, event: Event, route: Route | None, wanted: Collection[str]) -> None:
        """This happened to the job. `wanted`: the kinds of news that people are told; `route`: of its inbox, if any."""
        self._pages.heard(job)
        if isinstance(event, Retired):
            self._put_away(job, route, wanted)
        elif isinstance(event, Transcribed) and route is not None:
            self._models.heard(job, event, route)

    def _put_away(self, job: Job, route: Route | None, wanted: Collection[str]) -> None:
        """A job's recording was put away: people are told where it is the job's end."""
        has_command = route is not None and command_of(job, route)
        if (str(job.state) in wanted or has_command) and self._book.is_the_end(job):
            self._news.ended(job)
            if route is not None:
                self._hooks.tell(job, route)
