// Making elements. Text is always set as text, so no name can become markup.

const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);

function build(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value);
  }
  for (const child of children) node.append(child);
  return node;
}

const svg = (tag, attributes = {}, ...children) =>
  build(document.createElementNS(SVG, tag), attributes, children);
const html = (tag, attributes = {}, ...children) =>
  build(document.createElement(tag), attributes, children);

// What an element has to tell: lines for the tip, the first of them its name.
const told = new WeakMap();

// An item of a picture: it tells its lines when it is hovered or focused, and may be pressed.
function item(node, lines, { press = null, key = "" } = {}) {
  node.setAttribute("role", press ? "button" : "img");
  node.setAttribute("tabindex", "-1");
  node.setAttribute("aria-label", lines.join("; "));
  if (key) node.dataset.key = key;
  told.set(node, lines);
  if (press) {
    node.addEventListener("click", press);
    node.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        press();
      }
    });
  }
  return node;
}

// One stop of the tab key for a whole picture; up, down, Home and End move inside it.
function roving(box) {
  const found = (what) => [...box.querySelectorAll(what)];
  const items = [...found(".strand"), ...found("[data-key]:not(.strand)")];  // gradients first
  if (items.length) items[0].setAttribute("tabindex", "0");
  box.onkeydown = (event) => {
    const i = items.indexOf(document.activeElement);
    const goal = { ArrowDown: i + 1, ArrowUp: i - 1, Home: 0, End: items.length - 1 }[event.key];
    if (i < 0 || goal === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    items[Math.max(0, Math.min(items.length - 1, goal))].focus();
  };
}

function showTip(lines, x, y) {
  const tip = byId("tip");
  const [first, ...others] = lines;
  tip.replaceChildren(html("b", {}, first), ...others.map((line) => html("div", {}, line)));
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - width - 8))}px`;
  tip.style.top = `${y + 18 + height < innerHeight ? y + 18 : Math.max(8, y - height - 12)}px`;
}

const hideTip = () => { byId("tip").hidden = true; };

function teller(target) {
  const node = target instanceof Element ? target.closest("[data-tells], [aria-label]") : null;
  return node && told.has(node) ? node : null;
}

document.addEventListener("pointermove", (event) => {
  const node = teller(event.target);
  if (node) showTip(told.get(node), event.clientX, event.clientY);
  else if (!teller(document.activeElement) && !event.target.closest?.(".heat, .weight")) hideTip();
});
// While the event is on its way down, so that the heat map and the bars, which tell for
// themselves, speak last.
document.addEventListener("focus", (event) => {
  const node = teller(event.target);
  if (!node) return hideTip();
  const box = node.getBoundingClientRect();
  const x = box.left + Math.min(box.width / 2, 200);
  showTip(told.get(node), x, Math.min(box.bottom - 10, innerHeight - 60));
}, true);
