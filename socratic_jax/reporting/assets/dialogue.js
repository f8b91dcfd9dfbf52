"use strict";
// One dialogue, and the gold steps, as they are read.

const ROLES = { q: "question", s: "solution", a: "answer", g: "guidance" };
const ENDS = { answered: "", step_limit: "answer forced by the step limit", token_limit: "cut off", prompt_too_long: "did not fit" };

/** Text nodes with what is searched for marked. */
function marked(text, query) {
  if (!query) return [text];
  const parts = [], low = text.toLowerCase();
  let at = 0;
  for (let i = low.indexOf(query); i >= 0; i = low.indexOf(query, at)) {
    parts.push(text.slice(at, i), h("mark", {}, text.slice(i, i + query.length)));
    at = i + query.length;
  }
  return [...parts, text.slice(at)];
}

/** The dialogue in line i of a predictions file. */
function dialogueCard(dialogue, columns, i, letter, query) {
  const strategy = DATA.strategies[dialogue.strategy];
  const turns = columns.turns[i], wrong = columns.wrong[i];
  const asks = turns.some((turn) => turn[0] === "q" || turn[0] === "g");
  const right = dialogue.correct[i] === "1";
  const speaker = (role) => strategy.speakers[role] ?? ROLES[role];
  // One student can have both parts.
  const [asker, solver] = [speaker("q"), speaker("s")];
  const heads = asker === solver ? [`${asker}: questions`, `${solver}: solutions`] : [asker, solver];
  let steps = 0;
  const shown = turns.map((turn, k) => {
    if (turn[0] === "s") steps += 1;
    return h("div", { class: `turn ${turn[0]}${k === wrong ? " bad" : ""}` },
      h("span", { class: "role" }, `${speaker(turn[0])}, ${ROLES[turn[0]]}`),
      k === wrong && h("span", { class: "flag" }, `First wrong step (${steps}): ${columns.why[i]}`),
      marked(turn.slice(1), query));
  });
  const cause = causeOf(dialogue, i);
  const ending = ENDS[columns.status[i]] ?? columns.status[i];
  return h("article", { "aria-label": `${letter}: ${dialogue.strategy}` },
    h("h3", {}, h("span", {}, `${letter}  `, sign(dialogue.strategy), title(dialogue.strategy)),
      h("span", { class: right ? "yes" : "no" }, right ? "✓ right" : "✗ wrong")),
    DATA.cells.length > 1 && h("p", { class: "from run" }, DATA.cells[dialogue.cell].name),
    h("div", { class: asks ? "turns" : "turns single" },
      asks && heads.map((head) => h("div", { class: "who" }, head)),
      shown),
    turns.length === 0 && h("p", { class: "soft" }, "Nothing was written."),
    h("p", { class: "from" }, `${columns.answer[i] === null ? "no answer that can be read" : `answer ${columns.answer[i]}`}; ${several(columns.tokens[i], "token")}${ending ? "; " + ending : ""}${cause ? "; error from: " + cause : ""}. `,
      h("code", {}, `${dialogue.file}, line ${i + 1}`)));
}

function goldCard(problem, query) {
  return h("article", { class: "gold", "aria-label": "gold" },
    h("h3", {}, h("span", {}, "Gold"), h("span", {}, problem.answer)),
    h("div", { class: "turns single" },
      problem.steps.map((step) => h("div", { class: "turn s" },
        step.subquestion && h("div", { class: "soft" }, marked(step.subquestion, query)), marked(step.solution, query))),
      h("div", { class: "turn a" }, problem.answer)),
    problem.steps.length === 0 && h("p", { class: "from" }, "The gold steps are not known, or their data were not there when the page was made."));
}
