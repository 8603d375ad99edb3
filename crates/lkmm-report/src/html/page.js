"use strict";
(() => {
  const pages = [...document.querySelectorAll("figure")];
  const [back, on] = ["back", "on"].map((id) => document.getElementById(id));
  const picker = document.getElementById("picker");
  const rule = document.getElementById("rule");
  const cycle = document.getElementById("cycle");
  const toggles = [...document.querySelectorAll("input[data-toggle]")];
  const hint = rule.textContent;
  let current = 0;

  // Shows one execution.
  function show(number) {
    current = Math.max(0, Math.min(pages.length - 1, number));
    pages.forEach((page, n) => { page.hidden = n !== current; });
    picker.value = String(current);
    back.disabled = current === 0;
    on.disabled = current === pages.length - 1;
    cycle.disabled = !pages[current].querySelector("[data-bold]");
    tell(null);
    choose();
    try { history.replaceState(null, "", "#" + (current + 1)); } catch { /* some viewers have no history */ }
  }

  // Hides and shows arrows.
  function choose() {
    const off = new Set(toggles.filter((toggle) => !toggle.checked).map((toggle) => toggle.dataset.toggle));
    document.querySelectorAll("[data-name]").forEach((part) => part.classList.toggle("off", off.has(part.dataset.name)));
    pages[current].classList.toggle("only", cycle.checked && !cycle.disabled);
  }

  // Says why an arrow is there.
  function tell(part) {
    document.querySelectorAll(".lit").forEach((lit) => lit.classList.remove("lit"));
    const number = part && part.dataset.edge;
    const parts = part ? [...pages[current].querySelectorAll(`[data-edge="${number}"]`)] : [];
    parts.forEach((other) => other.classList.add("lit"));
    const arrow = parts.find((other) => other.hasAttribute("aria-label"));
    rule.textContent = arrow ? arrow.getAttribute("aria-label") : hint;
  }

  const edge = (event) => event.target.closest && event.target.closest("[data-edge]");
  for (const kind of ["pointerover", "focusin"]) {
    document.addEventListener(kind, (event) => { if (edge(event)) tell(edge(event)); });
  }
  for (const kind of ["pointerout", "focusout"]) {
    document.addEventListener(kind, (event) => { if (edge(event)) tell(null); });
  }
  document.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: current - 1, ArrowRight: current + 1, Home: 0, End: pages.length - 1 };
    if (!(event.key in steps) || event.target === picker || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    show(steps[event.key]);
  });
  back.addEventListener("click", () => show(current - 1));
  on.addEventListener("click", () => show(current + 1));
  picker.addEventListener("change", () => show(Number(picker.value)));
  [...toggles, cycle].forEach((toggle) => toggle.addEventListener("change", choose));
  const start = () => show((Number(location.hash.slice(1)) || Number(document.body.dataset.start) + 1) - 1);
  window.addEventListener("hashchange", start);
  start();
})();
