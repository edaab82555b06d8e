// The page: a form, and what came of it.
import * as api from "./api.js";
import { byId, el, fill, say } from "./dom.js";
import { checkCard } from "./check.js";
import { compareCard } from "./compare.js";
import { asked, put, restored, wireForm } from "./form.js";
import { problemCard } from "./problems.js";
import { rowsCard } from "./rows.js";
import { showSchema, wireSchema } from "./schema.js";
import { seenByCorrection, tips, useKinds } from "./seen.js";
import { stageView } from "./stages.js";
import { wireTheme } from "./theme.js";
import { trajectoryCard } from "./trajectory.js";
import { verdictCard } from "./verdict.js";

const STARTS = 6; // examples to begin with
const result = byId("result");
let work = null; // what is under way
let shown = new AbortController(); // ends with the result that is shown

/** One thing at a time: a button's work, with its errors shown; `again` tries it once more. */
async function doing(act, again) {
  if (work) return;
  const own = new AbortController();
  work = own;
  busy(true);
  shown.abort();
  shown = new AbortController();
  for (const id of ["notice", "problem", "result", "start"]) fill(byId(id));
  try {
    await act(own.signal);
  } catch (error) {
    if (own.signal.aborted) say("Cancelled");
    else failed(error, again);
  } finally {
    work = null;
    busy(false);
  }
}

function busy(now) {
  for (const id of ["correct", "check"]) byId(id).setAttribute("aria-disabled", String(now));
  if (!now && document.activeElement === byId("cancel")) byId("correct").focus();
  byId("cancel").hidden = !now;
  byId("working").textContent = now ? "working …" : "";
  byId("case").setAttribute("aria-busy", String(now));
}

function failed(error, again) {
  if (!(error instanceof api.Problem)) console.error(error);
  const problem = error instanceof api.Problem ? error
    : new api.Problem({ detail: "The page itself failed; the browser's console says how.", title: "A fault of the page" });
  const card = problemCard(problem, again);
  const locked = problem.status === 401;
  fill(byId(locked ? "notice" : "problem"), card);
  if (locked) byId("api").hidden = true; // a link cannot bring the token
  card.querySelector("input")?.focus();
}

/** Whether there is something to work on; the first field that lacks is pointed at. */
function ready() {
  const form = byId("case");
  return form.reportValidity();
}

function correct() {
  if (!ready()) return;
  const body = asked();
  doing(async (signal) => {
    const stages = stageView();
    fill(result, stages.root);
    byId("live").textContent = "Correcting";
    let finished = false;
    try {
      const correction = await api.correct(body, signal, (stage) => stages.ended(stage));
      finished = true;
      stages.finished();
      show(correction, stages);
    } catch (error) {
      if (!finished) stages.finished(signal.aborted ? "cancelled" : "ended early");
      if (!finished && !signal.aborted && !stages.any) stages.root.remove();
      if (error.correction) show(error.correction, stages);
      throw error;
    }
  }, correct);
}

function show(correction, stages) {
  const { signal } = shown;
  const seen = seenByCorrection(correction);
  const again = (sql) => { put({ draft: sql }); correct(); };
  const use = (sql) => { put({ draft: sql }); byId("draft").focus(); };
  const act = {
    accept: () => put({ draft: correction.sql }),
    keep: () => put({ draft: correction.draft }),
    edit: () => use(correction.sql),
  };
  fill(result,
    verdictCard(correction, act), compareCard(correction, seen, use),
    rowsCard(correction, stages.sql ?? correction.draft, signal), trajectoryCard(correction, again), stages.root);
  tips(result);
  say(`${correction.verdict}: ${correction.reason}`);
  reveal();
}

function check() {
  if (!ready()) return;
  const body = asked();
  doing(async (signal) => {
    say("Checking");
    const checked = await api.check(body, signal);
    fill(result, checkCard(body.draft, checked, (sql) => { put({ draft: sql }); byId("draft").focus(); }));
    tips(result);
    say(checked.runs ? "Checked: it runs" : "Checked: it does not run");
    reveal();
  }, check);
}

/** Bring the result's top into sight where it is below the window. */
function reveal() {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (result.getBoundingClientRect().top > innerHeight * 0.75) {
    result.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "start" });
  }
}

/** Ask what there is to choose from. */
async function load() {
  for (const id of ["notice", "problem"]) fill(byId(id));
  try {
    const [databases, examples, kinds] = await Promise.all([api.databases(), api.examples(), api.kinds()]);
    useKinds(kinds);
    fill(byId("database"), databases.map((each) => el("option", { value: each.name }, each.name)));
    offer(examples);
    const kept = restored();
    if (!databases.some((each) => each.name === kept.database)) delete kept.database;
    put(kept);
    if (!databases.length) throw new api.Problem({ title: "No databases", detail: "The service has no databases; its settings name them." });
    await showSchema(byId("database").value);
  } catch (error) {
    failed(error, load);
  }
}

function offer(examples) {
  const choose = byId("example");
  byId("example-label").hidden = !examples.length;
  fill(choose, el("option", { value: "" }, "Pick one to try"),
    examples.map((each, i) => el("option", { value: String(i) }, each.question)));
  const pick = (picked) => {
    const elsewhere = byId("database").value !== picked.database;
    byId("evidence-fold").open = Boolean(picked.evidence);
    put(picked);
    if (elsewhere) showSchema(picked.database).catch((error) => failed(error, load));
  };
  choose.onchange = () => { if (choose.value !== "") pick(examples[Number(choose.value)]); };
  fill(byId("start"), ...(examples.length && !result.firstChild ? starts(examples, pick) : []));
}

/** What to begin with: a few examples, until there is a result. */
function starts(examples, pick) {
  return [
    el("h2", {}, "Or begin with one of these"),
    el("p", { class: "note" }, "Drafts as language models write them: some are right, some are not."),
    el("ul", { class: "starts" }, examples.slice(0, STARTS).map((each) => el("li", {},
      el("button", { type: "button", on: { click: () => { pick(each); correct(); byId("correct").focus(); } } },
        el("b", { dir: "auto" }, each.question), el("code", { dir: "ltr" }, each.draft))))),
  ];
}

function wire() {
  wireTheme();
  wireForm();
  wireSchema();
  byId("case").addEventListener("submit", (event) => { event.preventDefault(); correct(); });
  byId("check").addEventListener("click", check);
  byId("cancel").addEventListener("click", () => { work?.abort(); byId("correct").focus(); });
  byId("database").addEventListener("change", () => showSchema(byId("database").value).catch((error) => failed(error, load)));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.target.closest?.("#result")) {
      event.preventDefault();
      correct();
    } else if (event.key === "Escape" && work) work.abort();
  });
}

wire();
put(restored()); // what was typed is there even while the service is not
load();
