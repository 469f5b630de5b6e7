/** A scale from values to pixels. */
function scale(low, high, from, to) {
  return (value) => from + ((Math.min(Math.max(value, low), high) - low) / (high - low || 1)) * (to - from);
}

/** Round values between `low` and `high`, about `count` of them. */
function ticks(low, high, count) {
  const rough = (high - low) / Math.max(count, 1) || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const found = [];
  for (let at = Math.ceil(low / step); at * step <= high + step / 1e6; at += 1) found.push(Number((at * step).toPrecision(12)));
  return found;
}

const drawn = new Map();
const seen = new IntersectionObserver(
  (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => draw(entry.target)),
  { rootMargin: "300px" },
);
const sized = new ResizeObserver((entries) => {
  for (const { target } of entries) if (drawn.get(target)?.width && drawn.get(target).width !== widthOf(target)) draw(target);
});

function widthOf(place) {
  return Math.max(Math.floor(place.clientWidth), 260);
}

function draw(place) {
  const plot = drawn.get(place);
  if (!plot || !place.isConnected) return;
  seen.unobserve(place);
  plot.width = widthOf(place);
  place.replaceChildren(plot.make(plot.width));
}

/** Forget the plots that are no longer on the page. */
function prune() {
  for (const place of drawn.keys()) if (!place.isConnected) drawn.delete(place);
}

/** Draw what is open and was not come to yet, as for print. */
function drawAll() {
  for (const [place, plot] of drawn) if (!plot.width && place.isConnected && place.clientWidth) draw(place);
}

/**
 * A figure that is drawn when it comes into view, and again when its width changes.
 * `make(width)` gives the SVG, `rows` what its table says: the same for who cannot see it.
 */
function figure({ title, note, legend, make, head, rows }) {
  const place = el("div", { class: "plot" });
  drawn.set(place, { make, width: 0 });
  seen.observe(place);
  sized.observe(place);
  return el(
    "figure",
    {},
    el("figcaption", {}, el("strong", {}, title), note ? el("span", { class: "muted" }, ` ${note}`) : null),
    legend ?? null,
    place,
    lazy("The same as a table", () => table(title, head, rows()), { class: "data" }),
  );
}

/** The SVG of a plot: one image for a screen reader, with `text` as its name. */
function canvas(width, height, text, ...children) {
  return svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": text }, children);
}

function label(text, x, y, attributes = {}) {
  return svg("text", { x, y, ...attributes }, text);
}

function line(x1, y1, x2, y2, name) {
  return svg("line", { x1, y1, x2, y2, class: name });
}

/** A tooltip. */
function hint(text) {
  return svg("title", {}, text);
}

/** The sign of an arm: a circle without, a triangle with the tool; a cross where it is void. */
function mark(kind, x, y, text) {
  const shapes = {
    baseline: () => svg("circle", { cx: x, cy: y, r: 4, class: "baseline" }),
    tool: () => svg("path", { d: `M${x} ${y - 5}l5 8.6h-10z`, class: "tool" }),
    void: () => svg("path", { d: `M${x - 4} ${y - 4}l8 8m0 -8l-8 8`, class: "void" }),
  };
  const shape = shapes[kind]();
  if (text) shape.append(hint(text));
  return shape;
}

/** The signs in words. `entries`: kind of mark, text. */
function legendOf(entries) {
  return el(
    "ul",
    { class: "legend" },
    entries.map(([kind, text]) => el("li", {}, legendSign(kind), text)),
  );
}

function legendSign(kind) {
  const box = svg("svg", { width: 18, height: 14, "aria-hidden": "true" });
  if (["baseline", "tool", "void"].includes(kind)) box.append(mark(kind, 9, 7));
  else if (["window", "margin", "nullband", "meanband"].includes(kind)) box.append(svg("rect", { x: 1, y: 1, width: 16, height: 12, class: kind }));
  else box.append(line(0, 7, 18, 7, kind));
  return box;
}

/** Frame of a plot with a vertical axis of values and a horizontal one; returns its parts and both scales. */
function frame(width, height, x, y, xText, yText) {
  const [left, right, top, bottom] = [62, 12, 22, 36];
  const across = scale(x.low, x.high, left, width - right);
  const up = scale(y.low, y.high, height - bottom, top);
  const parts = [label(yText, 4, 12, { class: "axis" })];
  for (const value of ticks(y.low, y.high, 6)) {
    parts.push(line(left, up(value), width - right, up(value), "grid"));
    parts.push(label(digits(value), left - 6, up(value) + 4, { class: "tick end" }));
  }
  for (const value of ticks(x.low, x.high, Math.max(Math.floor((width - left) / 90), 2))) {
    if (x.whole && !Number.isInteger(value)) continue;
    parts.push(line(across(value), height - bottom, across(value), height - bottom + 4, "grid"));
    parts.push(label(digits(value), across(value), height - bottom + 17, { class: "tick middle" }));
  }
  parts.push(line(left, height - bottom, width - right, height - bottom, "base"));
  parts.push(label(xText, (left + width - right) / 2, height - 4, { class: "axis middle" }));
  return { parts, across, up, left, right: width - right, top, bottom: height - bottom };
}

/** Lowest and highest of `values` with some room; from 0 where `fromZero`. */
function extent(values, { fromZero = false, room = 0.08 } = {}) {
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (fromZero) low = Math.min(low, 0);
  const space = (high - low || Math.abs(high) || 1) * room;
  return { low: fromZero && low === 0 ? 0 : low - space, high: high + space };
}
