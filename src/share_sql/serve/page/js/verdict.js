// The verdict in words: what was decided, why, and how sure that is.
import { button, copy, el, section, sentence } from "./dom.js";

const TITLES = {
  corrected: "There is a correction",
  kept: "Your draft stands",
  abstained: "Not sure: your draft is left as it is",
};
const ABSTAINED = "Something speaks against the draft, yet nothing better could be shown.";

/** A probability in words. */
function sureness(p) {
  if (p >= 0.9) return "Very likely right";
  if (p >= 0.7) return "Likely right";
  if (p >= 0.45) return "Open";
  return p >= 0.2 ? "Doubtful" : "Very doubtful";
}

/** A probability as a number; what is not certain is never shown as if it were. */
function percent(p) {
  if (p > 0.995 && p < 1) return "over 99%";
  return p < 0.005 && p > 0 ? "under 1%" : `${Math.round(p * 100)}%`;
}

/** A probability as a bar with words. */
export function bar(label, p, words) {
  const fill = el("i", {});
  fill.style.width = `${Math.round((p ?? 0) * 100)}%`;
  const shown = p === null ? "unknown" : percent(p);
  return el("div", { class: `sure ${p === null ? "unknown" : p >= 0.7 ? "high" : p >= 0.45 ? "middle" : "low"}` },
    el("div", { class: "sure-head" }, el("span", {}, label), el("b", {}, shown)),
    el("div", { class: "sure-bar", role: "img", "aria-label": `${label}: ${shown}` }, fill),
    el("p", { class: "note" }, words));
}

/**
 * The verdict's card.
 * @param {object} correction
 * @param {{accept: Function, keep: Function, edit: Function}} act what the buttons do
 */
export function verdictCard(correction, act) {
  const { verdict, confidence } = correction;
  const pill = el("span", { class: `pill v-${verdict}` }, verdict);
  const decided = el("p", { class: "decided", role: "status" });
  const copying = button("Copy SQL", () => copy(correction.sql, copying));
  const buttons = el("div", { class: "actions" },
    verdict === "corrected" && button("Accept", () => { act.accept(); decided.textContent = "Accepted: the correction is your draft now."; }, { class: "primary", id: "accept" }),
    verdict !== "kept" && button("Keep my draft", () => { act.keep(); decided.textContent = "Kept: your draft stays as it is."; }, { id: "keep" }),
    copying, button("Edit SQL", act.edit, { id: "edit-sql" }), decided);
  const sure = confidence === null ? "Nothing can be said about whether the SQL answers the question."
    : `${sureness(confidence)}: ${percent(confidence)} of SQL with such evidence answered its question.`;
  const notes = [
    correction.runs === false ? "The SQL handed back does not run." : null,
    correction.error,
    ...correction.failures.map((each) => `${each.role} gave nothing (${each.cause}): ${each.message}`),
    ...correction.errors.map((each) => `The stage ${each.stage} failed: ${each.message}`),
  ].filter(Boolean);
  return section("verdict", TITLES[verdict] ?? verdict, pill,
    el("div", { class: "verdict-body" },
      el("div", {},
        el("p", { class: "reason", dir: "auto" }, sentence(correction.reason)),
        verdict === "abstained" && el("p", { class: "note" }, ABSTAINED),
        notes.map((note) => el("p", { class: "bad", dir: "auto" }, note))),
      bar("Confidence", confidence, sure)),
    buttons);
}
