"use strict";
// Every text from a database or a model goes into the page as text, never as markup.
const cases = JSON.parse(document.getElementById("data").textContent);
const list = document.getElementById("list");
const controls = ["search", "state", "move", "level", "database"].map((id) => document.getElementById(id));

function make(tag, text, name) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (name) element.className = name;
  return element;
}

function block(title, text) {
  const part = make("div");
  part.append(make("h3", title), make("pre", text || "–"));
  return part;
}

function fill(details, found) {
  const body = make("div", undefined, "body");
  if (found.question) body.append(block("question", found.question));
  if (found.reason) body.append(block("reason", found.reason));
  if (found.draft) body.append(block("draft", found.draft));
  body.append(block(found.draft ? "corrected SQL" : "SQL", found.sql), block("gold", found.gold));
  if (found.changes.length) body.append(block("what changed", found.changes.join("\n")));
  body.append(block("its result", found.result), block("the gold's result", found.goldResult));
  const scores = Object.entries(found.scores).map(([name, value]) => `${name}: ${value}`);
  if (found.confidence !== null) scores.push(`confidence: ${found.confidence}`);
  body.append(block("scores", scores.join("\n")));
  details.append(body);
}

for (const found of cases) {
  const details = make("details", undefined, "case " + (found.right ? "right" : "wrong"));
  const summary = make("summary", `${found.id} · ${found.database} · ${found.question || found.sql.slice(0, 120)}`);
  for (const tag of [found.move, found.verdict, found.difficulty]) {
    if (tag) summary.append(make("span", tag, "tag " + tag));
  }
  details.append(summary);
  details.addEventListener("toggle", () => { if (details.open && !details.dataset.full) { details.dataset.full = "1"; fill(details, found); } });
  found.element = details;
  found.text = [found.id, found.question, found.draft, found.sql, found.gold, found.reason].join("\n").toLowerCase();
  list.append(details);
}

for (const [id, key] of [["level", "difficulty"], ["database", "database"]]) {
  const select = document.getElementById(id);
  for (const value of [...new Set(cases.map((found) => found[key]).filter(Boolean))]) select.append(new Option(value, value));
  select.hidden = select.options.length < 3;
}
document.getElementById("move").hidden = !cases.some((found) => found.move);

function show() {
  const [search, state, move, level, database] = controls.map((control) => control.value);
  let count = 0;
  for (const found of cases) {
    const wanted = (!search || found.text.includes(search.toLowerCase()))
      && (!state || (state === "right") === found.right)
      && (!move || found.move === move)
      && (!level || found.difficulty === level)
      && (!database || found.database === database);
    found.element.hidden = !wanted;
    count += wanted;
  }
  document.getElementById("count").textContent = `${count} of ${cases.length} cases`;
}
for (const control of controls) control.addEventListener("input", show);
show();
