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

// Runs of a text in turn: one that both sides have, one that this side alone has, and so on.
function marked(text, lengths, name) {
  const pre = make("pre");
  if (!lengths) { pre.textContent = text || "–"; return pre; }
  let at = 0;
  lengths.forEach((length, turn) => {
    const part = text.slice(at, at + length);
    at += length;
    if (part) pre.append(turn % 2 ? make(name, part) : part);
  });
  pre.append(text.slice(at));
  return pre;
}

function block(title, pre) {
  const part = make("div");
  part.append(make("h3", title), pre);
  return part;
}

function plain(text) { return make("pre", text || "–"); }

function pair(...blocks) {
  const part = make("div", undefined, "pair");
  part.append(...blocks);
  return part;
}

function line(title, text) {
  const part = make("p");
  part.append(make("b", title), text);
  return part;
}

function fill(details, found) {
  const body = make("div", undefined, "body");
  if (found.question) body.append(line("Question", found.question));
  if (found.reason) body.append(line("Why", found.reason));
  const texts = [], results = [];
  if (found.draft) {
    texts.push(block("Draft", marked(found.draft, found.marks[0], "del")));
    if (found.draftResult) results.push(block("The draft's result", plain(found.draftResult)));
  }
  texts.push(block(found.draft ? "Corrected" : "SQL", marked(found.sql, found.marks[1], "ins")));
  results.push(block("Its result", plain(found.result)), block("Gold's result", plain(found.goldResult)));
  texts.push(block("Gold", plain(found.gold)));
  body.append(pair(...texts), pair(...results));
  if (found.changes.length) body.append(pair(block("What changed, step by step", plain(found.changes.join("\n")))));
  const scores = Object.entries(found.scores).map(([name, value]) => `${name} ${value}`);
  if (found.confidence !== null) scores.push(`confidence ${found.confidence}`);
  body.append(line("Scores", scores.join(", ")));
  details.append(body);
}

for (const found of cases) {
  const details = make("details", undefined, "case " + (found.right ? "right" : "wrong"));
  const summary = make("summary");
  summary.append(make("span", `${found.id} · ${found.database}`, "id"), found.question || found.sql.slice(0, 120));
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
