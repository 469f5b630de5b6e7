const SIZE = { time: 220, trace: 170, costs: 190 };
const NOTE_THINNED = (shown, total) =>
  total > shown ? `${grouped(shown)} of ${grouped(total)} points: of each stretch the lowest and the highest.` : "";

/** The values of a metric over time, both arms; void ones with their reason. */
function timeFigure(page, chart) {
  const test = page.tests[chart.test];
  const { factor, unit } = scaleOf(test.unit, Math.max(...chart.value.map(Math.abs)));
  const points = chart.time_s.map((time, at) => ({
    time,
    value: chart.value[at] / factor,
    arm: chart.tool[at] ? "tool" : "baseline",
    unit: chart.unit[at],
    why: chart.void[at] < 0 ? "" : chart.voids[chart.void[at]],
  }));
  const what = chart.schedule === "switched" ? "segments of switched flows" : "visits";
  const name = `${test.title} over time`;
  const kinds = [["baseline", "without the tool"], ["tool", "with the tool"]];
  if (points.some((point) => point.why)) kinds.push(["void", "void: not used, the reason is in the table"]);
  kinds.push(["meanline baseline", "mean without"], ["meanline tool", "mean with the tool"]);
  return figure({
    title: name,
    note: `${what}; the axis does not begin at 0. ${NOTE_THINNED(points.length, chart.total)}`,
    legend: legendOf(kinds),
    make: (width) => timePlot(points, unit || "count", name, width),
    head: [{ text: "Time (s)" }, { text: "Unit", number: true }, "Arm", { text: `Value (${unit || "count"})`, number: true }, "Void because"],
    rows: () => points.map((p) => [digits(p.time), String(p.unit), p.arm, digits(p.value), p.why]),
  });
}

function timePlot(points, unit, name, width) {
  const height = SIZE.time;
  const box = frame(width, height, extent(points.map((p) => p.time), { room: 0.02 }), extent(points.map((p) => p.value)), "seconds since the case began", unit);
  const units = [...new Set(points.map((p) => p.unit))];
  units.forEach((each, at) => {
    const times = points.filter((p) => p.unit === each).map((p) => p.time);
    const [from, to] = [box.across(Math.min(...times)) - 6, box.across(Math.max(...times)) + 6];
    if (at % 2 === 0) box.parts.unshift(svg("rect", { x: from, y: box.top, width: to - from, height: box.bottom - box.top, class: "unit" }, hint(`unit ${each}`)));
  });
  const means = [];
  for (const arm of ["baseline", "tool"]) {
    const used = points.filter((p) => p.arm === arm && !p.why).map((p) => p.value);
    if (!used.length) continue;
    const mean = used.reduce((sum, value) => sum + value, 0) / used.length;
    means.push(`${arm} mean ${digits(mean)} ${unit}`);
    box.parts.push(line(box.left, box.up(mean), box.right, box.up(mean), `meanline ${arm}`));
  }
  for (const p of points) {
    const text = `${p.arm}, unit ${p.unit}, at ${seconds(p.time)}: ${digits(p.value)} ${unit}${p.why ? `; void: ${p.why}` : ""}`;
    box.parts.push(mark(p.why ? "void" : p.arm, box.across(p.time), box.up(p.value), text));
  }
  return canvas(width, height, `${name}: ${points.length} points; ${means.join(", ")}`, box.parts);
}

/** CPU, memory or log size of the tool over time, the perf tests shaded. */
function traceFigure(title, trace, windows, unit) {
  const values = trace.value.filter((value) => value !== null);
  const { factor, unit: shown } = scaleOf(unit, Math.max(...values.map(Math.abs)));
  const [from, to] = [Math.min(...trace.time_s), Math.max(...trace.time_s)];
  const beside = windows.filter((each) => each.end_s >= from && each.start_s <= to);
  const running = (time) => beside.filter((each) => each.start_s <= time && time <= each.end_s).map((each) => each.title).join(", ");
  return figure({
    title,
    note: NOTE_THINNED(values.length, trace.total),
    legend: legendOf([["trace", "of the tool's own processes"], ["window", "a perf test runs"]]),
    make: (width) => tracePlot(trace, beside, factor, shown, title, width),
    head: [{ text: "Time (s)" }, { text: `Value (${shown})`, number: true }, "Perf test"],
    rows: () =>
      trace.time_s
        .map((time, at) => [time, trace.value[at]])
        .filter(([, value]) => value !== null)
        .map(([time, value]) => [digits(time), digits(value / factor), running(time)]),
  });
}

function tracePlot(trace, windows, factor, unit, title, width) {
  const height = SIZE.trace;
  const values = trace.value.filter((value) => value !== null).map((value) => value / factor);
  const box = frame(width, height, extent(trace.time_s, { room: 0.02 }), extent(values, { fromZero: true }), "seconds since the case began", unit);
  for (const each of windows) {
    const [from, to] = [box.across(each.start_s), box.across(each.end_s)];
    box.parts.unshift(svg("rect", { x: from, y: box.top, width: Math.max(to - from, 1), height: box.bottom - box.top, class: "window" }, hint(each.title)));
  }
  let path = "";
  let pen = "M";
  trace.time_s.forEach((time, at) => {
    if (trace.value[at] === null) {
      pen = "M";
      return;
    }
    path += `${pen}${box.across(time).toFixed(1)} ${box.up(trace.value[at] / factor).toFixed(1)}`;
    pen = "L";
  });
  box.parts.push(svg("path", { d: path, class: "trace" }));
  return canvas(width, height, `${title}: from ${digits(Math.min(...values))} to ${digits(Math.max(...values))} ${unit}, ${windows.length} perf tests`, box.parts);
}

const PERCENTILES = [
  ["p50_us", "50 %"],
  ["p90_us", "90 %"],
  ["p99_us", "99 %"],
];

/** The percentiles of a latency perf test, both arms; nothing where none was measured. */
function percentileFigure(page, figures, perfTest, connType) {
  const rows = PERCENTILES.map(([metric, name]) => {
    const found = figures.find((each) => {
      const test = page.tests[each.test];
      return test.perf_test === perfTest && test.conn_type === connType && test.metric === metric;
    });
    return found && { name, baseline: found.baseline, tool: found.tool, diff: found.diff_pct };
  }).filter((row) => row && (row.baseline !== null || row.tool !== null));
  if (!rows.length) return null;
  const usual = page.tests.find((test) => test.perf_test === perfTest && test.conn_type === connType && test.metric === "mean_us");
  const name = `${usual ? usual.title : `${perfTest} ${connType}`}: percentiles`;
  return figure({
    title: name,
    note: "round trips that took at most so long; means over the pairs of visits.",
    legend: legendOf([["baseline", "without the tool"], ["tool", "with the tool"]]),
    make: (width) => percentilePlot(rows, name, width),
    head: ["Share of round trips", { text: "Without (µs)", number: true }, { text: "With the tool (µs)", number: true }, { text: "Difference", number: true }],
    rows: () => rows.map((row) => [row.name, numberOr(row.baseline), numberOr(row.tool), percent(row.diff)]),
  });
}

function numberOr(value) {
  return value === null ? NA : digits(value);
}

function percentilePlot(rows, name, width) {
  const [left, right, step] = [46, 74, 30];
  const height = rows.length * step + 44;
  const most = Math.max(...rows.flatMap((row) => [row.baseline ?? 0, row.tool ?? 0]));
  const across = scale(0, most * 1.05, left, width - right);
  const parts = [];
  for (const value of ticks(0, most * 1.05, Math.max(Math.floor((width - left - right) / 80), 2))) {
    parts.push(line(across(value), 6, across(value), height - 34, "grid"));
    parts.push(label(digits(value), across(value), height - 20, { class: "tick middle" }));
  }
  parts.push(label("µs", (left + width - right) / 2, height - 4, { class: "axis middle" }));
  rows.forEach((row, at) => {
    const y = at * step + 20;
    parts.push(label(row.name, left - 8, y + 4, { class: "tick end" }));
    if (row.baseline !== null && row.tool !== null) parts.push(line(across(row.baseline), y, across(row.tool), y, "link"));
    if (row.baseline !== null) parts.push(mark("baseline", across(row.baseline), y, `without: ${digits(row.baseline)} µs`));
    if (row.tool !== null) parts.push(mark("tool", across(row.tool), y, `with the tool: ${digits(row.tool)} µs`));
    parts.push(label(percent(row.diff), width - 4, y + 4, { class: "tick end" }));
  });
  const text = rows.map((row) => `${row.name} ${numberOr(row.baseline)} without, ${numberOr(row.tool)} with`).join("; ");
  return canvas(width, height, `${name} in µs: ${text}`, parts);
}

/** Whether a row's interval is that of the mean of these units: a speed-up's is that of fresh units, or of none. */
function hasMeanBand(row) {
  return row && row.low !== null && row.word !== "UNEXPECTED SPEED-UP";
}

/** What each unit says by itself, with the margin and the interval over all of them. */
function unitFigure(page, own, row) {
  const name = `${page.tests[own.test].title}: cost of each unit`;
  return figure({
    title: name,
    note: hasMeanBand(row) ? "the interval is that of the mean, not of single units." : "",
    legend: legendOf([["tool", "a unit"], ["margin", `margin, ±${digits(page.margin_pct)} %`], ["zero", "no cost"], ...(hasMeanBand(row) ? [["meanband", "interval of the mean"]] : [])]),
    make: (width) => unitPlot(page, own.cost, row, name, width),
    head: ["Unit", { text: "Cost", number: true }],
    rows: () => own.cost.map((cost, at) => [String(at + 1), percent(cost)]),
  });
}

function unitPlot(page, costs, row, name, width) {
  const height = SIZE.costs;
  const margin = page.margin_pct;
  const box = frame(width, height, { low: 0.5, high: costs.length + 0.5, whole: true }, extent([...costs, -margin * 1.3, margin * 1.3]), "unit, in the order of the plan", "cost, %");
  const band = (low, high, kind) => svg("rect", { x: box.left, y: box.up(high), width: box.right - box.left, height: Math.max(box.up(low) - box.up(high), 1), class: kind });
  box.parts.unshift(band(-margin, margin, "margin"));
  box.parts.push(line(box.left, box.up(0), box.right, box.up(0), "zero"));
  if (hasMeanBand(row)) box.parts.push(band(row.low, row.high, "meanband"));
  costs.forEach((cost, at) => box.parts.push(mark("tool", box.across(at + 1), box.up(cost), `unit ${at + 1}: ${percent(cost)}`)));
  return canvas(width, height, `${name}: ${costs.map((cost) => percent(cost)).join(", ")}`, box.parts);
}
