// What a page is asked about itself. An expression: an object of functions.
(() => {
  const figure = () => [...document.querySelectorAll("figure")].find((page) => !page.hidden);
  const is_seen = (part) => getComputedStyle(part).display !== "none";
  const parts = (name) => [...figure().querySelectorAll("g.edge")]
    .filter((part) => name === undefined || part.dataset.name === name);
  const arrows = () => parts().filter(is_seen);
  const area = (part) => part.getBoundingClientRect();
  const shared = (a, b) =>
    Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left)) *
    Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));
  return {
    figure,
    parts,
    arrows,
    // The number of the picture that is shown.
    shown() {
      const pages = [...document.querySelectorAll("figure")];
      const seen = pages.filter((page) => getComputedStyle(page).display !== "none");
      const number = pages.indexOf(seen[0]);
      const listed = Number(document.getElementById("picker").value);
      return seen.length === 1 && listed === number ? number : `${seen.length} are shown, the list is at ${listed}`;
    },
    names: () => [...document.querySelectorAll("[data-toggle]")].map((toggle) => toggle.dataset.toggle),
    toggle: (name) => [...document.querySelectorAll("[data-toggle]")].find((toggle) => toggle.dataset.toggle === name),
    visible: (name) => parts(name).filter(is_seen).length,
    said: (number) => arrows()[number].getAttribute("aria-label"),
    // The middle of an element, on the screen.
    middle(part) {
      part.scrollIntoView({ block: "center", inline: "center" });
      const { left, right, top, bottom } = area(part);
      return { x: (left + right) / 2, y: (top + bottom) / 2 };
    },
    // A place on the screen where an arrow is, and nothing else. None if all of it is under others.
    point(number) {
      const arrow = arrows()[number];
      const line = arrow.querySelector(".hit");
      arrow.scrollIntoView({ block: "center", inline: "center" });
      const to_screen = line.getScreenCTM();
      for (let part = 0.1; part < 0.95; part += 0.05) {
        const { x, y } = line.getPointAtLength(line.getTotalLength() * part).matrixTransform(to_screen);
        const there = document.elementFromPoint(x, y);
        const found = there && there.closest("[data-edge]");
        if (found && found.dataset.edge === arrow.dataset.edge) return { x, y };
      }
      return null;
    },
    // What lies upon each other, or out of its box.
    overlaps(root) {
      const wrong = [];
      const labels = [...root.querySelectorAll(".label")].filter(is_seen);
      const boxes = [...root.querySelectorAll(".box, .marked, .ending")].map(area);
      labels.forEach((label, n) => {
        const own = area(label);
        const large = own.width * own.height;
        for (const other of labels.slice(n + 1)) {
          if (shared(own, area(other)) > large * 0.25) wrong.push(`${label.textContent} lies on ${other.textContent}`);
        }
        if (boxes.some((box) => shared(own, box) > large * 0.3)) wrong.push(`${label.textContent} lies on a box`);
      });
      for (const text of root.querySelectorAll(".what, .end, .where")) {
        const own = area(text);
        const middle = { x: (own.left + own.right) / 2, y: (own.top + own.bottom) / 2 };
        const box = boxes.find((box) => box.left <= middle.x && middle.x <= box.right && box.top <= middle.y && middle.y <= box.bottom);
        if (box && (own.left < box.left || own.right > box.right)) wrong.push(`${text.textContent} does not fit`);
      }
      const paper = area(root.querySelector(".paper"));
      for (const text of root.querySelectorAll("text")) {
        const own = area(text);
        if (is_seen(text) && (own.left < paper.left || own.right > paper.right || own.bottom > paper.bottom)) {
          wrong.push(`${text.textContent} does not fit on the paper`);
        }
      }
      return wrong;
    },
  };
})()
