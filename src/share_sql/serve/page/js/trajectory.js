// The trajectory before and after, with what became of each action; it can be edited and compiled again.
import { button, el, say, section } from "./dom.js";
import * as api from "./api.js";
import { code } from "./sql.js";

const SIGNS = { added: "+", removed: "−", changed: "~", same: "" };
const SAID = { added: "added: ", removed: "removed: ", changed: "changed: ", same: "" };

function action(each, dot) {
  return el("li", { class: `m-${each.mark}` }, el("span", { class: "sign", "aria-hidden": "true" }, SIGNS[each.mark]),
    SAID[each.mark] && el("span", { class: "hidden" }, SAID[each.mark]), el("code", { dir: "ltr" }, dot + each.text));
}

function side(title, steps) {
  return el("figure", { class: "steps" }, el("figcaption", {}, title),
    steps.length ? el("ol", {}, steps.map((step) => el("li", { class: "step" },
      el("span", { class: "step-name" }, step.name),
      el("ol", {}, step.source && step.source.text !== "df" && action({ ...step.source, text: `from ${step.source.text}` }, ""),
        step.actions.map((each) => action(each, ""))))))
      : el("p", { class: "note" }, "There is none: the SQL could not be read as actions."));
}

/**
 * The card of both trajectories.
 * @param {(sql: string) => void} again called with SQL that a trajectory was compiled to
 */
export function trajectoryCard(correction, again) {
  const { before, after, actions, steps_before: old, steps_after: fresh } = correction.trajectory;
  const same = before === after || !actions.length;
  const number = (kind) => actions.filter((each) => each.kind === kind).length;
  const told = ["added", "removed", "changed"].filter(number).map((kind) =>
    el("span", { class: `tag m-${kind}` }, `${number(kind)} ${kind}`));
  return section("trajectory", "Trajectory",
    el("span", { class: "tags" }, told.length ? told : before !== after && el("span", { class: "note" }, "the same actions")),
    el("div", { class: same ? "pair single" : "pair" },
      side(same ? "How the query reasons" : "Draft", same && !old.length ? fresh : old), same ? null : side("Correction", fresh)),
    editor(correction.database, after ?? before ?? "", again));
}

function editor(database, text, again) {
  const area = el("textarea", { id: "steps", dir: "ltr", spellcheck: "false", rows: Math.min(12, text.split("\n").length + 1) });
  area.value = text;
  const out = el("div", { "aria-live": "polite" });
  const compile = button("Compile to SQL", async () => {
    compile.setAttribute("aria-busy", "true");
    try {
      const made = await api.compile({ database, trajectory: area.value });
      const unread = made.raw ? el("p", { class: "bad" }, `${made.raw} of its steps could not be read.`) : null;
      out.replaceChildren(el("pre", {}, code(made.sql)), ...(unread ? [unread] : []),
        el("div", { class: "actions" }, button("Correct again from here", () => again(made.sql), { class: "primary" })));
      say("Compiled");
    } catch (error) {
      out.replaceChildren(el("p", { class: "bad", dir: "auto" }, error.message));
    } finally {
      compile.removeAttribute("aria-busy");
    }
  });
  return el("details", { id: "edit-steps" }, el("summary", {}, "Edit the trajectory"),
    el("label", { class: "hidden", for: "steps" }, "Trajectory"), area, el("div", { class: "actions" }, compile), out);
}
