"""The signs of all scripts that end or interrupt a sentence, or close a bracket or a quotation."""

#: They end a sentence, or may.
STOPS = ".!?…。．！？؟۔।։።။។៕"  # noqa: RUF001 - of all scripts

#: They stand within one, directly after a word.
PAUSES = ",;:、，；：،؛"  # noqa: RUF001 - of all scripts

#: They stand within one, apart.
DASHES = "–—"  # noqa: RUF001 - of all scripts

#: They close what was opened. Some languages open with one of them, and most do not.
CLOSING = "”’»›)]}」』】》〉）｝］"  # noqa: RUF001 - of all scripts

#: They open in some languages and close in others, as “ does in German.
EITHER = "\"'“‘«‹"  # noqa: RUF001 - of all scripts
