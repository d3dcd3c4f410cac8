"""Languages by the names that people use, and by the codes that other programs use (BCP 47).

The codes are those of AssemblyAI's list of languages: ISO 639, some with a country (en_us).
"""

import re

_NAMED = """
af Afrikaans, am Amharic, ar Arabic, as Assamese, az Azerbaijani, ba Bashkir, be Belarusian, bg Bulgarian, bn Bengali,
bo Tibetan, br Breton, bs Bosnian, ca Catalan, cs Czech, cy Welsh, da Danish, de German, el Greek, en English,
es Spanish, et Estonian, eu Basque, fa Persian, fi Finnish, fo Faroese, fr French, gl Galician, gu Gujarati, ha Hausa,
haw Hawaiian, he Hebrew, hi Hindi, hr Croatian, ht Haitian, hu Hungarian, hy Armenian, id Indonesian, is Icelandic,
it Italian, ja Japanese, jw Javanese, jv Javanese, ka Georgian, kk Kazakh, km Khmer, kn Kannada, ko Korean, la Latin,
lb Luxembourgish, ln Lingala, lo Lao, lt Lithuanian, lv Latvian, mg Malagasy, mi Maori, mk Macedonian, ml Malayalam,
mn Mongolian, mr Marathi, ms Malay, mt Maltese, my Burmese, ne Nepali, nl Dutch, nn Norwegian Nynorsk, no Norwegian,
oc Occitan, pa Panjabi, pl Polish, ps Pashto, pt Portuguese, ro Romanian, ru Russian, sa Sanskrit, sd Sindhi,
si Sinhala, sk Slovak, sl Slovenian, sn Shona, so Somali, sq Albanian, sr Serbian, su Sundanese, sv Swedish,
sw Swahili, ta Tamil, te Telugu, tg Tajik, th Thai, tk Turkmen, tl Tagalog, tr Turkish, tt Tatar, uk Ukrainian,
ur Urdu, uz Uzbek, vi Vietnamese, yi Yiddish, yo Yoruba, zh Chinese
"""
_NAMES = dict(entry.split(" ", 1) for entry in " ".join(_NAMED.split()).split(", "))
_CODES = {name.lower(): code for code, name in reversed(_NAMES.items())}
#: Whisper's names, where they are others.
_CODES |= {"cantonese": "yue", "haitian creole": "ht", "myanmar": "my", "nynorsk": "nn", "punjabi": "pa"}
_COUNTRIES = {"au": "Australia", "us": "US", "uk": "UK", "gb": "UK", "ch": "Switzerland", "br": "Brazil"}
_ISO = {"uk": "GB", "hans": "Hans", "hant": "Hant"}
_CODE = re.compile(r"[a-z]{2,3}([_-][a-z0-9]{2,8})*", re.IGNORECASE)


def name_of(code: str) -> str:
    """The language by its English name, `en_us` as "English (US)"; the code itself where it has none here."""
    language, _, country = code.lower().replace("-", "_").partition("_")
    if language not in _NAMES:
        return code
    return f"{_NAMES[language]} ({_COUNTRIES.get(country, country.upper())})" if country else _NAMES[language]


def code_of(said: str) -> str | None:
    """The code of a language, without its country, of its code or its English name; None for what is neither."""
    said = said.strip().lower()
    code = re.split("[_-]", said, maxsplit=1)[0]
    return code if code in _NAMES or code in _CODES.values() else _CODES.get(said)


def tag_of(code: str) -> str:
    """The code as BCP 47 writes it, `en_us` as "en-US"; empty for what is no code."""
    if not _CODE.fullmatch(code):
        return ""
    first, *rest = code.replace("_", "-").split("-")
    return "-".join([first.lower(), *(_ISO.get(part.lower(), part.upper()) for part in rest)])
