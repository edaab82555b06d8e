// The rows of draft and correction as tables, and whether they are the same.
import { count, duration, el, section } from "./dom.js";
import * as api from "./api.js";

const ROWS = 200;

const ask = async (database, sql, signal) => {
  try {
    return { ...await api.run({ database, sql, rows: ROWS }, signal), error: null };
  } catch (error) {
    if (signal.aborted) throw error;
    return { error: error.message, columns: [], rows: [], truncated: false };
  }
};

/**
 * The card; its tables come when the queries have run.
 * @param {object} correction
 * @param {string} draft the SQL in the draft, without text around it
 * @param {AbortSignal} signal ends the queries
 */
export function rowsCard(correction, draft, signal) {
  const same = correction.sql === draft;
  const told = el("span", { class: "note", role: "status" }, "running …");
  const body = el("div", { class: same ? "pair single" : "pair" });
  const load = async () => {
    const [before, after] = await Promise.all(
      [draft, ...(same ? [] : [correction.sql])].map((sql) => ask(correction.database, sql, signal)));
    if (same) {
      told.textContent = before.error ? "" : size(before);
      body.replaceChildren(table("", before, null));
    } else {
      const [word, kind] = compared(correction, before, after);
      told.textContent = word;
      told.className = `tag ${kind}`;
      body.replaceChildren(table("Draft", before, lacking(before, after)), table("Correction", after, lacking(after, before)));
    }
  };
  load().catch((error) => { if (!signal.aborted) told.textContent = error.message; });
  return section("rows", "Rows", told, body);
}

const size = (result) => `${result.truncated ? "the first " : ""}${count(result.rows.length, "row")}, ${duration(result.seconds)}`;

function compared(correction, before, after) {
  if (before.error && after.error) return ["neither runs", "m-removed"];
  if (before.error) return ["the draft does not run", "m-changed"];
  if (after.error) return ["the correction does not run", "m-removed"];
  const hashes = [correction.rows_before, correction.rows_after];
  if (hashes[0] && hashes[0] === hashes[1]) return ["same rows", "m-added"];
  if (before.truncated || after.truncated) return [hashes[0] && hashes[1] ? "rows differ" : "too many rows to compare", "m-changed"];
  const keys = [before, after].map((result) => result.rows.map((row) => JSON.stringify(row)));
  if (JSON.stringify(keys[0]) === JSON.stringify(keys[1])) return ["same rows", "m-added"];
  return JSON.stringify(keys[0].sort()) === JSON.stringify(keys[1].sort())
    ? ["same rows in another order", "m-changed"] : ["rows differ", "m-changed"];
}

/** Which rows the other side lacks; null where that cannot be told. */
function lacking(ours, theirs) {
  if (ours.error || theirs.error || ours.truncated || theirs.truncated) return null;
  const left = new Map();
  for (const row of theirs.rows) {
    const key = JSON.stringify(row);
    left.set(key, (left.get(key) ?? 0) + 1);
  }
  return ours.rows.map((row) => {
    const key = JSON.stringify(row);
    const n = left.get(key) ?? 0;
    left.set(key, n - 1);
    return n <= 0;
  });
}

function cell(value) {
  if (value === null) return el("td", {}, el("span", { class: "null" }, "NULL"));
  if (typeof value === "number") return el("td", { class: "number" }, String(value));
  return el("td", { dir: "auto", class: value === "" ? "blank" : value.length > 40 && "long" }, value === "" ? "empty text" : String(value));
}

function table(title, result, alone) {
  const caption = title && `${title}${result.error ? "" : `: ${size(result)}`}`;
  if (result.error) {
    return el("figure", {}, caption && el("figcaption", {}, caption), el("p", { class: "failed-run", dir: "auto" }, result.error));
  }
  const side = title === "Draft" ? "before" : "after";
  const lines = result.rows.map((row, i) => el("tr", { class: alone?.[i] ? `alone ${side}` : null }, row.map(cell)));
  const numeric = result.columns.map((_, i) => typeof result.rows.find((row) => row[i] !== null)?.[i] === "number");
  return el("figure", {}, caption && el("figcaption", {}, caption),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Rows: ${title || "the draft"}` },
      el("table", {}, el("thead", {}, el("tr", {}, result.columns.map((name, i) =>
          el("th", { scope: "col", dir: "auto", class: numeric[i] && "number" }, name || " ")))),
        el("tbody", {}, lines))),
    result.rows.length ? null : el("p", { class: "note none" }, "No rows."),
    result.truncated && el("p", { class: "note" }, "There are more rows."));
}
