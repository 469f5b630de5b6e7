const CASES_SHOWN = 50;

/** The list of cases that the filters let through; each is read and drawn when it is opened. */
class CaseList {
  constructor(page, filters) {
    this.page = page;
    this.filters = filters;
    this.byCase = new Map();
    for (const row of filters.rows) {
      if (!this.byCase.has(row.case)) this.byCase.set(row.case, []);
      this.byCase.get(row.case).push(row);
    }
    this.element = el("div");
    filters.onChange(() => this.render());
    this.render();
  }

  render() {
    const { tool, pair, environment, word, text } = this.filters.values;
    const isFiltered = tool || pair || environment || word || text;
    const wanted = new Set(this.filters.shown().map((row) => row.case));
    this.shown = this.page.cases.map((_, at) => at).filter((at) => !isFiltered || wanted.has(at));
    this.boxes = new Map();
    this.list = paged(this.shown, (at) => this.box(at), CASES_SHOWN, "cases");
    this.element.replaceChildren(this.shown.length ? this.list.element : el("p", { class: "muted" }, this.page.cases.length ? "No case passes the filters." : "No case has results."));
  }

  box(at) {
    const each = this.page.cases[at];
    const words = (this.byCase.get(at) ?? []).filter((row) => row.isPrimary);
    const worst = words.length ? words.reduce((a, b) => (b.badness < a.badness ? b : a)) : null;
    const summary = el("span", { class: "case" }, el("span", { class: "case-name" }, each.name), worst ? badge(worst.word) : null, el("span", { class: "muted" }, each.status));
    const box = lazy(summary, () => caseDetail(this.page, each, block(`data-${at}`), this.byCase.get(at) ?? []), { id: `case-${at}`, class: "box" });
    this.boxes.set(at, box);
    return box;
  }

  /** Open a case and go there, whatever the filters say. */
  open(at) {
    if (!(at in this.page.cases)) return;
    if (!this.shown.includes(at)) this.filters.set({ tool: "", pair: "", environment: "", word: "", text: "" });
    this.list.showUpTo(this.shown.indexOf(at));
    const box = this.boxes.get(at);
    box.make();
    drawAll(); // What is drawn later changes the height of the page above the case, and moves it away.
    box.scrollIntoView({ block: "start" });
    box.querySelector("summary").focus({ preventScroll: true });
  }
}

function caseDetail(page, each, detail, rows) {
  const [primary, others] = split(rows, (row) => row.isPrimary);
  const rowOf = (test) => rows.find((row) => row.test === test);
  const costs = detail.unit_costs.filter((own) => own.cost.length > 1 && rowOf(own.test));
  const [first, rest] = split(costs, (own) => rowOf(own.test).isPrimary);
  const plots = (some) => el("div", { class: "plots" }, some.map((own) => unitFigure(page, own, rowOf(own.test))));
  return [
    facts([["Command", each.command, true], ...detail.facts].filter(([, text]) => text)),
    primary.length ? caseVerdicts(primary, "Verdicts of this case") : el("p", { class: "muted" }, "No primary metric of it was measured in both arms."),
    plots(first),
    others.length ? lazy("Metrics that are not primary", () => [caseVerdicts(others, "Other metrics of this case"), plots(rest)], { class: "data" }) : null,
    detail.iterations.map((iteration) => iterationPart(page, iteration, new Set(primary.map((row) => row.test)), detail.iterations.length > 1)),
  ].flat().filter(Boolean);
}

function split(items, isFirst) {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}

/** Names and texts. `entries`: name, text, whether it is a command. */
function facts(entries) {
  return el("dl", { class: "facts" }, entries.map(([name, text, isCommand]) => [el("dt", {}, name), el("dd", {}, isCommand ? el("code", {}, text) : text)]));
}

function caseVerdicts(rows, caption) {
  return table(
    caption,
    ["Test", "Verdict", { text: "Cost", number: true }, { text: "Interval", number: true }, { text: "Units", number: true }, { text: "Adjusted p", number: true }, { text: "Void without, with", number: true }],
    rows.map((row) => [
      row.testTitle,
      verdictCell(row),
      costText(row),
      intervalText(row),
      unitsText(row),
      row.p === null ? "" : String(Number(row.p.toPrecision(3))),
      `${row.voidBaseline}, ${row.voidTool}`,
    ]),
  );
}

function iterationPart(page, iteration, primary, isOneOfSeveral) {
  const latencies = new Map();
  for (const found of iteration.figures) {
    const test = page.tests[found.test];
    if (test.perf_test === "latency") latencies.set(test.conn_type, test);
  }
  const [charts, otherCharts] = split(iteration.charts, (chart) => primary.has(chart.test));
  const timed = (some) => some.map((chart) => timeFigure(page, chart));
  const used = iteration.used.filter((row) => row.cpu_avg_percent !== null || row.rss_max_kb !== null);
  const log = iteration.log_bytes === null ? "" : `Output at the end of a visit: ${quantity(iteration.log_bytes, "B")}${iteration.log_bytes_per_s === null ? "" : `, growing by ${quantity(iteration.log_bytes_per_s, "B")} a second`}.`;
  const traces = [
    ["CPU of the tool", iteration.cpu, "% of a core"],
    ["Resident memory of the tool", iteration.resident_kb, "KB"],
    ["Size of the tool's output", iteration.log_size, "B"],
  ].filter(([, trace]) => trace.time_s.length > 1);
  return el(
    "div",
    { class: "iteration" },
    isOneOfSeveral ? el("h3", {}, `Iteration ${iteration.number}`) : null,
    el("p", { class: "muted" }, [iteration.started && `Began ${iteration.started}.`, `${capital(iteration.status)}.`].filter(Boolean).join(" ")),
    iteration.message ? el("pre", { class: "message" }, iteration.message) : null,
    problemList(iteration),
    el("div", { class: "plots" },
      timed(charts),
      [...latencies.values()].map((test) => percentileFigure(page, iteration.figures, test.perf_test, test.conn_type)).filter(Boolean),
      traces.map(([title, trace, unit]) => traceFigure(title, trace, iteration.windows, unit))),
    otherCharts.length ? lazy("Metrics that are not primary, over time", () => el("div", { class: "plots" }, timed(otherCharts)), { class: "data" }) : null,
    iteration.figures.length ? lazy("All figures of the visits", () => figureTable(page, iteration.figures), { class: "data" }) : null,
    used.length ? usedTable(used) : el("p", { class: "muted" }, "CPU and memory of the tool were not sampled."),
    log ? el("p", {}, log) : null,
    iteration.files.length ? el("div", {}, el("h4", {}, "Raw files"), el("ul", { class: "files" }, iteration.files.map((file) => el("li", {}, fileLink(file))))) : null,
  );
}

function capital(text) {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function problemList({ problems, more_problems: rest }) {
  if (!problems.length) return null;
  const lost = problems.filter(([, kind]) => kind === "Missing").length;
  const summary = `${problems.length + rest} ${problems.length + rest === 1 ? "remark" : "remarks"}${lost ? `, ${lost} of them on missing data` : ""}`;
  return lazy(
    summary,
    () => el("ul", {}, problems.map(([text, kind]) => el("li", {}, el("strong", {}, `${kind}: `), text)), rest ? el("li", {}, `and ${grouped(rest)} more: see overview.md`) : null),
    { class: "data" },
  );
}

function figureTable(page, figures) {
  return table(
    "Means over the complete pairs of visits",
    ["Metric", { text: "Without", number: true }, { text: "With the tool", number: true }, { text: "Difference", number: true }, { text: "Of single units", number: true }, { text: "Units", number: true }],
    figures.map((found) => {
      const test = page.tests[found.test];
      const range = found.diff_min_pct === null || found.n_units < 2 ? "" : `${percent(found.diff_min_pct)} to ${percent(found.diff_max_pct)}`;
      return [test.title, quantity(found.baseline, test.unit), quantity(found.tool, test.unit), percent(found.diff_pct), range, String(found.n_units)];
    }),
  );
}

function usedTable(used) {
  return table(
    "What the tool's own processes used; what its probes cost in the kernel is not in it",
    ["While this ran", { text: "CPU, mean (% of a core)", number: true }, { text: "CPU, most", number: true }, { text: "Memory, most", number: true }],
    used.map((row) => [row.title, numberOr(row.cpu_avg_percent), numberOr(row.cpu_max_percent), quantity(row.rss_max_kb, "KB")]),
  );
}
