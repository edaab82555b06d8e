// The verdict in words: what was decided, why, and how sure that is.
import { button, copy, el, section } from "./dom.js";

const TITLES = { corrected: "Corrected", kept: "Kept as it is", abstained: "Not sure: left as it is" };
const SIGNS = { corrected: "other SQL", kept: "no change" };
const MEANS = {
  corrected: "Other SQL is handed back; your draft is still in the form.",
  kept: "The draft is handed back unchanged.",
  abstained: "Something speaks against the draft, yet nothing better could be shown. It is handed back unchanged.",
};

/** A probability in words. */
export function sureness(p) {
  if (p === null) return "unknown";
  if (p >= 0.9) return "very likely";
  if (p >= 0.7) return "likely";
  if (p >= 0.45) return "open";
  return p >= 0.2 ? "doubtful" : "very doubtful";
}

/** A reason with a capital where it begins with a word of SHARE's own; a name of the database's is left alone. */
const sentence = (text) => text.replace(/^(the|its?|there|no|a|an|every|each|nothing|both) /, (word) => word[0].toUpperCase() + word.slice(1));

/** A probability as a bar with words. */
export function bar(label, p, words) {
  const fill = el("i", {});
  fill.style.width = `${Math.round((p ?? 0) * 100)}%`;
  const shown = p === null ? "unknown" : `${Math.round(p * 100)}%`;
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
  const pill = el("span", { class: `pill v-${verdict}` }, verdict === "abstained" ? verdict : SIGNS[verdict]);
  const decided = el("p", { class: "decided", role: "status" });
  const copying = button("Copy SQL", () => copy(correction.sql, copying));
  const buttons = el("div", { class: "actions" },
    verdict === "corrected" && button("Accept", () => { act.accept(); decided.textContent = "Accepted: the correction is your draft now."; }, { class: "primary", id: "accept" }),
    button("Keep my draft", () => { act.keep(); decided.textContent = "Kept: your draft stays as it is."; }, { id: "keep" }),
    copying, button("Edit SQL", act.edit, { id: "edit-sql" }), decided);
  const sure = confidence === null ? "Nothing can be said about whether the SQL answers the question."
    : `That the SQL answers the question is ${sureness(confidence)}, as queries like it turned out.`;
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
        el("p", { class: "note" }, MEANS[verdict]),
        notes.map((note) => el("p", { class: "bad", dir: "auto" }, note))),
      bar("Confidence", confidence, sure)),
    buttons);
}
