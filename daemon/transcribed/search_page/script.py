"""The script of the page for searches. It has the rules of `formats.finding`, and reads what `segments` writes.

Only what a query needs is loaded. A piece that cannot be loaded ends the search with a message: fewer hits than there
are would be taken for all of them. Every text is shown as text, never read as HTML; a word is a key of a Map only.
"""

from transcribed.formats import finding
from transcribed.formats.transcript import UNSAFE_SIGNS
from transcribed.search_page.pieces import FOLDER
from transcribed.search_page.segments import DIGITS

_MOST_HELD = 400  # pieces in the browser's memory: of the index some 50 MB

SCRIPT = (
    r"""
"use strict";
const most = 20;
const signs = DIGITS;
const half = signs.length / 2;
const digits = [];
[...signs].forEach((sign, value) => { digits[sign.charCodeAt(0)] = value; });

const taken = new Map();
const transcribed = (value) => taken.set(document.currentScript, value);
const fetched = (name) => new Promise((resolve, reject) => {
  const script = document.createElement("script");
  const ended = () => {
    const value = taken.get(script);
    taken.delete(script);
    script.remove();
    if (value === undefined) reject(new Error(name));
    else resolve(value);
  };
  script.onload = ended;
  script.onerror = ended;
  script.src = `./FOLDER/${name}.js`;
  document.head.append(script);
});
const held = new Map();
const load = (name) => {
  const piece = held.get(name) ?? fetched(name);
  held.delete(name);
  held.set(name, piece);
  piece.catch(() => held.delete(name));
  if (held.size > MOST_HELD) held.delete(held.keys().next().value);
  return piece;
};

const unspaced = /[UNSPACED]/gu;
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").replace(unspaced, " $& ")
  .toUpperCase().toLowerCase().replaceAll("\u03c2", "\u03c3").normalize("NFC");
const tokens = (text) => plain(text).match(/[\p{L}\p{N}]{1,200}/gu) ?? [];
const terms = (query) => [...query.replace(/[UNSAFE]/gu, "").matchAll(/"([^"]*)"?(\*?)|([^\s"]+)/g)]
  .map(([, phrase, star, word]) => ({
    words: tokens(phrase || word || ""), isPrefix: star === "*" || (word ?? "").endsWith("*"),
  })).filter((term) => term.words.length > 0).slice(0, MOST_TERMS);

const fitting = (rows, word, isPrefix) => {
  let [low, high] = [0, rows.length / 2];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[2 * middle] < word) low = middle + 1;
    else high = middle;
  }
  const found = [];
  const fits = isPrefix ? (other) => other.startsWith(word) : (other) => other === word;
  for (let at = 2 * low; at < rows.length && fits(rows[at]); at += 2) found.push(rows[at + 1]);
  return found;
};
const postings = async ({ pieces }, word, isPrefix) => {
  if (pieces.length === 0) return [];
  let first = 0;
  while (first + 1 < pieces.length && pieces[first + 1][0] <= word) first += 1;
  let end = first + 1;
  while (isPrefix && end < pieces.length && pieces[end][0].startsWith(word)) end += 1;
  const loaded = await Promise.all(pieces.slice(first, end).map(([, name]) => load(name)));
  return loaded.flatMap((rows) => fitting(rows, word, isPrefix));
};
const count = (posting) => {
  let found = 0;
  for (let at = 2; at < posting.length; at += 1) found += digits[posting.charCodeAt(at)] < half ? 1 : 0;
  return found;
};
const placesIn = (posting) => {
  const found = [];
  let [place, value, factor] = [0, 0, 1];
  for (let at = 2; at < posting.length; at += 1) {
    const digit = digits[posting.charCodeAt(at)];
    value += (digit % half) * factor;
    factor *= half;
    if (digit < half) {
      place += value;
      found.push(place);
      [value, factor] = [0, 1];
    }
  }
  return found;
};
const byNumber = (rows) => {
  const found = new Map();
  for (const row of rows) {
    for (const posting of row.split(" ")) {
      const number = posting.slice(0, 2);
      if (found.has(number)) found.get(number).push(posting);
      else found.set(number, [posting]);
    }
  }
  return found;
};
const phrases = (all) => {
  const places = all.map((each) => each.flatMap(placesIn));
  const rarest = places.reduce((best, each, at) => each.length < places[best].length ? at : best, 0);
  const others = places.map((each) => new Set(each));
  return places[rarest].filter((place) => others.every((each, at) => each.has(place - rarest + at))).length;
};
const counted = async (segment, { words, isPrefix }) => {
  const last = words.length - 1;
  const rows = await Promise.all(words.map((word, at) => postings(segment, word, isPrefix && at === last)));
  const [found, ...others] = rows.map(byNumber);
  const counts = new Map();
  for (const [number, own] of found) {
    const all = [own, ...others.map((each) => each.get(number) ?? [])];
    const places = others.length === 0 ? own.reduce((sum, each) => sum + count(each), 0)
      : all.every((each) => each.length > 0) ? phrases(all) : 0;
    if (places > 0) counts.set(number, places);
  }
  return counts;
};
const inSegment = async (segment, sought) => {
  const [found, ...others] = await Promise.all(sought.map((term) => counted(segment, term)));
  const hits = [];
  for (const [number, own] of found) {
    const each = others.map((other) => other.get(number) ?? 0);
    if (!each.every((places) => places > 0)) continue;
    const at = digits[number.charCodeAt(0)] * signs.length + digits[number.charCodeAt(1)];
    hits.push({ name: segment.recordings[at], places: each.reduce((sum, places) => sum + places, own) });
  }
  return hits;
};

const parted = (words) => {
  const [all, at] = [[], []];
  words.forEach((word, number) => {
    for (const token of tokens(word)) {
      all.push(token);
      at.push(number);
    }
  });
  return { all, at };
};
const firstPlace = (words, sought) => {
  const { all, at: numbers } = parted(words);
  for (const term of sought) {
    const last = term.words.length - 1;
    const fits = (token, at) => token === term.words[at]
      || (at === last && term.isPrefix && token.startsWith(term.words[at]));
    for (let from = 0; from + last < all.length; from += 1) {
      if (term.words.every((_, at) => fits(all[from + at], at))) return numbers[from];
    }
  }
  return null;
};
const two = (number) => String(number).padStart(2, "0");
const hms = (at) => [Math.floor(at / 3600), Math.floor(at / 60) % 60, at % 60].map(two).join(":");
const made = (name, text, kind) => {
  const element = document.createElement(name);
  element.textContent = text;
  if (kind) element.className = kind;
  return element;
};
const shown = (recording, sought) => {
  const words = recording.words.split(" ");
  const at = firstPlace(words, sought);
  const moment = at === null || recording.times.length === 0 ? null
    : recording.times.slice(0, at + 1).reduce((sum, each) => sum + each, 0);
  const row = document.createElement("li");
  const name = made("p", recording.file, "name");
  name.dir = "auto";
  const about = document.createElement("p");
  if (moment !== null) about.append(made("time", hms(moment)));
  for (const [said, address] of recording.links) {
    const link = made("a", said);
    link.href = said === "html" && moment !== null ? `${address}#t=${moment}` : address;
    link.setAttribute("aria-label", `${said} of ${recording.file}`);
    about.append(link);
  }
  about.append(made("span", recording.day, "small"));
  const first = Math.max(0, at - 6);
  const snippet = made("p", (first ? "… " : "") + words.slice(first, at + 12).join(" ")
    + (at + 12 < words.length ? " …" : ""));
  snippet.dir = "auto";
  row.append(name, about, snippet);
  return row;
};

let turn = 0;
let more = () => {};
const part = (selector) => document.querySelector(selector);
const tell = (text, isLost = false) => {
  part("output").textContent = text;
  part("#reload").hidden = !isLost;
};
const said = (number) => {
  const { waiting } = part("main").dataset;
  const found = number === 0 ? "Nothing was found." : `Found in ${number} recording${number > 1 ? "s" : ""}.`;
  return waiting ? `${found} ${waiting} more are not searched yet.` : found;
};
const show = async (hits, sought, mine, from) => {
  const some = await Promise.all(hits.slice(from, from + most).map(({ name }) => load(name)));
  if (mine !== turn) return;
  const rows = some.map((recording) => shown(recording, sought));
  if (from === 0) part("ul").replaceChildren(...rows);
  else part("ul").append(...rows);
  const end = from + rows.length;
  tell(said(hits.length) + (end < hits.length ? ` The first ${end} are shown.` : ""));
  part("#more").hidden = end >= hits.length;
  more = () => guarded(mine, () => show(hits, sought, mine, end));
};
const guarded = async (mine, work) => {
  try {
    await work();
  } catch (error) {
    if (mine !== turn) return;
    part("ul").replaceChildren();
    part("#more").hidden = true;
    tell("Nothing is shown, because a part of what is searched cannot be loaded. It may have been written again "
      + "meanwhile: reload the page.", true);
  }
};
const segments = () => Promise.all((part("main").dataset.segments.match(/\S+/g) ?? []).map(load));
let opened = null;
const search = () => {
  turn += 1;
  const mine = turn;
  const sought = terms(part("input").value);
  part("#more").hidden = true;
  if (sought.length === 0) {
    part("ul").replaceChildren();
    tell("");
    return;
  }
  tell("Searching …");
  guarded(mine, async () => {
    opened ??= segments();
    opened.catch(() => { opened = null; });
    const all = await opened;
    const hits = [];
    for (let from = 0; from < all.length; from += 4) {
      if (from > 0) tell(`Searching … ${Math.round(100 * from / all.length)} %`);
      const some = await Promise.all(all.slice(from, from + 4).map((segment) => inSegment(segment, sought)));
      if (mine !== turn) return;
      hits.push(...some.flat());
    }
    hits.sort((one, other) => other.places - one.places || parseInt(other.name, 10) - parseInt(one.name, 10));
    await show(hits, sought, mine, 0);
  });
};
let waiting = 0;
addEventListener("DOMContentLoaded", () => {
  part("input").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 150);
  });
  part("#more").addEventListener("click", () => more());
  part("#reload").addEventListener("click", () => location.reload());
  search();
});
""".replace("UNSPACED", finding.UNSPACED_SIGNS)
    .replace("UNSAFE", UNSAFE_SIGNS)
    .replace("MOST_TERMS", str(finding.MOST_TERMS))
    .replace("MOST_HELD", str(_MOST_HELD))
    .replace("FOLDER", FOLDER)
    .replace("DIGITS", f'"{DIGITS}"')
)
