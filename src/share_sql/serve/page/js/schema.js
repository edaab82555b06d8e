// The database's tables and columns, to look through.
import { byId, count, el } from "./dom.js";
import * as api from "./api.js";

const MOST = 200; // tables shown at once
let current = { tables: [], foreign_keys: [] };
let asked = new AbortController();

/** Show the schema of this database. */
export async function showSchema(name) {
  asked.abort();
  asked = new AbortController();
  const { signal } = asked;
  byId("schema-count").textContent = "loading …";
  byId("tables").replaceChildren();
  try {
    current = await api.schema(name, signal);
  } catch (error) {
    if (signal.aborted) return;
    current = { tables: [], foreign_keys: [] };
    byId("schema-count").textContent = error.message;
    if (error.status === 401) throw error;
    return;
  }
  draw();
}

/** Let the filter work. */
export function wireSchema() {
  byId("schema-filter").addEventListener("input", draw);
  const narrow = matchMedia("(max-width: 900px)");
  const fold = () => { byId("schema-fold").open = !narrow.matches; };
  narrow.addEventListener("change", fold);
  fold();
}

function draw() {
  const wanted = byId("schema-filter").value.trim().toLowerCase();
  const has = (text) => (text ?? "").toLowerCase().includes(wanted);
  const found = current.tables.map((table) => {
    const whole = has(table.name);
    const columns = wanted && !whole ? table.columns.filter((column) => has(column.name) || has(column.meaning)) : table.columns;
    return { table, columns, hit: whole || columns.length > 0 };
  }).filter((each) => each.hit);
  byId("tables").replaceChildren(...found.slice(0, MOST).map(({ table, columns }) => entry(table, columns, wanted !== "")));
  const more = found.length > MOST ? `, the first ${MOST} shown: filter for others` : "";
  byId("schema-count").textContent = wanted
    ? `${found.length} of ${count(current.tables.length, "table")}${more}`
    : `${count(current.tables.length, "table")}${more}`;
}

function entry(table, columns, open) {
  const list = el("ul", {});
  const details = el("details", { class: "table", open },
    el("summary", {}, el("span", { dir: "auto" }, table.name), table.is_view && el("small", {}, "view"),
      el("small", { class: "size" }, String(table.columns.length), el("span", { class: "hidden" }, " columns"))), list);
  // Columns are made when they are first looked at: a schema may have very many.
  const draw = () => { if (details.open && !list.firstChild) list.append(...columns.map((each) => column(table, each))); };
  details.addEventListener("toggle", draw);
  draw();
  return details;
}

function column(table, each) {
  const key = current.foreign_keys.find((one) => one.table === table.name && one.column === each.name);
  return el("li", {},
    el("span", { class: "column", dir: "auto" }, each.name),
    el("small", {}, each.type.toLowerCase()),
    each.primary_key && el("small", { class: "key", title: "primary key" }, "key"),
    key && el("small", { class: "to", dir: "auto" }, `→ ${key.to_table}.${key.to_column}`),
    each.meaning && el("span", { class: "meaning", dir: "auto" }, each.meaning),
    each.allowed.length ? el("span", { class: "meaning", dir: "auto" }, `one of ${each.allowed.slice(0, 12).join(", ")}`) : null);
}
