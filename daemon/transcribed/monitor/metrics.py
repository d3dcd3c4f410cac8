"""The daemon's metrics for Prometheus, from its status and its health.

Names by prometheus.io/docs/practices/naming: base units, and the unit at the end. All are gauges: a status says what
is now, and jobs that ended long ago are forgotten. prometheus-client is the extra `metrics`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from transcribed import places
from transcribed.monitor.health import Health

if TYPE_CHECKING:
    from prometheus_client.core import Metric

MISSING = f"the metrics need the extra `metrics`: {places.installing('metrics')}"


def text(fields: Mapping[str, Any], health: Health, *, is_ready: bool, version: str) -> bytes:
    """The metrics in the text format of Prometheus. Raises ImportError without the extra."""
    from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest  # noqa: PLC0415  the extra

    registry = CollectorRegistry()
    registry.register(_Collector([*_health(health, is_ready=is_ready, version=version), *_status(fields)]))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Collector:
    """Metrics that are known already, as a registry takes them."""

    def __init__(self, metrics: "list[Metric]") -> None:
        self._metrics = metrics

    def collect(self) -> "list[Metric]":
        return self._metrics


def _health(health: Health, *, is_ready: bool, version: str) -> "Iterator[Metric]":
    yield _gauge("transcribed_info", "The version, as a label; always 1.", {(version,): 1}, "version")
    yield _gauge("transcribed_healthy", "1 if `transcribed health` says so.", {(): health.is_healthy})
    yield _gauge("transcribed_ready", "1 if it is healthy and nothing waits.", {(): is_ready})


def _status(fields: Mapping[str, Any]) -> "Iterator[Metric]":
    """The metrics that the status has; none before the first status."""
    if not fields:
        return
    at, moved_at, open_rows = fields["updated_at"], fields["moved_at"], fields["open"]
    yield _gauge("transcribed_status_timestamp_seconds", "The time of the status.", {(): at})
    yield _gauge("transcribed_moved_timestamp_seconds", "The last change of a job.", {(): moved_at})
    yield _gauge("transcribed_jobs", "Jobs by state.", {(state,): n for state, n in fields["jobs"].items()}, "state")
    yield _gauge("transcribed_jobs_open", "Jobs with a step left.", {(): fields["open_count"]})
    steps = Counter((row["step"],) for row in open_rows if "step" in row)
    yield _gauge("transcribed_steps_running", "Steps of jobs on their way.", steps, "step")
    for key, name in (("sent_bytes", "sent"), ("size_bytes", "size")):
        whole = sum(row.get(key, 0) for row in open_rows)
        yield _gauge(f"transcribed_uploads_{name}_bytes", f"Of the uploads on their way: {name}.", {(): whole})
    since = {(lane["lane"],): lane["since"] for lane in fields["blocked"]}
    yield _gauge("transcribed_lane_blocked_timestamp_seconds", "A lane is blocked since then.", since, "lane")
    yield _gauge("transcribed_lanes_blocked", "Lanes that are blocked.", {(): len(since)})
    if (month := fields.get("month")) is not None:
        yield from _month(month)
    if (asked := fields.get("questions")) is not None:
        waiting = {(): asked["waiting"]}
        yield _gauge("transcribed_questions_waiting", "Questions about transcripts that are to be sent.", waiting)
        for_person = {(): sum(each["count"] for each in asked.get("for_person", ()))}
        yield _gauge(
            "transcribed_questions_for_person", "They failed or are in doubt: a person asks again.", for_person
        )
    yield from _inboxes({(each["name"],): each for each in fields["inboxes"]})


def _month(month: Mapping[str, Any]) -> "Iterator[Metric]":
    """The sums of this month: they fall to nothing when it ends."""
    yield _gauge("transcribed_month_recordings", "Paid for in this month.", {(): month["recordings"]})
    yield _gauge("transcribed_month_audio_seconds", "Audio paid for in this month.", {(): month["seconds"]})
    if month["money"] is not None:
        by_currency = {(month["currency"],): month["money"]}
        meaning = "By the configured prices, with the questions."
        yield _gauge("transcribed_month_cost", meaning, by_currency, "currency")
    if month.get("questions") is not None:
        yield from _month_questions(month)


def _month_questions(month: Mapping[str, Any]) -> "Iterator[Metric]":
    yield _gauge("transcribed_month_questions", "Questions about transcripts, paid for.", {(): month["questions"]})
    seconds, perhaps = {(): month["question_seconds"]}, {(): month["perhaps_questions"]}
    yield _gauge("transcribed_month_questions_audio_seconds", "Audio that these were about.", seconds)
    yield _gauge("transcribed_month_questions_perhaps", "Nobody knows if they were paid.", perhaps)
    if month["question_money"] is not None:
        by_currency = {(month["currency"],): month["question_money"]}
        yield _gauge("transcribed_month_questions_cost", "By the configured prices.", by_currency, "currency")


def _inboxes(inboxes: Mapping[Any, Mapping[str, Any]]) -> "Iterator[Metric]":
    def each(name: str, meaning: str, values: Mapping[Any, Any]) -> "Metric":
        return _gauge(f"transcribed_inbox_{name}", meaning, values, "inbox")

    looked = {name: row["looked_at"] for name, row in inboxes.items() if row["looked_at"] is not None}
    yield each("looked_timestamp_seconds", "The last look into an inbox that succeeded.", looked)
    yield each("overdue", "1 if a look does not come to its end.", {k: row["overdue"] for k, row in inboxes.items()})
    yield each("events", "1 if folder events come.", {k: row["watch"] == "events" for k, row in inboxes.items()})
    unsettled = {k: len(row["unsettled"]) for k, row in inboxes.items()}
    yield each("unsettled_files", "Files that are not taken yet; 500 at most are counted.", unsettled)
    backlogs = {k: row["backlog"] or {"count": 0, "hours": 0.0} for k, row in inboxes.items()}
    yield each("backlog_recordings", "Wait to be accepted.", {k: row["count"] for k, row in backlogs.items()})
    yield each("backlog_seconds", "Audio that waits so.", {k: row["hours"] * 3600 for k, row in backlogs.items()})


def _gauge(name: str, meaning: str, values: Mapping[Any, float], *labels: str) -> "Metric":
    """A gauge with a value for each tuple of the labels' values."""
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415  the extra

    family = GaugeMetricFamily(name, meaning, labels=labels)
    for at, value in values.items():
        family.add_metric(at, float(value))
    return family
