// What was seen in a draft: one shape for findings, warnings and checks; its list, and tips over the draft.
import { byId, el } from "./dom.js";
import { code } from "./sql.js";

let known = new Map();

/** Take in the table of kinds, as `GET /v1/kinds` gives it. */
export function useKinds(kinds) {
  known = new Map(kinds.map((kind) => [kind.name, kind]));
}

const LEVELS = { error: "Fault", against: "Against", for: "In favour", warning: "Risk", info: "Note" };

/** What a correction tells of its draft. */
export function seenByCorrection(correction) {
  const findings = correction.findings.map((each) => ({
    ...each, level: each.weight < 0 ? "for" : "error", word: each.weight < 0 ? LEVELS.for : LEVELS.against,
  }));
  const warnings = correction.warnings.map((each) => ({ ...each, weight: null, level: "warning", word: LEVELS.warning }));
  return numbered([...findings, ...warnings]);
}

/** What a check tells. */
export function seenByCheck(checked) {
  return numbered(checked.findings.map((each) => ({
    ...each,
    weight: null,
    level: each.severity,
    word: LEVELS[each.severity],
    place: each.start === null || each.start === undefined ? null : [each.start, each.end],
  })));
}

const numbered = (seen) => seen.map((each, i) => ({ ...each, id: `seen-${i + 1}` }));

/** A weight in words; log-odds of 3 are 20 to 1. */
function strength(weight) {
  const size = Math.abs(weight);
  const word = size >= 3 ? "strong" : size >= 1.5 ? "clear" : "slight";
  return { word, level: size >= 3 ? 3 : size >= 1.5 ? 2 : 1 };
}

/**
 * The list of what was seen.
 * @param {(text: string) => void} use called with the draft as a suggestion mends it
 */
export function seenList(seen, draft, use) {
  return el("ol", { class: "seen-list", "aria-label": "What was seen in the draft" }, seen.map((each) => {
    const kind = known.get(each.kind);
    const weight = each.weight === null ? null : strength(each.weight);
    return el("li", { id: each.id, class: `l-${each.level}` },
      el("div", { class: "seen-line" },
        el("span", { class: "level" }, each.word),
        el("span", { class: "message", dir: "auto" }, each.message),
        weight && el("span", { class: `weight w-${weight.level}`, title: `log-odds ${each.weight.toFixed(2)}` },
          el("i", {}), el("i", {}), el("i", {}), ` ${weight.word}`)),
      el("div", { class: "note" }, el("code", {}, each.kind), kind ? ` ${kind.line}` : "",
        each.place ? null : " It is about the whole query."),
      each.suggestion && el("div", { class: "note" }, "Would mend it: ", code(each.suggestion.text || "(take it out)"), " ",
        el("button", { type: "button", class: "small", on: { click: () => use(mended(draft, each.suggestion)) } }, "Use in the draft")));
  }));
}

function mended(draft, change) {
  const characters = [...draft];
  return characters.slice(0, change.start).join("") + change.text + characters.slice(change.end).join("");
}

/** Show tips over underlined places, and light place and list together. */
export function tips(root) {
  const tip = byId("tip");
  const hide = () => {
    tip.hidden = true;
    for (const lit of root.querySelectorAll(".lit")) lit.classList.remove("lit");
  };
  const show = (mark) => {
    hide();
    const items = mark.dataset.seen.split(" ").map(byId).filter(Boolean);
    tip.replaceChildren(...items.map((item) => el("p", { class: item.className },
      el("b", {}, item.querySelector(".level").textContent), " ",
      el("span", { dir: "auto" }, item.querySelector(".message").textContent))));
    mark.classList.add("lit");
    for (const item of items) item.classList.add("lit");
    tip.hidden = false;
    const at = mark.getClientRects()[0];
    const width = document.documentElement.clientWidth;
    tip.style.left = `${Math.max(8, Math.min(at.left, width - tip.offsetWidth - 8)) + scrollX}px`;
    const last = [...mark.getClientRects()].pop();
    const below = last.bottom + tip.offsetHeight + 12 < innerHeight;
    tip.style.top = `${(below ? last.bottom + 8 : at.top - tip.offsetHeight - 8) + scrollY}px`;
  };
  for (const mark of root.querySelectorAll("mark[data-seen]")) {
    for (const event of ["mouseenter", "focus"]) mark.addEventListener(event, () => show(mark));
    for (const event of ["mouseleave", "blur"]) mark.addEventListener(event, hide);
    mark.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  }
  for (const item of root.querySelectorAll(".seen-list > li")) {
    const marks = [...root.querySelectorAll("mark[data-seen]")].filter((mark) => mark.dataset.seen.split(" ").includes(item.id));
    item.addEventListener("mouseenter", () => marks.forEach((mark) => mark.classList.add("lit")));
    item.addEventListener("mouseleave", () => marks.forEach((mark) => mark.classList.remove("lit")));
  }
}
