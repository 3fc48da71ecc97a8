// What is wrong with the page as it is shown: a list of sentences, empty where nothing is. Run in
// the page by the test, which fails with the list.
const faults = [];
const fault = (said, node) => faults.push(said + (node ? ": " + node.outerHTML.slice(0, 160) : ""));
const all = (selector) => [...document.querySelectorAll(selector)];
const isShown = (node) => node.checkVisibility() && node.getClientRects().length > 0;
// What is cut to a pixel is for those who listen.
const isSeen = (node) => isShown(node) && !node.closest(".hidden") && (() => {
  for (let at = node; at; at = at.parentElement) if (getComputedStyle(at).clipPath === "inset(50%)") return false;
  return true;
})();

// The page has a language, a title, and each landmark once.
if (!document.documentElement.lang) fault("no language");
if (!document.title) fault("no title");
for (const landmark of ["main", "header", "h1"]) if (all(landmark).length !== 1) fault("not one " + landmark);

// Headings go down one step at a time.
let level = 0;
for (const heading of all("h1, h2, h3, h4").filter(isShown)) {
  const next = Number(heading.tagName[1]);
  if (next > level + 1) fault("a heading that leaves out a step", heading);
  if (!heading.textContent.trim()) fault("a heading without words", heading);
  level = next;
}

// Whatever can be used has a name, and is large enough to hit.
for (const control of all("button, a[href], input").filter(isSeen)) {
  const label = control.labels && [...control.labels].map((one) => one.textContent).join("");
  if (!(label || control.textContent || control.getAttribute("aria-label") || "").trim()) fault("no name", control);
  const box = (control.closest("label") || control).getBoundingClientRect();
  if (control.tagName !== "A" && Math.min(box.width, box.height) < 24) fault("too small", control);
}

// Ids are there once, and what is named by id is there.
const ids = all("[id]").map((node) => node.id);
for (const id of new Set(ids)) if (ids.filter((other) => other === id).length > 1) fault("twice the id " + id);
for (const name of ["aria-labelledby", "aria-describedby", "for"]) {
  for (const node of all("[" + name + "]")) {
    for (const id of node.getAttribute(name).split(/\s+/)) if (!ids.includes(id)) fault("no " + id, node);
  }
}
for (const link of all("a[href^='#']")) if (!ids.includes(link.getAttribute("href").slice(1))) fault("leads nowhere", link);
for (const section of all("section")) if (!section.getAttribute("aria-labelledby")) fault("a section without a name", section);

// Tables have a caption, and their heads say of what; roles stay when a narrow screen changes how
// they are laid out.
for (const table of all("table").filter(isShown)) {
  if (!table.caption || !table.caption.textContent.trim()) fault("a table without a caption", table);
  for (const head of table.querySelectorAll("th")) {
    if (!head.scope || !head.textContent.trim()) fault("a head that heads nothing", head);
  }
  const roles = [["tr", "row"], ["td", "cell"], ["thead, tbody", "rowgroup"], ["thead th", "columnheader"], ["tbody th", "rowheader"]];
  for (const [selector, role] of roles) {
    for (const part of table.querySelectorAll(selector)) if (part.getAttribute("role") !== role) fault("not the role " + role, part);
  }
}
if (all(".state").filter(isShown).some((state) => !state.textContent.trim())) fault("a state by colour alone");
for (const live of all("[aria-live], [role=status], [role=alert]")) if (live.querySelector("time")) fault("a clock that is read aloud", live);

// Text stands out from what is behind it, as WCAG 2 AA has it.
const channels = (color) => (color.match(/[\d.]+/g) || []).map(Number);
const luminance = (color) => {
  const [r, g, b] = channels(color).map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (node) => {
  for (let at = node; at; at = at.parentElement) {
    const color = getComputedStyle(at).backgroundColor;
    const alpha = channels(color)[3];
    if (alpha === undefined || alpha === 1) return color;
    if (alpha !== 0) fault("a ground that shines through", at);
  }
  return "rgb(255, 255, 255)";
};
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const node = texts.currentNode.parentElement;
  if (!texts.currentNode.data.trim() || !isSeen(node) || node.closest("script, style, .skip")) continue;
  const style = getComputedStyle(node);
  const [light, dark] = [luminance(style.color), luminance(behind(node))].sort((a, b) => b - a);
  const size = parseFloat(style.fontSize);
  const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  const ratio = (light + 0.05) / (dark + 0.05);
  if (ratio < (isLarge ? 3 : 4.5)) fault("a contrast of " + ratio.toFixed(2), node);
}

// Nothing has to be scrolled to the side.
const width = document.documentElement.clientWidth;
if (document.documentElement.scrollWidth > width) {
  fault("wider than the window: " + document.documentElement.scrollWidth + " of " + width);
  for (const node of all("main *")) {
    if (isSeen(node) && node.getBoundingClientRect().right > width) { fault("stands out", node); break; }
  }
}
return faults;
