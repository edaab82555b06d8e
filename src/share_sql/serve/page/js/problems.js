// What failed, and what to do about it. Nothing that was typed is lost by any of it.
import { button, count, el, say, sentence } from "./dom.js";
import { useToken } from "./api.js";

const TODO = {
  "unreachable": "Your draft is kept. See whether the service runs, then try again.",
  "broken": "Your draft is kept. What came until then is shown below. Try again.",
  400: "Change the request and try again.",
  403: "The service does not allow this.",
  404: "Choose another database; the list may have changed.",
  413: "The draft is too long for this service. Shorten it.",
  421: "Open the page under the address that the service was started for.",
  422: "Change what is named and try again.",
  500: "This is a fault of the service. Your draft is kept; the service's log says more.",
  503: "Your draft is kept. Try again in a moment.",
  504: "It took too long. Ask for less, or try again later.",
};

/**
 * A problem as a card.
 * @param {Error} problem
 * @param {() => void} again what was tried, once more
 * @returns {HTMLElement} with `stop()`, which ends what it waits for
 */
export function problemCard(problem, again) {
  const card = el("div", { class: "card problem", role: "alert" });
  if (problem.status === 401) card.append(...tokenForm(problem, again));
  else card.append(...told(problem, again, card));
  return card;
}

function told(problem, again, card) {
  const todo = TODO[problem.name] ?? TODO[problem.status] ?? "Your draft is kept.";
  const errors = problem.errors?.slice(0, 8).map((each) =>
    el("li", { dir: "auto" }, typeof each === "string" ? each : [[each.place ?? []].flat().join("."), each.message ?? each.detail].filter(Boolean).join(": ")));
  const retry = button("Try again", () => again());
  const parts = [
    el("p", { class: "problem-title" }, el("b", {}, title(problem))),
    el("p", { dir: "auto" }, sentence(problem.message)),
    errors?.length ? el("ul", {}, errors) : null,
    el("p", { class: "note" }, todo),
    el("div", { class: "actions" }, retry),
  ];
  if (problem.retryAfter) countDown(problem.retryAfter, retry, card);
  return parts.filter(Boolean);
}

function title(problem) {
  if (problem.name === "unreachable") return "No answer";
  if (problem.name === "broken") return "Broken off";
  if (problem.status === 429) return "Too many requests";
  if (problem.status === 503) return "Not available now";
  return problem.document?.title ?? "It failed";
}

/** A server's wait is honoured: the button counts down and then works. */
function countDown(seconds, retry, card) {
  let left = Math.min(seconds, 3600);
  retry.disabled = true;
  const tick = () => {
    retry.textContent = left > 0 ? `Try again in ${count(left, "second")}` : "Try again";
    retry.disabled = left > 0;
    if (left <= 0 || (left < seconds && !card.isConnected)) {
      clearInterval(timer);
      if (left <= 0) say("You can try again now.");
    }
    left -= 1;
  };
  const timer = setInterval(tick, 1000);
  tick();
}

function tokenForm(problem, again) {
  const input = el("input", { id: "token", type: "password", autocomplete: "off", required: true, spellcheck: "false" });
  const form = el("form", { class: "actions", on: { submit: (event) => {
    event.preventDefault();
    useToken(input.value);
    input.value = "";
    again();
  } } }, el("label", { for: "token" }, "Token"), input, el("button", { type: "submit", class: "primary" }, "Use it"));
  return [
    el("p", { class: "problem-title" }, el("b", {}, problem.tokenSent ? "That is not the token" : "This service asks for a token")),
    el("p", { class: "note" }, "Whoever runs it has one. It is kept in this page's memory alone: a reload asks again."),
    form,
  ];
}
