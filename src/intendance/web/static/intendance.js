// Theme, copy, stale notice, keyboard. Every page works without them.
(function () {
  const root = document.documentElement;
  let kept = null; try { kept = localStorage.getItem("theme") } catch (refused) { kept = null }
  if (kept && !root.dataset.theme) root.dataset.theme = kept;

  const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme:dark)").matches ? "dark" : "light")) === "dark";
  addEventListener("click", event => {
    const button = event.target.closest("button"); if (!button) return;
    if ("themeToggle" in button.dataset) {
      root.dataset.theme = dark() ? "light" : "dark";
      try { localStorage.setItem("theme", root.dataset.theme) } catch (refused) { /* for this page alone, then */ }
    }
    if ("copy" in button.dataset && navigator.clipboard) {
      const word = button.querySelector("span"), said = word.textContent;
      navigator.clipboard.writeText(button.previousElementSibling.textContent);
      word.textContent = button.dataset.copied; setTimeout(() => { word.textContent = said }, 1500);
    }
  });

  let at = -1;
  addEventListener("keydown", event => {
    if (/INPUT|TEXTAREA|SELECT/.test(event.target.tagName) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key !== "j" && event.key !== "k") return;
    const rows = [...document.querySelectorAll(".entry")];
    const here = rows.findIndex(row => row.contains(document.activeElement));
    if (here >= 0) at = here; // Tab and a click move it, too, and a page that changed has other rows
    at = Math.max(0, Math.min(rows.length - 1, at + (event.key === "j" ? 1 : -1)));
    const first = rows[at] && rows[at].querySelector("a,button,summary"); if (first) first.focus();
  });

  // A page that is no longer refreshed, or whose judge has stopped, must not be believed.
  const limit = 120000; let heard = Date.now();
  const look = () => {
    const main = document.getElementById("content"); if (!main || !main.dataset.judged) return;
    const stale = Date.now() - heard > limit || "stopped" in main.dataset;
    if (stale) root.dataset.stale = ""; else delete root.dataset.stale;
  };
  for (const each of ["htmx:after:swap", "htmx:sse:after:message"]) addEventListener(each, () => { heard = Date.now(); look() });
  addEventListener("over", () => location.reload());
  addEventListener("DOMContentLoaded", () => setInterval(look, 5000));
})();
