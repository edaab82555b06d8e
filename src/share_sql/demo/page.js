"use strict";
// The page is complete without this: it only adds filtering by outcome and by text.
const nav = document.querySelector(".filters");
const cases = [...document.querySelectorAll(".cases > li")];
const search = nav.querySelector("input");
const fold = nav.querySelector(".fold");
const chips = [...nav.querySelectorAll("[data-show]")];
const texts = new Map(cases.map((item) => [item, item.textContent.toLowerCase()]));
let shown = "";

function apply() {
  const wanted = search.value.trim().toLowerCase();
  let found = 0;
  for (const item of cases) {
    item.hidden = (shown !== "" && item.dataset.outcome !== shown) || !texts.get(item).includes(wanted);
    found += item.hidden ? 0 : 1;
  }
  document.querySelector(".empty").hidden = found > 0;
}

for (const chip of chips) {
  chip.addEventListener("click", () => {
    shown = chip.dataset.show;
    for (const other of chips) other.setAttribute("aria-pressed", String(other === chip));
    apply();
  });
}
search.addEventListener("input", apply);
fold.addEventListener("click", () => {
  const open = fold.dataset.open !== "true";
  for (const item of cases) item.querySelector("details").open = open;
  fold.dataset.open = String(open);
  fold.textContent = open ? "Close all" : "Open all";
});
nav.hidden = false;
