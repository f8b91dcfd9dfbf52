"use strict";
// Accuracy on changed problems against the same ones as they were, and on those of other sources.

function robustnessTable() {
  const rows = DATA.robustness.filter((row) => same(row.condition, CONDITIONS[chosen.condition]));
  const head = ["original, %", "changed, %", "95 % interval", "drop, points", "95 % interval", "p", "p, Holm", "cut off, %", "problems", "seeds"];
  const groups = [...new Set(rows.map((row) => row.suite))].map((suite) => {
    const shown = rows.filter((row) => row.suite === suite), [first] = shown;
    const what = first.perturbation ? `${first.original_suite || suite}: ${first.perturbation.replaceAll("_", " ")}` : `${suite}: another source`;
    return h("tbody", {}, h("tr", { class: "group" }, h("th", { colspan: head.length + 2, scope: "rowgroup" }, what)), shown.map(robustnessRow));
  });
  return h("div", { class: "scroll" }, h("table", { id: "robustness-table" },
    h("thead", {}, h("tr", {}, h("th", { class: "text" }, "strategy"), head.map((name) => h("th", {}, name)), h("th", { class: "text" }, "from"))), groups));
}

function robustnessRow(row) {
  const paired = row.drop === null ? ["", "", "", ""].map((empty) => h("td", {}, empty)) : [
    h("td", { class: "accuracy" }, row.p_holm < 0.05 ? h("strong", {}, signed(row.drop)) : signed(row.drop)),
    h("td", { class: "range" }, `${signed(row.drop_low)} to ${signed(row.drop_high)}`), h("td", {}, pValue(row.p)), h("td", {}, pValue(row.p_holm))];
  return h("tr", { title: row.files.join("\n"), "data-strategy": row.strategy },
    h("td", { class: "text" }, sign(row.strategy), h("a", { href: link(row) }, breakable(title(row.strategy)))),
    h("td", {}, row.original === null ? "" : percent(row.original)), h("td", {}, percent(row.accuracy)),
    h("td", { class: "range" }, `${percent(row.low)} – ${percent(row.high)}`), paired,
    h("td", {}, percent(row.cut_off)), h("td", {}, count(row.n)), h("td", {}, row.seeds.length), h("td", { class: "text" }, files(row.files)));
}
