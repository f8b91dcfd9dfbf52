"use strict";
// The result table, plots over sizes and over steps, and the paired comparisons.

const SUITES = [...new Set(DATA.rows.map((row) => row.suite))];
const named = (condition) => condition.map((value, i) => `${DATA.fields[i].replaceAll("_", " ")} ${value}`).join(", ");
const CONDITIONS = [...new Map(DATA.cells.map((cell) => [named(cell.condition), cell.condition])).values()];
const same = (a, b) => a.every((value, i) => value === b[i]);

// What is looked at in all sections; a section that depends on it is drawn again when it changes.
const chosen = { suite: SUITES[0], condition: 0, listeners: [] };

function choose(changes) {
  Object.assign(chosen, changes);
  chosen.listeners.forEach((listener) => listener());
}

/** A section whose content follows what is chosen; `pick` says which choices it shows. */
function section(id, heading, note, pick, content) {
  const controls = h("div", {}), body = h("div", {});
  const refresh = () => {
    controls.replaceChildren(...[
      pick.includes("suite") && SUITES.length > 1 &&
        h("label", {}, "suite", select("suite", SUITES.map((name) => [name, name]), chosen.suite, (suite) => choose({ suite }))),
      pick.includes("condition") && CONDITIONS.length > 1 &&
        h("label", {}, "of", select("condition", CONDITIONS.map((c, i) => [i, named(c)]), chosen.condition, (c) => choose({ condition: Number(c) }))),
    ].filter(Boolean));
    body.replaceChildren(...[content()].flat(9).filter(Boolean));
  };
  if (pick.length) chosen.listeners.push(refresh);
  refresh();
  return h("section", { id, "aria-label": heading }, h("div", { class: "head" }, h("h2", {}, heading), controls),
    note && h("p", { class: "note" }, note), body);
}

function resultTable() {
  const rows = DATA.rows.filter((row) => row.suite === chosen.suite);
  const head = h("tr", {}, h("th", { class: "text" }, "strategy"), h("th", { class: "less", "aria-label": "interval" }), h("th", {}, "accuracy, %"),
    h("th", {}, "95 % interval"), h("th", { class: "less" }, "seeds"), h("th", { class: "less" }, "problems"), h("th", { class: "less" }, "answered"),
    h("th", { class: "less" }, "cut off"), h("th", { class: "less" }, "forced"), h("th", { class: "less" }, "tokens"), h("th", { class: "text" }, "from"));
  const top = Math.max(...rows.map((row) => row.high));
  const groups = CONDITIONS.map((condition) => {
    const shown = rows.filter((row) => same(row.condition, condition));
    const best = Math.max(...shown.filter((row) => !row.oracle).map((row) => row.accuracy));
    return shown.length && h("tbody", {},
      DATA.fields.length > 0 && h("tr", { class: "group" }, h("th", { colspan: 11, scope: "rowgroup" }, named(condition))),
      shown.map((row) => resultRow(row, top, row.accuracy === best)));
  });
  return h("div", { class: "scroll" }, h("table", { id: "results-table" }, h("thead", {}, head), groups));
}

function resultRow(row, top, best) {
  const number = percent(row.accuracy);
  const cells = [row.answered, row.cut_off, row.forced].map((share) => h("td", { class: "less" }, known(share, percent)));
  return h("tr", { title: row.files.join("\n"), "data-strategy": row.strategy },
    h("td", { class: "text" }, sign(row.strategy), h("a", { href: link(row) }, breakable(title(row.strategy)))),
    h("td", { class: "less" }, intervalBar(row, top)),
    h("td", { class: "accuracy" }, best ? h("strong", {}, number) : number),
    h("td", { class: "range" }, `${percent(row.low)} – ${percent(row.high)}`),
    h("td", { class: "less" }, row.seeds.length), h("td", { class: "less" }, count(row.n)), cells,
    h("td", { class: "less" }, known(row.tokens, (n) => n.toFixed(0))), h("td", { class: "text" }, files(row.files)));
}

function link(row) {
  const found = DATA.dialogues.find((d) => d.file === row.files[0]);
  return found ? `#at=dialogues&suite=${encodeURIComponent(row.suite)}&a=${encodeURIComponent(address(found))}` : null;
}

function intervalBar(row, top) {
  const x = (share) => (99 * share) / (top || 1);
  return s("svg", { class: "interval", viewBox: "0 0 100 14", preserveAspectRatio: "none", "aria-hidden": "true" },
    s("rect", { x: 0, y: 3, width: x(row.accuracy), height: 8, fill: color(row.strategy), opacity: row.oracle ? 0.35 : 0.6 }),
    s("path", { d: `M${x(row.low)},7H${x(row.high)}M${x(row.low)},3.5v7M${x(row.high)},3.5v7`, stroke: "var(--ink)", "stroke-width": 1.2,
      "vector-effect": "non-scaling-stroke" }));
}

const shifts = (lines) => lines.forEach((line, i) => (line.shift = 3.2 * (i - (lines.length - 1) / 2)));
const interval = (row) => `${percent(row.accuracy)} % (${percent(row.low)} – ${percent(row.high)})`;
const from = (names) => (names.length > 3 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", "));

/** Rows that an axis tells apart: [what else they have in common, rows], where there is something to tell. */
function along(axis, rows) {
  const others = new Map();
  for (const row of rows) {
    const rest = row.condition.map((value, i) => (i === axis.field ? null : `${DATA.fields[i].replaceAll("_", " ")} ${value}`)).filter(Boolean).join(", ");
    if (!others.has(rest)) others.set(rest, []);
    others.get(rest).push(row);
  }
  return [...others].filter(([, of]) => new Set(of.map((row) => row.condition[axis.field])).size > 1);
}

/** Where a value of an axis stands. */
const placeOn = (axis) => (value) => (axis.amounts ? Math.log10(axis.amounts[axis.values.indexOf(value)]) : axis.values.indexOf(value));

/** For every axis a plot, one for each combination of the other fields. */
function scalingPlots() {
  const rows = DATA.rows.filter((row) => row.suite === chosen.suite);
  const plots = DATA.axes.flatMap((axis) => along(axis, rows).map(([rest, of]) => figure(scalingChart(axis, rest, of))));
  return [legend(NAMES.filter((name) => rows.some((row) => row.strategy === name)), dashes),
    h("div", { class: "plots" }, plots)];
}

function scalingChart(axis, rest, rows) {
  const x = placeOn(axis);
  const lines = NAMES.map((name) => ({
    color: color(name), shape: shape(name), fill: filling(name), dash: dashes(name),
    points: rows.filter((row) => row.strategy === name).map((row) => ({
      x: x(row.condition[axis.field]), y: row.accuracy, low: row.low, high: row.high,
      tip: `${title(name)}, ${row.condition[axis.field]}: ${interval(row)}, ${several(row.seeds.length, "seed")}; from ${from(row.files)}`,
    })).sort((a, b) => a.x - b.x),
  })).filter((line) => line.points.length);
  shifts(lines);
  return { caption: `${chosen.suite}${rest ? ", " + rest : ""}`, xTitle: axis.title, yTitle: "accuracy, %", percent: true, lines,
    ticks: axis.values.map((value) => ({ x: x(value), label: value })) };
}

function stepPlot() {
  const rows = DATA.steps.filter((row) => row.suite === chosen.suite && same(row.condition, CONDITIONS[chosen.condition]));
  if (!rows.length) return h("p", { class: "note" }, "No gold steps are known for these problems.");
  const names = NAMES.filter((name) => rows.some((row) => row.strategy === name));
  const lines = names.map((name) => ({
    color: color(name), shape: shape(name), fill: filling(name), dash: dashes(name),
    points: rows.filter((row) => row.strategy === name).map((row) => ({
      x: row.steps, y: row.accuracy, low: row.low, high: row.high, vague: row.n < 30,
      tip: `${title(name)}, ${several(row.steps, "step")}, ${several(row.n, "problem")}: ${interval(row)}; from ${from(row.files)}`,
    })),
  }));
  shifts(lines);
  const sizes = new Map(rows.map((row) => [row.steps, row.n]));
  const chart = { caption: `${chosen.suite}, accuracy by gold steps`, xTitle: "steps in the gold explanation (problems)", yTitle: "accuracy, %",
    percent: true, lines, ticks: [...sizes].sort((a, b) => a[0] - b[0]).map(([k, n]) => ({ x: k, label: `${k} (${n})` })) };
  return [legend(names, dashes), figure(chart)];
}

function pairTable() {
  const rows = DATA.pairs.filter((pair) => pair.suite === chosen.suite && same(pair.condition, CONDITIONS[chosen.condition]));
  const head = ["difference, points", "95 % interval", "only first", "only second", "p", "p, Holm"];
  return h("div", { class: "scroll" }, h("table", { id: "pairs-table" },
    h("thead", {}, h("tr", {}, h("th", { class: "text" }, "first – second"), head.map((name) => h("th", {}, name)), h("th", { class: "text less" }, "test"), h("th", { class: "text" }, "from"))),
    h("tbody", {}, rows.map((pair) => h("tr", { title: pair.files.join("\n") },
      h("td", { class: "text" }, sign(pair.a), breakable(title(pair.a)), " – ", sign(pair.b), breakable(title(pair.b))),
      h("td", {}, signed(pair.difference)), h("td", {}, `${signed(pair.low)} to ${signed(pair.high)}`),
      h("td", {}, count(pair.only_a)), h("td", {}, count(pair.only_b)), h("td", {}, pValue(pair.p)),
      h("td", {}, pair.p_holm < 0.05 ? h("strong", {}, pValue(pair.p_holm)) : pValue(pair.p_holm)),
      h("td", { class: "text less" }, pair.test), h("td", { class: "text" }, files(pair.files)))))));
}
