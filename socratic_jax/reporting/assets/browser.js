"use strict";
// Browsing dialogues: two of them side by side, filtered and searched, in a list that holds what is in view.

const ITEM = 58; // Pixels, as in the style sheet.
const SPARE = 6; // Items beyond each edge of the view.
const address = (dialogue) => `${DATA.cells[dialogue.cell].name}/${dialogue.strategy}`;
const VERDICTS = {
  all: ["all", () => true], "a-right": ["A right", (a) => a], "a-wrong": ["A wrong", (a) => !a],
  "only-a": ["only A right", (a, b) => a && !b], "only-b": ["only B right", (a, b) => !a && b],
  both: ["both right", (a, b) => a && b], neither: ["both wrong", (a, b) => !a && !b],
};
const NEED_B = ["only-a", "only-b", "both", "neither"];
const DEFAULTS = { suite: SUITES[0], a: "", b: "", show: "all", steps: "all", end: "all", step: "all", cause: "all", q: "", id: "" };

/** The dialogue to begin with: of two students if there is one, else one with steps. */
function beginning(dialogues) {
  const speakers = (d) => DATA.strategies[d.strategy].speakers;
  const played = dialogues.filter((d) => !DATA.strategies[d.strategy].oracle);
  return played.find((d) => speakers(d).q && speakers(d).q !== speakers(d).s) ?? played.find((d) => speakers(d).s) ?? dialogues[0];
}

class Browser {
  constructor() {
    this.state = { ...DEFAULTS };
    this.found = []; // Lines (from 0) that pass the filters.
    this.place = -1; // Of the chosen one in `found`.
    this.texts = new Map(); // What is searched, by problems and dialogues, made when first searched.
    this.controls = h("div", { class: "controls" });
    this.spacer = h("div", {});
    this.list = h("div", { class: "list", id: "list", tabindex: 0, role: "listbox", "aria-label": "Problems", onscroll: () => this.soon(() => this.paint()), onkeydown: (e) => this.onListKey(e) }, this.spacer);
    this.detail = h("div", { class: "detail", id: "detail", "aria-live": "polite" });
    this.total = h("span", { id: "total", role: "status" });
    this.items = [];
    this.element = h("section", { id: "browser", "aria-label": "Dialogues" }, h("h2", { id: "dialogues" }, "Dialogues"),
      DATA.kept && h("p", { class: "note" }, `Of every file the first ${several(DATA.kept, "dialogue")} can be read here; all numbers above are of whole files.`), this.controls,
      h("p", { class: "keys" }, this.total, h("span", { class: "desk" }, "  ·  ", h("kbd", {}, "/"), " search  ", h("kbd", {}, "j"), " ", h("kbd", {}, "k"), " next, previous  ", h("kbd", {}, "x"), " swap A and B  ", h("kbd", {}, "Esc"), " clear the search")),
      h("div", { class: "panes" }, this.list, this.detail));
    document.addEventListener("keydown", (event) => this.onKey(event));
    new ResizeObserver(() => this.paint()).observe(this.list);
  }

  /** Takes over part of the state, loads what it needs, and shows it. */
  async set(changes, keepPlace = false) {
    const s = Object.assign(this.state, changes);
    const of = DATA.dialogues.filter((d) => d.suite === s.suite);
    this.a = of.find((d) => address(d) === s.a) ?? beginning(of);
    if (!this.a) return;
    s.a = address(this.a);
    const peers = of.filter((d) => d.problems === this.a.problems && d !== this.a);
    this.b = peers.find((d) => address(d) === s.b) ?? null;
    s.b = this.b ? s.b : "";
    this.causes = new Set(DATA.causes.of[this.a.file] ?? ""); // Of A's errors, by their places.
    if (s.cause !== "all" && !this.causes.has(String(CAUSE_NAMES.indexOf(s.cause)))) s.cause = "all";
    if (!this.b && NEED_B.includes(s.show)) s.show = "all";
    const [problems, a, b] = await Promise.all([unpack(`problems-${this.a.problems}`), unpack(blockOf(this.a)), this.b && unpack(blockOf(this.b))]);
    Object.assign(this, { problems, columnsA: a, columnsB: b, gold: problems.map((p) => p.steps.length) });
    this.drawControls(of, peers);
    this.filter(keepPlace);
  }

  drawControls(of, peers) {
    const s = this.state;
    const active = document.activeElement?.name;
    const groups = (dialogues) => DATA.cells.map((cell, i) => ({ group: cell.name === "." ? DATA.title : cell.name,
      options: dialogues.filter((d) => d.cell === i).map((d) => [address(d), DATA.cells.length > 1 ? `${title(d.strategy)}, ${cell.name}` : title(d.strategy)]) })).filter((group) => group.options.length);
    const near = [...peers].sort((x, y) => (y.cell === this.a.cell) - (x.cell === this.a.cell));
    const field = (name, options, key, extra = {}) => h("label", extra, name, select(key, options, s[key], (value) => this.set({ [key]: value }, true)));
    const steps = [...new Set(this.gold)].sort((x, y) => x - y);
    const search = h("input", { type: "search", name: "q", id: "search", value: s.q, placeholder: "question or dialogue", autocomplete: "off",
      oninput: (event) => { s.q = event.target.value; this.soon(() => this.filter()); } });
    this.controls.replaceChildren(...[
      SUITES.length > 1 && field("suite", SUITES.map((name) => [name, name]), "suite"),
      field("A", groups(of), "a"), field("B", [["", "none"], ...groups(near)], "b"),
      field("show", Object.entries(VERDICTS).filter(([name]) => this.b || !NEED_B.includes(name)).map(([name, [text]]) => [name, text]), "show"),
      steps.length > 1 && field("gold steps", [["all", "all"], ...steps.map((k) => [k, k || "unknown"])], "steps"),
      field("A's first wrong step", [["all", "all"], ["marked", "marked"], ["none", "none marked"]], "step"),
      field("A ended", [["all", "all"], ["answered", "answered"], ["step_limit", "forced"], ["token_limit", "cut off"]], "end"),
      this.causes.size > 1 && field("A's error from", [["all", "all"], ...CAUSE_NAMES.filter((_, k) => this.causes.has(String(k))).map((name) => [name, name])], "cause"),
      h("label", { class: "wide" }, "search", search),
    ].filter(Boolean));
    if (active) this.controls.querySelector(`[name="${active}"]`)?.focus();
  }

  /** Finds the lines that pass; the chosen one stays chosen where it passes. */
  filter(keepPlace = false) {
    const s = this.state, test = VERDICTS[s.show][1], query = s.q.trim().toLowerCase();
    const [ca, cb] = [this.a.correct, this.b?.correct];
    const { status, wrong } = this.columnsA;
    const texts = query ? [this.text("p", this.a), this.text("d", this.a), this.b && this.text("d", this.b)].filter(Boolean) : [];
    this.found = [];
    for (let i = 0; i < ca.length; i += 1) {
      if (!test(ca[i] === "1", cb?.[i] === "1")) continue;
      if (s.steps !== "all" && this.gold[i] !== Number(s.steps)) continue;
      if (s.end !== "all" && status[i] !== s.end) continue;
      if (s.step !== "all" && (wrong[i] >= 0) !== (s.step === "marked")) continue;
      if (s.cause !== "all" && causeOf(this.a, i) !== s.cause) continue;
      if (query && !texts.some((text) => text[i].includes(query))) continue;
      this.found.push(i);
    }
    this.total.textContent = `${count(this.found.length)} of ${several(ca.length, "problem")}`;
    this.spacer.style.height = `${this.found.length * ITEM}px`;
    const wanted = this.problems.findIndex((problem) => problem.id === s.id);
    const place = this.found.indexOf(wanted);
    if (place < 0) this.list.scrollTop = 0;
    this.choose(place >= 0 ? place : 0, place >= 0 || keepPlace);
  }

  /** Lower-case texts to search, by line. */
  text(kind, dialogue) {
    const key = kind === "p" ? dialogue.problems : dialogue.file;
    if (!this.texts.has(key)) {
      const columns = dialogue === this.a ? this.columnsA : this.columnsB;
      this.texts.set(key, kind === "p" ? this.problems.map((p) => `${p.id}\n${p.question}`.toLowerCase()) : columns.turns.map((turns) => turns.map((turn) => turn.slice(1)).join("\n").toLowerCase()));
    }
    return this.texts.get(key);
  }

  choose(place, reveal = true) {
    this.place = Math.max(0, Math.min(place, this.found.length - 1));
    const i = this.found[this.place];
    if (i !== undefined) this.state.id = this.problems[i].id;
    if (reveal) {
      const [top, view] = [this.place * ITEM, this.list.clientHeight];
      if (top < this.list.scrollTop) this.list.scrollTop = top;
      else if (top + ITEM > this.list.scrollTop + view) this.list.scrollTop = top + ITEM - view;
    }
    this.paint();
    this.drawDetail(i);
    this.onchange?.();
  }

  /** Puts items where the view is; there are never more of them than fit. */
  paint() {
    const first = Math.max(0, Math.floor(this.list.scrollTop / ITEM) - SPARE);
    const last = Math.min(this.found.length, Math.ceil((this.list.scrollTop + this.list.clientHeight) / ITEM) + SPARE);
    while (this.items.length < last - first) {
      const item = h("div", { class: "item", role: "option", onclick: () => { this.choose(Number(item.dataset.place)); this.toDetail(); } }, h("div", { class: "top" }), h("div", {}));
      this.items.push(item);
      this.list.append(item);
    }
    this.items.forEach((item, k) => this.paintItem(item, first + k, last));
    this.list.setAttribute("aria-activedescendant", `item-${this.place}`);
  }

  paintItem(item, place, last) {
    item.hidden = place >= last;
    if (item.hidden) return item.removeAttribute("id");
    const i = this.found[place], problem = this.problems[i];
    item.id = `item-${place}`;
    item.dataset.place = place;
    item.style.top = `${place * ITEM}px`;
    item.setAttribute("aria-selected", String(place === this.place));
    item.setAttribute("aria-posinset", place + 1);
    item.setAttribute("aria-setsize", this.found.length);
    const verdict = (letter, d) => d && h("span", { class: d.correct[i] === "1" ? "yes" : "no" }, `${letter} ${d.correct[i] === "1" ? "✓" : "✗"}`);
    item.firstChild.replaceChildren(...[h("span", {}, `${i + 1}`), this.gold[i] > 0 && h("span", {}, several(this.gold[i], "step")), verdict("A", this.a), verdict("B", this.b)].filter(Boolean));
    item.lastChild.textContent = problem.question;
  }

  drawDetail(i) {
    if (i === undefined) return this.detail.replaceChildren(h("p", { class: "soft" }, "Nothing passes these filters."));
    const problem = this.problems[i], query = this.state.q.trim().toLowerCase();
    this.detail.replaceChildren(
      h("p", { class: "soft from" }, problem.id), h("p", { class: "question" }, marked(problem.question, query)),
      h("div", { class: "reading" }, dialogueCard(this.a, this.columnsA, i, "A", query), this.b && dialogueCard(this.b, this.columnsB, i, "B", query), goldCard(problem, query)));
    this.detail.scrollTop = 0;
  }

  toDetail() {
    if (this.detail.offsetTop > this.list.offsetTop + 40) this.detail.scrollIntoView({ block: "start" });
  }

  /** Once before the next frame, however often it is asked for. */
  soon(what) {
    this.waiting ??= requestAnimationFrame(() => { this.waiting = undefined; this.next(); });
    this.next = what;
  }

  onListKey(event) {
    const page = Math.floor(this.list.clientHeight / ITEM);
    const to = { ArrowDown: this.place + 1, ArrowUp: this.place - 1, PageDown: this.place + page, PageUp: this.place - page, Home: 0, End: this.found.length - 1 }[event.key];
    if (event.key === "Enter") this.toDetail();
    if (to === undefined) return;
    event.preventDefault();
    this.choose(to);
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    const search = this.controls.querySelector("#search");
    if (event.key === "Escape" && event.target === search) {
      search.value = this.state.q = "";
      this.filter(true);
      this.list.focus();
    } else if (event.key === "Enter" && event.target === search) {
      this.list.focus();
    } else if (typing) {
      return;
    } else if (event.key === "/") {
      event.preventDefault();
      this.element.scrollIntoView({ block: "start" });
      search?.focus({ preventScroll: true });
    } else if (event.key === "j" || event.key === "k") {
      this.choose(this.place + (event.key === "j" ? 1 : -1));
    } else if (event.key === "x" && this.b) {
      this.set({ a: this.state.b, b: this.state.a }, true);
    }
  }
}

const blockOf = (dialogue) => `dialogues-${DATA.dialogues.indexOf(dialogue)}`;
