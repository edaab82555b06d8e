// SQL as coloured tokens. It is for the eye only: nothing depends on it.
import { el } from "./dom.js";

const TOKEN = /--[^\n]*|\/\*[^]*?(?:\*\/|$)|'(?:[^']|'')*'?|"(?:[^"]|"")*"?|`[^`]*`?|\d+(?:\.\d+)?|[\p{L}_][\p{L}\p{N}_]*|[^\p{L}\d_'"`/-]+|[^]/gu;
const WORDS = new Set(`all and any as asc between both by case cast collate cross current date desc distinct else end
escape except exists extract false fetch filter first following for from full glob group having ilike in inner intersect
interval into is join last lateral leading left like limit natural next not null nulls of offset on only or order outer
over partition preceding range recursive regexp right rollup row rows select set similar some then top trailing true
unbounded union unique using values when where window with within`.split(/\s+/));
const MOST = 30_000; // characters that are coloured; longer texts stay plain

/**
 * The tokens of a text; joined they are the text.
 * @returns {Array<[string, string]>} class name, empty for plain text, and text
 */
export function tokens(sql) {
  if (sql.length > MOST) return [["", sql]];
  return (sql.match(TOKEN) ?? []).map((text) => [kind(text), text]);
}

function kind(text) {
  if (text.startsWith("--") || text.startsWith("/*")) return "s-comment";
  if (text[0] === "'") return "s-text";
  if (text[0] >= "0" && text[0] <= "9") return "s-number";
  if (text[0] === '"' || text[0] === "`") return "s-name";
  return WORDS.has(text.toLowerCase()) ? "s-word" : "";
}

/** SQL in a <code>. */
export function code(sql) {
  return el("code", { class: "sql", dir: "ltr" },
    tokens(sql).map(([name, text]) => (name ? el("span", { class: name }, text) : text)));
}
