// Light or dark: the system's choice, until the user makes one.
import { byId } from "./dom.js";

/** Let the switch work. */
export function wireTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const now = () => document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");
  const label = () => {
    byId("theme").textContent = now() === "dark" ? "Light" : "Dark";
    byId("theme").setAttribute("aria-label", `Use the ${now() === "dark" ? "light" : "dark"} theme`);
  };
  byId("theme").addEventListener("click", () => {
    const chosen = now() === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = chosen;
    try {
      localStorage.setItem("share-theme", chosen);
    } catch {
      // Storage is off: the choice holds until a reload.
    }
    label();
  });
  dark.addEventListener("change", label);
  label();
}
