"use strict";
// How the runs went: training curves, what teachers wrote and selection kept, time and cost.

const PRODUCTIVE = { annotate: "var(--c5)", step: "var(--c1)", decode: "var(--c2)" };
const OVERHEAD = ["initialise", "data", "compile", "validate", "checkpoint", "report", "other"];
const METRICS = [...new Set(DATA.curves.flatMap((curve) => Object.keys(curve.values)))];
const curveView = { metric: ["validation_loss", "loss"].find((name) => METRICS.includes(name)) ?? METRICS[0] };

function phaseColor(name) {
  // Overhead is grey, in shades that can be told apart side by side.
  const share = 30 + 9 * OVERHEAD.indexOf(name);
  return PRODUCTIVE[name] ?? `color-mix(in srgb, var(--soft) ${share}%, var(--card))`;
}

function curvePlot() {
  const condition = CONDITIONS[chosen.condition];
  const curves = DATA.curves.filter((curve) => same(DATA.cells[curve.cell].condition, condition) && curve.values[curveView.metric]);
  const choice = h("label", {}, "metric", select("metric", METRICS.map((name) => [name, name.replaceAll("_", " ")]), curveView.metric,
    (metric) => { curveView.metric = metric; choose({}); }));
  if (!curves.length) return [choice, h("p", { class: "note" }, "No training run wrote this down.")];
  const strategyOf = (curve) => curve.student.slice(0, curve.student.lastIndexOf("-"));
  const partOf = (curve) => curve.student.slice(curve.student.lastIndexOf("-") + 1);
  const strategies = NAMES.filter((name) => curves.some((curve) => strategyOf(curve) === name));
  const dash = { answerer: "6 4", planner: "2 3" };
  const lines = curves.map((curve) => ({
    color: color(strategyOf(curve)), shape: null, dash: dash[partOf(curve)],
    points: curve.values[curveView.metric].map(([x, y]) => ({
      x, y, tip: `${curve.student}, seed ${DATA.cells[curve.cell].seed}, step ${count(x)}: ${short(y)}; from ${curve.file}`,
    })),
  }));
  const parts = [...new Set(curves.map(partOf))].filter((part) => dash[part]).map((part) => `${part} ${part === "planner" ? "dotted" : "dashed"}`);
  return [choice, legend(strategies), parts.length > 0 && h("p", { class: "note" }, parts.join(", "), "; a line for every seed."),
    figure({ caption: curveView.metric.replaceAll("_", " "), xTitle: "step", yTitle: curveView.metric.replaceAll("_", " "), percent: false, lines })];
}

function funnels() {
  if (!DATA.funnels.length) return h("p", { class: "note" }, "No annotations in these runs.");
  const plain = DATA.funnels.filter((funnel) => !Object.keys(funnel.dropped).length);
  return [
    h("div", { class: "funnels" }, DATA.funnels.filter((funnel) => !plain.includes(funnel)).map(funnelFigure)),
    plain.length > 0 && h("div", { class: "scroll" }, h("table", {},
      h("thead", {}, h("tr", {}, h("th", { class: "text" }, "nothing dropped"), h("th", {}, "kept"), h("th", {}, "problems explained"), h("th", { class: "text" }, "from"))),
      h("tbody", {}, plain.map((funnel) => h("tr", {}, h("td", { class: "text" }, funnel.title), h("td", {}, count(funnel.kept)),
        h("td", {}, `${count(funnel.explained)} of ${count(funnel.problems)}`), h("td", { class: "text" }, files(funnel.files))))))),
  ];
}

function funnelFigure(funnel) {
  const rows = [h("span", {}, "samples"), bar(funnel.samples, funnel), h("span", { class: "number" }, count(funnel.samples))];
  for (const [stage, left] of Object.entries(funnel.left)) {
    const why = Object.entries(funnel.dropped[stage] ?? {}).sort((a, b) => b[1] - a[1]).map(([reason, n]) => `${reason} ${count(n)}`).join(", ");
    rows.push(h("span", {}, stage), bar(left, funnel), h("span", { class: "number" }, `${count(left)}  ${percent(left / (funnel.samples || 1))} %`),
      why && h("span", { class: "why" }, `− ${why}`));
  }
  return h("figure", {}, h("figcaption", {}, funnel.title), h("div", { class: "funnel" }, rows),
    h("p", { class: "from" }, `${count(funnel.explained)} of ${count(funnel.problems)} problems explained, ${count(funnel.rationalised)} of them only by rationalisation. `,
      files(funnel.files)));
}

const bar = (n, funnel) => h("span", { class: "stage", style: `width:${(100 * n) / (funnel.samples || 1)}%` });

function costTable() {
  const cells = DATA.cells.filter((cell) => cell.attempts);
  if (!cells.length) return h("p", { class: "note" }, "No run wrote down where its time went.");
  const phases = [...new Set(cells.flatMap((cell) => Object.keys(cell.phases)))];
  const longest = Math.max(...cells.map((cell) => cell.total));
  const total = cells.reduce((sum, cell) => sum + cell.total, 0);
  const good = cells.reduce((sum, cell) => sum + cell.total * cell.goodput, 0);
  return [
    h("p", { class: "note" }, `${duration(total)} in ${several(cells.length, "run")}, goodput ${percent(good / total)} %: the share of time in annotating, train steps and decoding, less the steps that were lost when a run was stopped.`),
    h("ul", { class: "legend" }, phases.map((name) => h("li", {}, s("svg", { viewBox: "0 0 34 12", "aria-hidden": "true" }, s("rect", { width: 26, height: 12, rx: 2, style: `fill:${phaseColor(name)}` })), name))),
    h("div", { class: "scroll" }, h("table", { id: "cost-table" },
      h("thead", {}, h("tr", {}, h("th", { class: "text" }, "run"), h("th", { class: "text" }, "time by phase"), h("th", {}, "time"), h("th", {}, "goodput, %"),
        h("th", { class: "less" }, "attempts"), h("th", { class: "less" }, "steps lost"), h("th", { class: "text" }, "from"))),
      h("tbody", {}, cells.map((cell) => h("tr", {},
        h("td", { class: "text" }, cell.name === "." ? DATA.title : cell.name),
        h("td", { style: "width:45%" }, h("div", { class: "phases", style: `width:${Math.max(8, (100 * cell.total) / longest)}%` },
          Object.entries(cell.phases).map(([name, seconds]) => h("i", { style: `width:${(100 * seconds) / cell.total}%;background:${phaseColor(name)}`, title: `${name} ${duration(seconds)}` })))),
        h("td", {}, duration(cell.total)), h("td", {}, percent(cell.goodput)), h("td", { class: "less" }, cell.attempts),
        h("td", { class: "less" }, cell.wasted ? duration(cell.wasted) : "0"), h("td", { class: "text" }, files([cell.file]))))))),
    teacherTable(),
  ];
}

function teacherTable() {
  const rows = DATA.cells.flatMap((cell) => cell.teachers.map((cost) => ({ ...cost, cell })));
  return rows.length > 0 && h("div", { class: "scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, h("th", { class: "text" }, "teacher"), h("th", { class: "text" }, "run"), h("th", {}, "replies"), h("th", {}, "tokens in"), h("th", {}, "tokens out"), h("th", {}, "dollars, about"), h("th", { class: "text" }, "from"))),
    h("tbody", {}, rows.map((row) => h("tr", {}, h("td", { class: "text" }, row.teacher), h("td", { class: "text" }, row.cell.asked_for), h("td", {}, count(row.replies)),
      h("td", {}, count(row.input_tokens)), h("td", {}, count(row.output_tokens)), h("td", {}, row.dollars === null ? "no price known" : row.dollars.toFixed(2)),
      h("td", { class: "text" }, files([row.cell.journal])))))), h("p", { class: "note" }, "Dollars are tokens at the full price of the price table; what was really charged is on the vendor's bill."));
}
