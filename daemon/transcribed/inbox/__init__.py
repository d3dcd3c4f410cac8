"""The files in an inbox: which are there, and which have stopped changing.

A listing is the truth; events only say "look". Names are bytes and are never cleaned, no symbolic link is followed, and
only regular files are taken. What lies in an inbox was put there by a stranger: nothing here waits for it or trusts it.
"""

from transcribed.inbox.beside import FOLDERS_FILE, MOST_BYTES, SUFFIX, Said, places
from transcribed.inbox.folder import Found, Ground, Listing, Mount, RecordingFolder
from transcribed.inbox.links import hash_of_address
from transcribed.inbox.names import HOLD, READY, SOUND_ENDINGS, Names
from transcribed.inbox.orders import CORRECTED_MD, CORRECTED_TXT, SPEAKERS, UNDERSTAND
from transcribed.inbox.orders import forms as order_forms
from transcribed.inbox.orders import named as order_named
from transcribed.inbox.passed_over import PassedOver
from transcribed.inbox.probe import Probe, audio_of, length, probe
from transcribed.inbox.scan import listed_only
from transcribed.inbox.settling import Evidence, Settling, Waiting
from transcribed.inbox.taken import DEEPEST, OTHER_ENDING, file_refusal, path_refusal
from transcribed.inbox.watch import Watch
from transcribed.inbox.writers import WRITTEN

__all__ = [
    "CORRECTED_MD",
    "CORRECTED_TXT",
    "DEEPEST",
    "FOLDERS_FILE",
    "HOLD",
    "MOST_BYTES",
    "OTHER_ENDING",
    "READY",
    "SOUND_ENDINGS",
    "SPEAKERS",
    "SUFFIX",
    "UNDERSTAND",
    "WRITTEN",
    "Evidence",
    "Found",
    "Ground",
    "Listing",
    "Mount",
    "Names",
    "PassedOver",
    "Probe",
    "RecordingFolder",
    "Said",
    "Settling",
    "Waiting",
    "Watch",
    "audio_of",
    "file_refusal",
    "hash_of_address",
    "length",
    "listed_only",
    "order_forms",
    "order_named",
    "path_refusal",
    "places",
    "probe",
]
