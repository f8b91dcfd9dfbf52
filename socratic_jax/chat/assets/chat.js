"use strict";
// Problems go to the server, turns come back piece by piece. Texts only ever become text nodes.

/** An element; properties that start with "on" are listeners, children are nodes or texts. */
function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

const $ = (id) => document.getElementById(id);
const SIDES = { question: "asks", guidance: "asks", solution: "solves", answer: "solves" };
let cast = { speakers: {}, examples: [] };
let writing = null; // What stops the dialogue that is being written.

/** Sends a wish, and gives every line of the reply to `take`. */
async function dialogue(wish, take) {
  const stopped = new AbortController();
  busy(stopped);
  try {
    const reply = await fetch("dialogues", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(wish), signal: stopped.signal,
    });
    if (!reply.ok) throw new Error(await reply.text());
    const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "", last = {};
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const lines = (rest + part.value).split("\n");
      rest = lines.pop();
      for (const line of lines) take((last = JSON.parse(line)));
    }
    if (!("ending" in last)) throw new Error("the server stopped in the middle of the dialogue");
  } finally {
    busy(null);
  }
}

function busy(stopped) {
  writing = stopped;
  $("stop").disabled = !stopped;
  for (const button of document.querySelectorAll("button.first, button.other")) button.disabled = Boolean(stopped);
}

/** One dialogue as it is written. `from`, if any, is the take that it was made from, and `number` the question. */
class Take {
  constructor(group, from = null, number = 0) {
    Object.assign(this, { group, from, number, id: 0, turns: [], answer: null, questions: 0 });
    this.name = String.fromCharCode(65 + (group.takes.length % 26));
    this.list = h("div", { class: "turns" });
    this.end = h("p", { class: "end", role: "status" });
    const title = from ? `${this.name}: ${from.name} with another question ${number}` : this.name;
    this.element = h("article", { "aria-label": `Dialogue ${title}`, class: "writing", "aria-busy": "true" },
      h("header", {}, h("h2", {}, title)), this.list, this.end);
  }

  async write(wish) {
    $("error").textContent = "";
    try {
      await dialogue(wish, (line) => this.take(line));
    } catch (error) {
      if (!this.id) return void ($("error").textContent = String(error.message ?? error));
      this.end.textContent = error.name === "AbortError" ? "stopped" : error.message;
    } finally {
      this.element.classList.remove("writing");
      this.element.setAttribute("aria-busy", "false");
    }
  }

  take(line) {
    if ("dialogue" in line) {
      this.id = line.dialogue;
      this.group.add(this, line.turns[0].text);
      for (const turn of line.turns.slice(1)) this.piece(turn, true);
    } else if ("ending" in line) {
      this.answer = line.answer;
      this.finish(line.ending);
    } else {
      this.piece(line, false);
    }
  }

  piece({ turn, role, text }, given) {
    let bubble = this.turns[turn];
    if (!bubble) {
      bubble = this.turns[turn] = this.bubble(role, given);
      this.list.append(bubble.element);
      if (!given) bubble.element.scrollIntoView({ block: "nearest" });
    }
    bubble.text.append(text);
  }

  /** An empty turn. Of the given ones the last is the question that was edited. */
  bubble(role, given) {
    const asks = role === "question";
    const number = asks ? ++this.questions : 0;
    const edited = given && asks && number === this.number;
    const says = { question: `question ${number}`, answer: "final answer" }[role] ?? role;
    const alone = new Set(Object.values(cast.speakers)).size === 1 && !("question" in cast.speakers);
    const element = h("div", { class: `turn ${role} ${SIDES[role]}${alone ? " alone" : ""}${edited ? " edited" : given ? " same" : ""}` },
      h("span", { class: "who" }, `${cast.speakers[role] ?? role}, ${says}${edited ? ", yours" : ""}`));
    const text = h("span", { class: "text" });
    element.append(text);
    if (asks) {
      const other = h("button", { type: "button", class: "other", disabled: true, onclick: () => this.edit(element, text, number) },
        "Ask something else");
      element.append(other);
    }
    return { element, text };
  }

  /** Lets a question be written anew, where it stands. */
  edit(element, text, number) {
    const [button] = element.getElementsByClassName("other");
    const field = h("textarea", { rows: 2, "aria-label": `Instead of question ${number}` });
    field.value = text.textContent;
    const close = () => {
      form.replaceWith(text, button);
      element.classList.remove("editing");
      button.focus();
    };
    const form = h("form", { onsubmit: (event) => {
      event.preventDefault();
      if (writing) return;
      close();
      new Take(this.group, this, number).write({ dialogue: this.id, number, question: field.value });
    } }, field, h("div", { class: "row" },
      h("button", { type: "submit", class: "first" }, "Ask this instead"),
      h("button", { type: "button", onclick: close }, "Cancel")));
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      close();
    });
    sendsByEnter(field, form);
    button.remove();
    text.replaceWith(form);
    element.classList.add("editing");
    field.focus();
    field.select();
  }

  finish(ending) {
    const before = this.from?.answer ?? null;
    if (ending) this.end.append(ending + ". ");
    if (before === null || this.answer === null) return;
    this.end.append(before === this.answer ? `The same answer as ${this.from.name}.`
      : h("span", { class: "differs" }, `Another answer than ${this.from.name}: ${this.answer} instead of ${before}.`));
  }
}

/** The dialogues of one problem, side by side. */
class Group {
  constructor() {
    this.takes = [];
    this.problem = h("p", { class: "problem" });
    this.list = h("div", { class: "takes" });
    this.element = h("section", { "aria-label": "Dialogues of one problem" }, this.problem, this.list);
  }

  add(take, problem) {
    if (!this.takes.length) {
      this.problem.textContent = problem;
      $("examples").open = false;
      $("dialogues").prepend(this.element);
    }
    this.takes.push(take);
    // What is made from a dialogue stands next to it.
    if (take.from) take.from.element.after(take.element);
    else this.list.append(take.element);
    take.element.scrollIntoView({ block: "nearest" });
  }
}

function sendsByEnter(field, form) {
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
}

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!writing) new Take(new Group()).write({ problem: $("problem").value });
});
sendsByEnter($("problem"), $("ask"));
$("stop").addEventListener("click", () => writing?.abort());
addEventListener("keydown", (event) => event.key === "Escape" && writing?.abort());

$("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});

fetch("cast").then((reply) => reply.json()).then((value) => {
  cast = value;
  $("cast").textContent = `${cast.strategy}: ${[...new Set(Object.values(cast.speakers))].join(", ")}`;
  $("examples").hidden = !cast.examples.length;
  $("examples").append(...cast.examples.map((text) => h("button", { type: "button", onclick: () => {
    $("problem").value = text;
    $("problem").focus();
  } }, text)));
});
