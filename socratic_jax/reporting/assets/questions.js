"use strict";
// How close the students' questions are to the gold ones.

function questionsTable() {
  const rows = DATA.questions.filter((row) => row.suite === chosen.suite);
  if (!rows.length) return h("p", { class: "note" }, "Nothing to compare on this suite: no student asks, or no gold questions are known.");
  const head = ["BLEU", "questions", "gold", "same number, %", "same operations, %"];
  const groups = CONDITIONS.map((condition) => {
    const shown = rows.filter((row) => same(row.condition, condition));
    return shown.length && h("tbody", {},
      DATA.fields.length > 0 && h("tr", { class: "group" }, h("th", { colspan: head.length + 4, scope: "rowgroup" }, named(condition))),
      shown.map(questionsRow));
  });
  return h("div", { class: "scroll" }, h("table", { id: "questions-table" },
    h("thead", {}, h("tr", {}, h("th", { class: "text" }, "strategy"), head.map((name) => h("th", {}, name)),
      h("th", { class: "less" }, "seeds"), h("th", { class: "less" }, "problems"), h("th", { class: "text" }, "from"))), groups));
}

/** A mean with the least and the most of a seed. */
function ranged(row, name, scale = 1) {
  if (row[name] === null) return h("td", {});
  const [mean, low, high] = ["", "_low", "_high"].map((end) => (scale * row[name + end]).toFixed(1));
  return h("td", {}, mean, row.seeds.length > 1 && h("span", { class: "soft less" }, ` (${low} – ${high})`));
}

function questionsRow(row) {
  return h("tr", { title: row.files.join("\n"), "data-strategy": row.strategy },
    h("td", { class: "text" }, sign(row.strategy), h("a", { href: link(row) }, breakable(title(row.strategy)))),
    ranged(row, "bleu"), ranged(row, "questions"), h("td", {}, row.gold_questions.toFixed(1)),
    ranged(row, "same_number", 100), ranged(row, "same_operations", 100),
    h("td", { class: "less" }, row.seeds.length), h("td", { class: "less" }, count(row.n)), h("td", { class: "text" }, files(row.files)));
}
