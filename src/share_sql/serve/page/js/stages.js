// The stages, one after another as they end, each with what it made.
import { count, duration, el, say, section } from "./dom.js";
import { code } from "./sql.js";

const WHAT = {
  read: "finds the SQL in the draft and runs it",
  bam: "writes the draft's reasoning down, action by action",
  mask: "takes the schema's names out",
  sam: "fills in the columns that the question needs",
  lom: "mends the logic",
  regenerate: "writes SQL again from the trajectories",
  redraft: "answers the question without the draft",
  repair: "mends what schema and data prove",
  confirm: "asks a second model where its word decides",
  propose: "tries single changes",
  score: "asks how likely each change helps",
  warn: "looks for risks",
  judge: "compares, and decides",
};
const ORIGINS = { draft: "draft", repair: "repaired", compile: "compiled", generator: "generated", drafter: "answered", edit: "edited" };
const MOST = 12; // lines that are shown at once

/** The strip of all stages and the list of what they made, filled by `ended`. */
export function stageView() {
  const chips = new Map(Object.keys(WHAT).map((name) => [name,
    el("li", { class: "waiting", title: `${name}: ${WHAT[name]}` }, el("span", {}, name), el("span", { class: "hidden" }, " waiting"))]));
  const strip = el("ol", { class: "strip", "aria-label": "Stages" }, [...chips.values()]);
  const list = el("ol", { class: "stages" });
  const told = el("span", { class: "note" }, "working …");
  const root = section("stages", "Stages", told, strip, list);
  let seconds = 0;
  const mark = (chip, state) => {
    chip.className = state;
    chip.lastChild.textContent = ` ${state}`;
  };
  const following = () => [...chips.values()].find((chip) => chip.className === "waiting");
  if (following()) mark(following(), "running");

  return {
    root,
    /** The SQL in the draft, without text around it; null until it is known. */
    sql: null,
    /** Whether a stage has ended. */
    any: false,
    ended(stage) {
      seconds += stage.seconds;
      this.any = true;
      if (stage.stage === "read" && stage.candidates.length) [{ sql: this.sql }] = stage.candidates;
      const made = stage.lines.length + stage.candidates.length > 0 || stage.error
        || (stage.text && !stage.text.startsWith("0 ")); // "0 candidates" is nothing
      if (!chips.has(stage.stage)) {
        const chip = el("li", {}, el("span", {}, stage.stage), el("span", { class: "hidden" }));
        chips.set(stage.stage, chip);
        strip.append(chip);
      }
      mark(chips.get(stage.stage), stage.error ? "failed" : made ? "done" : "idle");
      const next = following();
      if (next && stage.stage !== "judge") mark(next, "running");
      if (made) list.append(row(stage));
      told.textContent = `working, ${duration(seconds)} …`;
      say(`${stage.stage}: ${stage.error ?? (stage.text || (made ? "done" : "nothing to do"))}`);
    },
    finished(words) {
      for (const chip of chips.values()) if (chip.className === "running") mark(chip, "waiting");
      told.textContent = words ?? duration(seconds);
    },
  };
}

function row(stage) {
  const what = WHAT[stage.stage];
  return el("li", { class: stage.error ? "failed" : "" },
    el("div", { class: "stage-head" }, el("b", {}, stage.stage), what && el("span", { class: "note" }, what),
      el("span", { class: "time" }, duration(stage.seconds))),
    stage.error && el("p", { class: "bad", dir: "auto" }, stage.error),
    // Candidates say more than the count of them does.
    stage.text && !stage.candidates.length && el("p", { dir: "auto" }, stage.text),
    lines(stage.lines), stage.candidates.map(candidate));
}

function lines(all) {
  if (!all.length) return null;
  const text = (part) => el("pre", { dir: "ltr" }, part.join("\n"));
  if (all.length <= MOST) return text(all);
  return [text(all.slice(0, MOST)),
    el("details", {}, el("summary", {}, `and ${count(all.length - MOST, "line")} more`), text(all.slice(MOST)))];
}

function candidate(each) {
  const known = [
    each.runs === false ? "does not run" : null,
    each.rows === null ? null : count(each.rows, "row"),
    each.score === null ? null : `score ${each.score >= 0 ? "+" : "−"}${Math.abs(each.score).toFixed(1)}`,
  ].filter(Boolean).join(", ");
  return el("div", { class: "candidate" },
    el("p", {}, el("b", {}, ORIGINS[each.origin] ?? each.origin), known && el("span", { class: "note" }, ` ${known}`),
      each.note && el("span", { dir: "auto" }, ` ${each.note}`)),
    el("pre", {}, code(each.sql)));
}
