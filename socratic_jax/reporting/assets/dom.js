"use strict";
// Elements, numbers as text, and unpacking. Texts of the study only ever become text nodes.

const DATA = JSON.parse(document.getElementById("data").textContent);

/** An element; properties that start with "on" are listeners, children are nodes or texts. */
function h(tag, properties = {}, ...children) {
  return filled(document.createElement(tag), properties, children);
}

/** The same for SVG. */
function s(tag, properties = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);
}

function filled(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A select; `options` are [value, text] or {group, options}. */
function select(name, options, value, onchange) {
  const option = ([v, text]) => h("option", { value: v, selected: String(v) === String(value) }, text);
  return h("select", { name, "aria-label": name, onchange: (event) => onchange(event.target.value) },
    options.map((o) => (Array.isArray(o) ? option(o) : h("optgroup", { label: o.group }, o.options.map(option)))));
}

const percent = (share) => (100 * share).toFixed(1);
const known = (value, show) => (value === null ? "" : show(value));
const count = (n) => n.toLocaleString("en-US");
const pValue = (p) => (p < 1e-4 ? "< 0.0001" : p.toFixed(4));
const signed = (share) => (share < 0 ? "−" : "+") + percent(Math.abs(share));
const several = (n, what) => `${count(n)} ${what}${n === 1 ? "" : "s"}`;

function duration(seconds) {
  if (seconds < 100) return `${seconds.toFixed(0)} s`;
  return seconds < 6000 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** The files that a number came from. */
function files(names, note = "") {
  return h("details", {}, h("summary", {}, names.length === 1 ? "file" : `${names.length} files`),
    h("ul", {}, names.map((name) => h("li", {}, h("code", {}, name)))), note);
}

const unpacked = new Map();

/** The value of a packed block of the page; a promise, made once. */
function unpack(name) {
  if (!unpacked.has(name)) unpacked.set(name, inflate(document.getElementById(name).textContent));
  return unpacked.get(name);
}

async function inflate(base64) {
  const bytes = Uint8Array.from(atob(base64.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

// Strategies look the same on every page, and in the plots beside it.
const NAMES = Object.keys(DATA.strategies);
const LOOKS = Object.fromEntries(DATA.looks.map((look) => [look.strategy, look]));
const color = (strategy) => `var(--c${LOOKS[strategy].color})`;
const dashes = (strategy) => LOOKS[strategy].dash.map((width) => 1.5 * width).join(" ") || null;
const filling = (strategy) => (LOOKS[strategy].filled ? color(strategy) : "var(--card)");
/** A name that may be broken after an underscore. */
const breakable = (name) => name.split(/(?<=_)/).flatMap((part, i) => (i ? [h("wbr"), part] : [part]));
const title = (strategy) => {
  const { oracle, baseline } = DATA.strategies[strategy] ?? {};
  return oracle ? `${strategy} (oracle)` : baseline ? `${strategy} (baseline)` : strategy;
};

const SHAPES = [
  "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0", "M-3.7,-3.7h7.4v7.4h-7.4z", "M0,-4.8L4.6,3.4H-4.6z", "M0,-5L5,0L0,5L-5,0z",
  "M0,4.8L4.6,-3.4H-4.6z", "M-1.5,-4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3z", "M0,-5L1.4,-1.4L5,0L1.4,1.4L0,5L-1.4,1.4L-5,0L-1.4,-1.4z",
  "M0,-5L4.8,-1.5L2.9,4H-2.9L-4.8,-1.5z", "M-4.5,-3L-3,-4.5L0,-1.5L3,-4.5L4.5,-3L1.5,0L4.5,3L3,4.5L0,1.5L-3,4.5L-4.5,3L-1.5,0z",
];
const shape = (strategy) => SHAPES[LOOKS[strategy].marker];
const glyph = (strategy, at) =>
  s("path", { d: shape(strategy), fill: filling(strategy), stroke: color(strategy), "stroke-width": 1.2, transform: at });

function sign(strategy) {
  return s("svg", { class: "sign", viewBox: "-6 -6 12 12", "aria-hidden": "true" },
    glyph(strategy));
}

function legend(strategies, dash = () => null) {
  return h("ul", { class: "legend" }, strategies.map((name) => h("li", {},
    s("svg", { viewBox: "0 0 34 12", "aria-hidden": "true" },
      s("path", { d: "M0,6H34", stroke: color(name), "stroke-width": 2, "stroke-dasharray": dash(name) }),
      glyph(name, "translate(17 6)")),
    title(name))));
}
