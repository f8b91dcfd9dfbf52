"use strict";
// Puts the sections on the page, and keeps what is looked at in the address.

const browser = new Browser();

const SECTIONS = [
  ["results", "Results", () => section("results", "Results",
    "Accuracy is the share of right answers. Intervals are 95 %: with one seed Wilson's over the problems, with several the bootstrap over seeds and problems with Student's width, so that few seeds make them wide. “cut off” ran out of tokens, “forced” was made to answer by the step limit; all in %. Of the first k votes (@k) only the answers are known, so these and the tokens are blank." + (DATA.dialogues.length ? " A name opens its dialogues." : ""),
    ["suite"], resultTable)],
  ["scaling", "Scaling", () => DATA.axes.length > 0 && section("scaling", "Scaling", "", ["suite"], scalingPlots)],
  ["steps", "Steps", () => section("steps", "Accuracy by number of steps", "", ["suite", "condition"], stepPlot)],
  ["training", "Training", () => section("training", "Training curves", "", ["condition"], curvePlot)],
  ["pairs", "Pairs", () => DATA.pairs.length > 0 && section("pairs", "Same problems, two strategies",
    "“only first” counts the problems (of each seed) that the first solved and the second did not. With one seed p is of the exact McNemar test, with several of a t test over seeds and problems, with which few seeds show large differences only. Holm's correction is over the rows of this table. Baselines and the votes of a part of the dialogues (@k) are not compared.",
    ["suite", "condition"], pairTable)],
  ["questions", "Questions", () => DATA.questions.length > 0 && section("questions", "Questions against the gold ones",
    "Means over seeds, with the least and the most of one. BLEU, 0 to 100, is of a problem's questions one after the other; the numbers of questions are means over problems. The same operations are those of the student's solutions, in the order of the gold ones: whoever takes them is also likelier to be right.",
    ["suite"], questionsTable)],
  ["when", "When", () => DATA.when.rows.length > 0 && section("when", "When does Socratic help?",
    "Gain is the accuracy of a strategy that is taught sub-questions less that of one that is taught steps without any, on the same seeds and problems, in points: above zero questions help. Intervals are 95 %, of the paired bootstrap over seeds and problems. The gain by the way of the student's questions says where it is, not why: whoever took the gold operations is likelier to be right.",
    ["suite", "condition"], whenPlots)],
  ["causes", "Errors", () => DATA.causes.rows.length > 0 && section("causes", "Where errors come from",
    "A wrong answer is put down to what mends it: the same problem is given to the same students with the calculator, with gold questions, and with both. A bar is as long as the share of wrong answers. Every error has one cause; the list of dialogues can be filtered by it. The calculator computes annotations (<<48/2=24>>); where dialogues have none it is not put in. “slips” are the wrong answers whose first wrong step states false arithmetic.",
    ["suite"], causeTable)],
  ["robustness", "Robustness", () => DATA.robustness.length > 0 && section("robustness", "Robustness",
    "“original” and “changed” are accuracies, in %, on the same problems before and after; the drop is the difference, in points, with a 95 % interval of the bootstrap over problems, and over seeds if there are several. Holm's correction is over the drops of this table. Suites without a drop are of another source than what was learnt.",
    ["condition"], robustnessTable)],
  ["dialogues", "Dialogues", () => DATA.dialogues.length > 0 && browser.element],
  ["teachers", "Teachers", () => section("teachers", "What teachers wrote and selection kept", "", [], funnels)],
  ["cost", "Cost", () => section("cost", "Time, goodput and cost", "", [], costTable)],
];

for (const [name, text, make] of SECTIONS) {
  const element = make();
  if (!element) continue;
  document.getElementById("main").append(element);
  document.getElementById("nav").append(h("a", { href: `#at=${name}` }, text));
}

// Two plots fit side by side: the one over sizes and the one over steps, or that and the training curves.
const scaling = document.getElementById("scaling");
const halves = scaling?.querySelectorAll("figure").length === 1 ? ["scaling", "steps"] : ["steps", "training"];
for (const name of halves) document.getElementById(name).classList.add("half");

document.getElementById("facts").textContent = [
  several(DATA.cells.length, "run"), DATA.dialogues.length ? several(DATA.dialogues.reduce((n, d) => n + d.correct.length, 0), "dialogue") : "",
  `suites: ${SUITES.join(", ")}`, DATA.fields.length ? `runs differ in ${DATA.fields.join(", ").replaceAll("_", " ")}` : "",
].filter(Boolean).join(" · ");

document.getElementById("footer").append(
  "Every number says which files it came from, named from the directory of this page. An accuracy by hand: the lines of a predictions file that contain ",
  h("code", {}, '"correct": true'), ", divided by all its lines; of a row @k, the lines in which the commonest of the first k ", h("code", {}, "votes"),
  " (null is none; of equally common ones, the one that came first) is ", h("code", {}, "gold"), ". A step is marked as the first wrong one if it states false arithmetic, or if no gold step comes to its result; the second is a hint, since there can be another way to an answer.");

document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});

/** What the address says; the rest is as at the start. */
function fromAddress() {
  const given = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  const state = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS)) if (name in given) state[name] = given[name];
  return [given.at, state, Object.keys(given).some((name) => name in DEFAULTS)];
}

async function follow(first = false) {
  const [at, state, says] = fromAddress();
  if (DATA.dialogues.length && (first || says)) await browser.set(state, true);
  const target = at === "dialogues" ? "browser" : at;
  if (target) document.getElementById(target)?.scrollIntoView();
}

browser.onchange = () => {
  const kept = Object.entries(browser.state).filter(([name, value]) => value !== DEFAULTS[name]);
  if (!location.hash && !browser.touched) return (browser.touched = true); // A fresh page keeps its plain address.
  history.replaceState(null, "", "#" + new URLSearchParams({ at: "dialogues", ...Object.fromEntries(kept) }));
};

addEventListener("hashchange", () => follow());
follow(true);
