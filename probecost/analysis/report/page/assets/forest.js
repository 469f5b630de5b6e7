const FOREST_ROWS = 30;
const BENT_FROM = 30;

/** One figure for each metric among `rows`: the cost of every case with its interval. */
function forestFigures(page, rows) {
  const byTest = new Map();
  for (const row of rows) {
    if (row.cost === null || row.word === "INVALID") continue;
    if (!byTest.has(row.test)) byTest.set(row.test, []);
    byTest.get(row.test).push(row);
  }
  return [...byTest].sort(([a], [b]) => a - b).map(([test, own]) => forestFigure(page, test, own));
}

function forestFigure(page, test, own) {
  const name = `${page.tests[test].title}: cost in percent`;
  const ordered = [...own].sort((a, b) => a.isControl - b.isControl || b.cost - a.cost);
  const controls = ordered.filter((row) => row.isControl && row.low !== null);
  const holder = el("div");
  const show = (count) => {
    const shown = [...ordered.filter((row) => !row.isControl).slice(0, count), ...ordered.filter((row) => row.isControl)];
    const rest = ordered.length - shown.length;
    const entries = [["margin", `margin: ±${digits(page.margin_pct)} %`], ["zero", "no cost"], ["interval", "interval; without one an estimate"]];
    if (controls.length) entries.push(["nullband", "what the null case shows, which only sleeps"]);
    if (shown.some((row) => row.budget !== null)) entries.push(["budget", "budget of the case"]);
    holder.replaceChildren(
      figure({
        title: name,
        note: "positive is worse with the tool; the most expensive first.",
        legend: legendOf(entries),
        make: (width) => forestPlot(page, shown, controls, name, width),
        head: ["Case", "Verdict", { text: "Cost", number: true }, { text: "Interval", number: true }, { text: "Units" }, { text: "Budget", number: true }],
        rows: () => shown.map((row) => [row.name, row.word || NO_VERDICT, costText(row), intervalText(row), unitsText(row), row.budget === null ? "" : `${digits(row.budget)} %`]),
      }),
    );
    if (rest > 0) {
      holder.append(
        el("p", { class: "more" }, `${grouped(shown.length)} of ${grouped(ordered.length)} cases shown. `,
          el("button", { type: "button", click: () => show(count * 4) }, `Show ${grouped(Math.min(count * 3, rest))} more`)),
      );
    }
  };
  show(FOREST_ROWS);
  return holder;
}

/** The plot: in wide ones the name stands before the interval and the numbers behind it, in narrow ones above it. */
function forestPlot(page, rows, controls, name, width) {
  const isWide = width >= 640;
  const left = isWide ? Math.min(Math.round(width * 0.32), 330) : 10;
  const right = isWide ? 200 : 14;
  const step = isWide ? 26 : 44;
  const [top, bottom] = [10, 44];
  const height = top + rows.length * step + bottom;
  const margin = page.margin_pct;
  const ends = rows.flatMap((row) => [row.cost, row.low, row.high, row.budget]).filter((value) => value !== null);
  const low = Math.max(Math.min(...ends, -margin * 1.5), -100);
  const high = Math.min(Math.max(...ends, margin * 1.5), 10000);
  const bend = Math.max(-low, high) > BENT_FROM ? Math.max(2 * margin, 2) : 0;
  const across = scale(low, high, left + 10, width - right - 10, bend);
  const floor = height - bottom;
  const strip = (from, to, kind) => svg("rect", { x: across(from), y: top, width: Math.max(across(to) - across(from), 1), height: floor - top, class: kind });
  const parts = [strip(-margin, margin, "margin"), ...controls.map((row) => strip(row.low, row.high, "nullband"))];
  const steps = bend ? bentTicks(across, 44) : ticks(low, high, Math.max(Math.floor((width - left - right) / 80), 3));
  for (const value of steps) {
    parts.push(line(across(value), top, across(value), floor, value === 0 ? "zero" : "grid"));
    parts.push(label(value > 0 ? `+${digits(value)}` : digits(value).replace("-", "−"), across(value), floor + 16, { class: "tick middle" }));
  }
  parts.push(label(bend ? "cost in percent; larger values are compressed" : "cost in percent", (left + width - right) / 2, floor + 34, { class: "axis middle" }));
  rows.forEach((row, at) => parts.push(forestRow(row, { across, width, left, right, isWide, y: top + at * step + step / 2, step })));
  const text = `${name}, ${rows.length} cases. ${rows.slice(0, 5).map((row) => `${row.name}: ${row.word || NO_VERDICT}, ${costText(row)}`).join("; ")}`;
  return canvas(width, height, text, parts);
}

function forestRow(row, { across, width, left, right, isWide, y, step }) {
  const [, look] = LOOKS[row.word] ?? LOOKS[""];
  const middle = isWide ? y : y + 10;
  const parts = [];
  if (row.isControl) parts.push(svg("rect", { x: 0, y: y - step / 2, width, height: step, class: "control" }));
  if (row.low !== null) {
    parts.push(line(across(row.low), middle, across(row.high), middle, `interval ${look}`));
    for (const end of [row.low, row.high]) parts.push(line(across(end), middle - 4, across(end), middle + 4, `interval ${look}`));
  }
  if (row.budget !== null) parts.push(line(across(row.budget), middle - 10, across(row.budget), middle + 10, "budget"));
  if (!row.isUnconfirmed) parts.push(verdictMark(row.word, across(row.cost), middle));
  const room = Math.floor((isWide ? left - 14 : width * 0.56) / 7);
  const shown = row.name.length > room ? `${row.name.slice(0, room - 1)}…` : row.name;
  parts.push(svg("a", { href: `#case-${row.case}` }, label(shown, 4, isWide ? y + 4 : y - 6, { class: "name halo" })));
  const numbers = row.word ? costText(row) : `(${percent(row.cost)})`;
  parts.push(label(`${LOOKS[row.word]?.[0] ?? ""} ${row.word ? shortWord(row.word) : NO_VERDICT} ${numbers}`, width - 4, isWide ? y + 4 : y - 6, { class: "tick end halo" }));
  return svg("g", {}, hint(`${row.name}: ${row.word || NO_VERDICT} ${costText(row)} ${intervalText(row)}`), parts);
}

function shortWord(word) {
  return word === "UNEXPECTED SPEED-UP" ? "SPEED-UP" : word;
}

/** Filled where a cost is claimed, hollow where nothing is known, a dot where it is small for sure. */
function verdictMark(word, x, y) {
  const [, look] = LOOKS[word] ?? LOOKS[""];
  const shapes = {
    OVERHEAD: () => svg("path", { d: `M${x} ${y - 6}l6 10.4h-12z` }),
    SMALL: () => svg("path", { d: `M${x} ${y - 6}l6 6l-6 6l-6 -6z` }),
    MASKED: () => svg("path", { d: `M${x - 5} ${y - 5}h10v10h-10z` }),
    NEGLIGIBLE: () => svg("circle", { cx: x, cy: y, r: 4 }),
  };
  const shape = (shapes[word] ?? (() => svg("circle", { cx: x, cy: y, r: 4.5 })))();
  shape.setAttribute("class", `estimate ${look}${word in shapes ? "" : " open"}`);
  return shape;
}
