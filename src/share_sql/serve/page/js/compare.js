// Draft and correction side by side, with what was seen in the draft.
import { el, section } from "./dom.js";
import { paint } from "./paint.js";
import { seenList } from "./seen.js";

const panel = (title, side, code) => el("figure", { class: `panel ${side}` }, el("figcaption", {}, title), el("pre", {}, code));

/** A correction against its draft. */
export function compareCard(correction, seen, use) {
  const same = correction.sql === correction.draft;
  const changed = correction.diff.before.some(([differs]) => differs) || correction.diff.after.some(([differs]) => differs);
  const legend = changed && el("p", { class: "note legend" }, el("del", {}, "only in the draft"), " ", el("ins", {}, "only in the correction"));
  return section("compare", same ? "The draft" : "Draft and correction", legend,
    el("div", { class: same ? "pair single" : "pair" },
      panel(same ? "Draft, unchanged" : "Draft", "before", paint(correction.draft, correction.diff.before, "del", seen)),
      same ? null : panel(correction.verdict === "corrected" ? "Correction" : "Handed back", "after", paint(correction.sql, correction.diff.after, "ins", []))),
    el("h3", {}, seen.length ? "What was seen in the draft" : "Nothing speaks against the draft"),
    seen.length ? seenList(seen, correction.draft, use)
      : el("p", { class: "note" }, "It was compared with the schema, the stored values, the question and the rows that it gives."));
}

/** A draft that was checked alone. */
export function checkedPanel(draft, seen) {
  return el("div", { class: "pair single" }, panel("Draft", "before", paint(draft, [], "del", seen)));
}
