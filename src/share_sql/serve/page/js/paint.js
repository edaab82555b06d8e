// A text with what differs in it marked, what was seen in it underlined, and its tokens coloured.
import { el } from "./dom.js";
import { tokens } from "./sql.js";

/**
 * The service counts characters; a text in the browser is counted in UTF-16 units.
 * @param {string} text
 * @param {[number, number]} place in characters
 * @returns {[number, number]} in units
 */
export function units(text, [start, end]) {
  if (!/[\ud800-\udbff]/.test(text)) return [start, end];
  const characters = [...text];
  const first = characters.slice(0, start).join("").length;
  return [first, first + characters.slice(start, end).join("").length];
}

/**
 * A text in layers.
 * @param {string} text
 * @param {Array<[boolean, string]>} runs of a diff: whether the other side lacks it, and the run
 * @param {string} tag `del` or `ins`, for those that it lacks
 * @param {Array<{place: [number, number]|null, level: string, id: string}>} seen
 * @returns {HTMLElement} a <code>; what was seen is in it as <mark data-seen="ids">
 */
export function paint(text, runs, tag, seen) {
  const cuts = new Set([0, text.length]);
  const places = seen.filter((each) => each.place).map((each) => ({ ...each, at: units(text, each.place) }));
  for (const { at } of places) at.forEach((cut) => cuts.add(Math.min(cut, text.length)));
  const differs = spans(runs.map(([changed, run]) => [changed, run]), cuts);
  const coloured = spans(tokens(text), cuts);
  const ordered = [...cuts].sort((a, b) => a - b);
  const code = el("code", { class: "sql", dir: "ltr" });
  let group = code;
  let groupKey = "";
  let change = null;
  for (let i = 0; i + 1 < ordered.length; i += 1) {
    const [start, end] = [ordered[i], ordered[i + 1]];
    const here = places.filter(({ at }) => at[0] <= start && end <= at[1]);
    const key = here.map((each) => each.id).join(" ");
    if (key !== groupKey) {
      groupKey = key;
      change = null;
      group = code;
      if (key) {
        const level = here.some((each) => each.level === "error") ? "error" : here[0].level;
        group = el("mark", { class: `seen l-${level}`, tabindex: "0", "data-seen": key, "aria-describedby": key });
        code.append(group);
      }
    }
    const changed = differs(start);
    if (changed && !change) group.append((change = el(tag)));
    if (!changed) change = null;
    const name = coloured(start);
    const piece = text.slice(start, end);
    (change ?? group).append(name ? el("span", { class: name }, piece) : piece);
  }
  return code;
}

/** Cuts at the runs' ends are added; a function that gives the value at a place is returned. */
function spans(runs, cuts) {
  const starts = [];
  let at = 0;
  for (const [value, run] of runs) {
    starts.push([at, value]);
    at += run.length;
    cuts.add(at);
  }
  let next = 0; // places are asked for in rising order
  return (place) => {
    while (next + 1 < starts.length && starts[next + 1][0] <= place) next += 1;
    return starts[next]?.[1];
  };
}
