// What the user types: kept over a reload in this tab, and coloured while it is typed.
import { byId } from "./dom.js";
import { code } from "./sql.js";

const FIELDS = ["question", "evidence", "draft", "database"];
const KEY = "share-case";

/** What is asked, as the service takes it. */
export function asked() {
  return Object.fromEntries(FIELDS.map((name) => [name, byId(name).value]));
}

/** Put this into the form; what is not named stays. */
export function put(values) {
  for (const name of FIELDS) if (values[name] !== undefined) byId(name).value = values[name];
  if (values.evidence) byId("evidence-fold").open = true;
  drawn();
}

/** What was typed before a reload; empty where nothing was. */
export function restored() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
    return Object.fromEntries(FIELDS.filter((name) => typeof kept?.[name] === "string").map((name) => [name, kept[name]]));
  } catch {
    return {};
  }
}

function drawn() {
  byId("draft-paint").replaceChildren(code(byId("draft").value), "\n");
  for (const name of ["question", "evidence"]) grow(byId(name));
  try {
    const values = asked();
    values.database ||= restored().database; // the list may not have come yet
    sessionStorage.setItem(KEY, JSON.stringify(values));
  } catch {
    // Storage is off or full: what is typed stays in the form.
  }
}

function grow(area) {
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight + 2}px`;
}

/** Keep and colour what is typed. */
export function wireForm() {
  for (const name of FIELDS) byId(name).addEventListener("input", drawn);
  byId("evidence-fold").addEventListener("toggle", () => grow(byId("evidence")));
  if (/Mac|iPhone|iPad/.test(navigator.platform)) byId("correct").querySelector("kbd").textContent = "⌘ ↵";
}
