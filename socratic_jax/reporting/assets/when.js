"use strict";
// When teaching in questions helps: its gain over a chain of steps, by what problems and runs are told apart.

const WHEN = {
  steps: "steps in the gold explanation", distractors: "numbers in the problem that no step uses", irrelevant_sentence: "irrelevant sentences added to the same problems", questions: "way of the questions, by the solutions' operations",
};
const gainTitle = (row) => `${row.socratic} − ${row.chain}`;
const isSame = (a, b) => a.socratic === b.socratic && a.chain === b.chain;

function whenPlots() {
  const rows = DATA.when.rows.filter((row) => row.suite === chosen.suite);
  const pairs = rows.filter((row, i) => rows.findIndex((other) => isSame(row, other)) === i);
  if (!pairs.length) return h("p", { class: "note" }, "Nothing to compare on this suite: a strategy with questions and one without, both with steps, are needed.");
  const dashed = (pair) => pairs.findIndex((other) => other.socratic === pair.socratic) !== pairs.indexOf(pair);
  const charts = [...DATA.axes.flatMap((axis) => axisCharts(axis, rows, pairs, dashed)),
    ...qualityChart(rows, pairs, dashed), ...Object.keys(WHEN).map((by) => binChart(by, rows, pairs, dashed)).filter(Boolean)];
  return [pairLegend(pairs, dashed), h("div", { class: "plots" }, charts.map(figure)), gainTable(rows)];
}

function pairLegend(pairs, dashed) {
  return h("ul", { class: "legend" }, pairs.map((pair) => h("li", {},
    s("svg", { viewBox: "0 0 34 12", "aria-hidden": "true" },
      s("path", { d: "M0,6H34", stroke: color(pair.socratic), "stroke-width": 2, "stroke-dasharray": dashed(pair) ? "5 4" : null }),
      glyph(pair.socratic, "translate(17 6)")),
    gainTitle(pair))));
}

const gainInterval = (row) => `${signed(row.gain)} points (${signed(row.low)} to ${signed(row.high)})`;

/** Lines over rows, one for each pair of strategies; `at` says where a row stands, null for nowhere. */
function gainLines(rows, pairs, dashed, at, tip) {
  const lines = pairs.map((pair) => ({
    color: color(pair.socratic), shape: shape(pair.socratic), fill: filling(pair.socratic), dash: dashed(pair) ? "5 4" : null,
    points: rows.filter((row) => isSame(row, pair)).map((row) => ({
      x: at(row), y: 100 * row.gain, low: 100 * row.low, high: 100 * row.high, vague: row.n < 30 * row.seeds.length,
      tip: `${gainTitle(row)}, ${tip(row)}: ${gainInterval(row)}; ${percent(row.accuracy_socratic)} % against ${percent(row.accuracy_chain)} %; from ${from(row.files)}`,
    })).sort((a, b) => a.x - b.x),
  })).filter((line) => line.points.length);
  shifts(lines);
  return lines;
}

function axisCharts(axis, rows, pairs, dashed) {
  const x = placeOn(axis);
  return along(axis, rows.filter((row) => row.by === "all")).map(([rest, of]) => ({
    caption: `By ${axis.name.replaceAll("_", " ")}${rest ? ", " + rest : ""}`, xTitle: axis.title, yTitle: "gain, points", zero: true,
    lines: gainLines(of, pairs, dashed, (row) => x(row.condition[axis.field]), (row) => `${axis.name.replaceAll("_", " ")} ${row.condition[axis.field]}`),
    ticks: axis.values.map((value) => ({ x: x(value), label: value })),
  }));
}

/** A point for each condition: the gain by how good the questions are there. */
function qualityChart(rows, pairs, dashed) {
  const of = rows.filter((row) => row.by === "all" && row.quality !== null);
  if (new Set(of.map((row) => row.quality)).size < 2 || CONDITIONS.length < 2) return [];
  const xTitle = "BLEU of the questions against the gold ones";
  const tip = (row) => `${named(row.condition)}, BLEU of the questions ${row.quality.toFixed(1)}`;
  return [{ caption: "By quality of the questions, a point for each condition", xTitle, yTitle: "gain, points", zero: true, loose: true,
    lines: gainLines(of, pairs, dashed, (row) => row.quality, tip) }];
}

function binChart(by, rows, pairs, dashed) {
  const of = rows.filter((row) => row.by === by && same(row.condition, CONDITIONS[chosen.condition]));
  if (!of.length) return null;
  const bins = DATA.when.bins[by].filter((bin) => of.some((row) => row.bin === bin));
  const shared = by !== "questions"; // Then a bin has the same problems for all pairs.
  const n = (bin) => of.find((row) => row.bin === bin).n;
  return { caption: `By ${WHEN[by]}${CONDITIONS.length > 1 ? ", " + named(CONDITIONS[chosen.condition]) : ""}`,
    xTitle: WHEN[by] + (shared ? " (dialogues)" : ""), yTitle: "gain, points", zero: true, loose: !shared,
    lines: gainLines(of, pairs, dashed, (row) => bins.indexOf(row.bin), (row) => `${WHEN[by]}: ${row.bin}, ${several(row.n, "dialogue")}`),
    ticks: bins.map((bin, i) => ({ x: i, label: shared ? `${bin} (${count(n(bin))})` : bin })) };
}

function gainTable(rows) {
  const shown = rows.filter((row) => same(row.condition, CONDITIONS[chosen.condition]));
  return h("details", {}, h("summary", {}, `As a table${CONDITIONS.length > 1 ? ", " + named(CONDITIONS[chosen.condition]) : ""}`), h("div", { class: "scroll" }, h("table", { id: "when-table" },
    h("thead", {}, h("tr", {}, h("th", { class: "text" }, "Socratic − chain"), h("th", { class: "text" }, "by"), h("th", { class: "text" }, "which"), h("th", {}, "gain, points"),
      h("th", {}, "95 % interval"), h("th", { class: "less" }, "dialogues"), h("th", { class: "text" }, "from"))),
    h("tbody", {}, shown.map((row) => h("tr", {}, h("td", { class: "text" }, sign(row.socratic), breakable(gainTitle(row))),
      h("td", { class: "text" }, WHEN[row.by] ?? ""), h("td", { class: "text" }, row.bin), h("td", {}, signed(row.gain)),
      h("td", {}, `${signed(row.low)} to ${signed(row.high)}`), h("td", { class: "less" }, count(row.n)), h("td", { class: "text" }, files(row.files))))))));
}
