// Elements, made of text only: nothing that comes from a model or a database is ever read as markup.

/**
 * Make an element.
 * @param {string} tag its name
 * @param {object} props attributes; `class`, and `on` with listeners; what is null or false is left out
 * @param {...(Node|string|null|false|Array)} children nodes, and texts that stay texts
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "on") for (const [event, act] of Object.entries(value)) node.addEventListener(event, act);
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  node.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** The element of this id, which the page has. */
export const byId = (id) => document.getElementById(id);

/** Put these in place of what a node holds. */
export function fill(node, ...children) {
  node.replaceChildren(...children.flat(3).filter(Boolean));
}

/** A button. */
export const button = (text, act, props = {}) => el("button", { type: "button", on: { click: act }, ...props }, text);

/** A heading with a card below it. */
export function section(id, title, aside, ...children) {
  return el("section", { class: "card", id, "aria-labelledby": `${id}-title` },
    el("div", { class: "head" }, el("h2", { id: `${id}-title` }, title), aside), ...children);
}

/** `1 row`, `2 rows`. */
export const count = (n, one, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

/** A line of the service's with a capital where it begins with a word of its own; names are left as they are. */
export const sentence = (text) =>
  text.replace(/^(the|its?|there|no|a|an|every|each|nothing|both|ask) /, (word) => word[0].toUpperCase() + word.slice(1));

/** A time for people. */
export function duration(seconds) {
  if (seconds < 0.001) return "<1 ms";
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
}

/** Say something to those who hear the page. */
export function say(text) {
  byId("live").textContent = text;
}

let copied;

/** Copy a text; the button tells that it was done. */
export async function copy(text, pressed) {
  const label = pressed.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // No clipboard without https, except on this machine: the old way still works there.
    const area = el("textarea", { class: "hidden", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    pressed.focus();
    if (!done) return say("The browser does not let the page copy.");
  }
  pressed.textContent = "Copied";
  say("Copied");
  clearTimeout(copied);
  copied = setTimeout(() => { pressed.textContent = label; }, 1500);
}
