"use strict";
// One kind of chart: lines with intervals over an axis. Pointer and arrow keys read its points out.

const EDGE = { left: 46, right: 16, top: 12, bottom: 48 };

/**
 * A figure that draws itself as wide as it may be.
 *
 * chart.caption, chart.xTitle, chart.yTitle: texts. chart.ticks: [{x, label}] of the horizontal axis.
 * chart.lines: [{color, shape, fill, dash, points: [{x, y, low, high, tip}]}], shape null for no signs.
 * chart.percent: whether y is a share, drawn from 0; chart.zero: whether y is a difference, and 0 a line of its own;
 * chart.loose: whether the points of a line are not joined. A point with `vague` true is one of few problems: its
 * interval may leave the plot.
 */
function figure(chart) {
  const readout = h("p", { class: "readout", role: "status", "aria-live": "polite" });
  const frame = h("div", {});
  const box = h("figure", {}, h("figcaption", {}, chart.caption), frame, readout);
  let width = 0;
  new ResizeObserver(() => {
    const now = Math.round(frame.clientWidth);
    if (now && now !== width) {
      width = now;
      frame.replaceChildren(draw(chart, width, (text) => (readout.textContent = text)));
    }
  }).observe(frame);
  readout.textContent = "Point at a value, or use the arrow keys, to read it with its file.";
  return box;
}

function draw(chart, width, say) {
  const height = Math.round(Math.min(320, Math.max(230, width * 0.6)));
  const points = chart.lines.flatMap((line) => line.points.map((point) => ({ ...point, line })));
  const x = scale(extent(points.map((p) => p.x)), [EDGE.left + 14, width - EDGE.right - 14]);
  const values = points.flatMap((p) => (p.vague ? [p.y] : [p.y, p.low ?? p.y, p.high ?? p.y]));
  const range = chart.percent ? [0, Math.min(1, Math.max(...values, 0.01) * 1.06)] : padded(extent(chart.zero ? [...values, 0] : values));
  const y = scale(range, [height - EDGE.bottom, EDGE.top]);
  const ring = s("circle", { r: 8, fill: "none", stroke: "var(--ink)", "stroke-width": 1.5, visibility: "hidden" });
  const root = s("svg", { viewBox: `0 0 ${width} ${height}`, height, tabindex: 0, role: "img",
    "aria-label": `${chart.caption}. Arrow keys read the values.` });
  for (const tick of niceTicks(range, 5)) {
    root.append(s("path", { class: "grid", d: `M${EDGE.left},${y(tick)}H${width - EDGE.right}` }),
      s("text", { x: EDGE.left - 7, y: y(tick) + 4, "text-anchor": "end" },
        chart.percent ? short(100 * tick) : short(tick)));
  }
  root.append(s("path", { class: "axis", d: `M${EDGE.left},${height - EDGE.bottom}H${width - EDGE.right}` }),
    ...bottomLabels(chart.ticks ?? niceTicks(extent(points.map((p) => p.x)), 6).map((t) => ({ x: t, label: count(t) })), x, width, height),
    s("text", { x: inside((EDGE.left + width) / 2, chart.xTitle, width), y: height - 5, "text-anchor": "middle" }, chart.xTitle),
    s("text", { transform: `translate(12 ${(height - EDGE.bottom) / 2 + 6}) rotate(-90)`, "text-anchor": "middle" }, chart.yTitle));
  if (chart.zero) root.append(s("path", { class: "axis", d: `M${EDGE.left},${y(0)}H${width - EDGE.right}` }));
  for (const line of chart.lines) root.append(drawLine(line, x, y, height - EDGE.bottom, chart.loose));
  root.append(ring);

  let current = -1;
  const show = (i) => {
    current = i;
    const p = points[i];
    ring.setAttribute("cx", x(p.x) + (p.line.shift ?? 0));
    ring.setAttribute("cy", y(p.y));
    ring.setAttribute("visibility", "visible");
    say(p.tip);
  };
  root.addEventListener("pointermove", (event) => {
    const at = root.getBoundingClientRect();
    const [px, py] = [((event.clientX - at.left) * width) / at.width, ((event.clientY - at.top) * height) / at.height];
    let best = -1, least = 900;
    points.forEach((p, i) => {
      const d = (x(p.x) + (p.line.shift ?? 0) - px) ** 2 + (y(p.y) - py) ** 2;
      if (d < least) [best, least] = [i, d];
    });
    if (best >= 0 && best !== current) show(best);
  });
  root.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step || !points.length) return;
    event.preventDefault();
    show((current + step + points.length) % points.length);
  });
  return root;
}

function drawLine(line, x, y, bottom, loose) {
  const group = s("g", { transform: `translate(${line.shift ?? 0} 0)` });
  const way = line.points.map((p, i) => `${i ? "L" : "M"}${x(p.x).toFixed(1)},${y(p.y).toFixed(1)}`).join("");
  for (const p of line.points) {
    if (p.low === undefined) continue;
    const [low, high] = [Math.min(y(p.low), bottom), Math.max(y(p.high), EDGE.top)];
    group.append(s("path", { stroke: line.color, "stroke-width": 1.3, fill: "none", opacity: 0.75,
      d: `M${x(p.x)},${low}V${high}m-3,0h6M${x(p.x) - 3},${low}h6` }));
  }
  if (!loose) group.append(s("path", { d: way, fill: "none", stroke: line.color, "stroke-width": line.shape ? 2 : 1.6,
    "stroke-dasharray": line.dash ?? null, "stroke-linejoin": "round" }));
  if (line.shape) {
    for (const p of line.points) {
      group.append(s("path", { d: line.shape, fill: line.fill, stroke: line.color, "stroke-width": 1.2, transform: `translate(${x(p.x)} ${y(p.y)})` }));
    }
  }
  return group;
}

/** Labels under the axis, every other one lower where they would run into each other. */
function bottomLabels(ticks, x, width, height) {
  const crowded = ticks.some((t, i) => i && x(t.x) - x(ticks[i - 1].x) < 3.3 * (t.label.length + ticks[i - 1].label.length));
  return ticks.map((t, i) => s("text", { x: inside(x(t.x), t.label, width), y: height - EDGE.bottom + 16 + (crowded && i % 2 ? 12 : 0), "text-anchor": "middle" }, t.label));
}

/** The middle of a text so that none of it is cut off, as far as it fits. */
function inside(middle, text, width) {
  const half = 3.3 * text.length;
  return 2 * half > width ? width / 2 : Math.min(Math.max(middle, half), width - half);
}

function scale([low, high], [from, to]) {
  const span = high - low;
  return (value) => (span ? from + ((value - low) / span) * (to - from) : (from + to) / 2);
}

const extent = (values) => [Math.min(...values), Math.max(...values)];
const padded = ([low, high]) => [low - 0.04 * (high - low || 1), high + 0.04 * (high - low || 1)];
const short = (value) => String(Number(value.toPrecision(4)));

function niceTicks([low, high], about) {
  const rough = (high - low) / about || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((each) => each >= rough);
  const ticks = [];
  for (let t = Math.ceil(low / step - 1e-9) * step; t <= high + 1e-9 * step; t += step) ticks.push(Number(t.toPrecision(12)));
  return ticks;
}
