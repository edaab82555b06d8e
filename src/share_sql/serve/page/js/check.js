// What a check says: does the draft run, what is wrong or risky in it. Nothing is changed.
import { button, count, el, section } from "./dom.js";
import { checkedPanel } from "./compare.js";
import { seenByCheck, seenList } from "./seen.js";
import { code } from "./sql.js";
import { bar } from "./verdict.js";

/** The check's card. `use` is called with SQL to take as the draft. */
export function checkCard(draft, checked, use) {
  const seen = seenByCheck(checked);
  const serious = seen.filter((each) => each.level !== "info").length;
  const title = !checked.runs ? "It does not run" : serious ? "It runs, with doubts" : "It runs, and nothing was found";
  const told = checked.runs ? `${count(checked.row_count ?? 0, "row")}${checked.truncated ? " and more" : ""}` : null;
  const words = checked.wrong >= 0.5 ? "It is more likely wrong than right." : "So often were drafts with such evidence wrong.";
  return section("checked", title, told && el("span", { class: "note" }, told),
    el("div", { class: "verdict-body" },
      el("div", {}, checked.error && el("p", { class: "reason", dir: "auto" }, checked.error),
        checked.incomplete && el("p", { class: "bad" }, `Not all was looked at: ${checked.incomplete}`)),
      bar("Chance that it is wrong", checked.wrong, words)),
    checkedPanel(draft, seen),
    seen.length ? seenList(seen, draft, use) : el("p", { class: "note" }, "Nothing speaks against the draft."),
    checked.suggestion && el("div", { class: "suggestion" },
      el("h3", {}, "With all that is proved mended"), el("pre", {}, code(checked.suggestion)),
      el("div", { class: "actions" }, button("Use as the draft", () => use(checked.suggestion)))));
}
