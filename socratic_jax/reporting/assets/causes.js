"use strict";
// Where errors come from: a bar for each strategy, as long as its share of wrong answers, in parts by cause.

const CAUSES = {
  format: ["var(--c5)", "no answer that can be read, or the dialogue was cut off"],
  arithmetic: ["var(--c1)", "only the calculator mends it"],
  stop: ["var(--c4)", "only gold questions mend it; its solutions took the gold operations, but were too few or too many"],
  question: ["var(--c3)", "only gold questions mend it, and its solutions went another way"],
  either: ["var(--c2)", "either of the two mends it"],
  together: ["var(--c6)", "only both together mend it"],
  reasoning: ["color-mix(in srgb, var(--soft) 80%, var(--card))", "wrong with all that can be put in"],
  unknown: ["color-mix(in srgb, var(--soft) 30%, var(--card))", "what was put in does not tell"],
};
const CAUSE_NAMES = Object.keys(CAUSES); // In the order of causes.py.

/** The cause of an error in line i of a predictions file; undefined if there is none. */
const causeOf = (dialogue, i) => CAUSE_NAMES[DATA.causes.of[dialogue.file]?.[i]];

function causeTable() {
  const rows = DATA.causes.rows.filter((row) => row.suite === chosen.suite);
  if (!rows.length) return h("p", { class: "note" }, "No strategy takes steps on this suite.");
  const shown = CAUSE_NAMES.filter((_, k) => rows.some((row) => row.counts[k]));
  const swatch = (name) => s("svg", { viewBox: "0 0 34 12", "aria-hidden": "true" }, s("rect", { width: 26, height: 12, rx: 2, style: `fill:${CAUSES[name][0]}` }));
  const longest = Math.max(...rows.map((row) => wrongOf(row) / row.n), 1e-9);
  return [
    h("ul", { class: "legend causes" }, shown.map((name) => h("li", {}, swatch(name), h("strong", {}, name), `: ${CAUSES[name][1]}`))),
    h("div", { class: "scroll" }, h("table", { id: "causes-table" },
      h("thead", {}, h("tr", {}, h("th", { class: "text" }, "strategy"), h("th", { class: "text" }, "wrong answers by cause"), h("th", {}, "wrong, %"),
        shown.map((name) => h("th", { class: "less" }, name)), h("th", { title: "wrong answers whose first wrong step states false arithmetic, of all wrong ones" }, "slips, %"), h("th", { class: "text less" }, "not put in"), h("th", { class: "text" }, "from"))),
      CONDITIONS.map((condition) => {
        const of = rows.filter((row) => same(row.condition, condition));
        return of.length && h("tbody", {},
          DATA.fields.length > 0 && h("tr", { class: "group" }, h("th", { colspan: 7 + shown.length, scope: "rowgroup" }, named(condition))),
          of.map((row) => causeRow(row, shown, longest)));
      }))),
  ];
}

const wrongOf = (row) => row.counts.reduce((sum, n) => sum + n, 0);

function causeRow(row, shown, longest) {
  const wrong = wrongOf(row), of = (name) => row.counts[CAUSE_NAMES.indexOf(name)];
  const counts = shown.filter(of).map((name) => `${name} ${count(of(name))}`).join(", ");
  const missing = row.missing.length ? `; not put in: ${row.missing.join(", ")}` : "";
  return h("tr", { "data-strategy": row.strategy },
    h("td", { class: "text" }, sign(row.strategy), breakable(row.strategy)),
    h("td", { class: "stack" }, h("div", { class: "phases", role: "img", "aria-label": counts, style: `width:${Math.max(1, (100 * wrong) / row.n / longest)}%` },
      shown.filter(of).map((name) => h("i", { style: `width:${(100 * of(name)) / wrong}%;background:${CAUSES[name][0]}`, title: `${name}: ${count(of(name))} of ${count(wrong)}` })))),
    h("td", {}, percent(wrong / row.n)), shown.map((name) => h("td", { class: "less" }, of(name) ? count(of(name)) : "")),
    h("td", {}, wrong ? percent(row.slips / wrong) : ""),
    h("td", { class: "text less missing" }, row.missing.join(", ")),
    h("td", { class: "text" }, files(row.files, h("p", {}, `${count(wrong)} of ${several(row.n, "dialogue")}: ${counts || "none"}; the first wrong step states false arithmetic: ${count(row.slips)}${missing}`))));
}
