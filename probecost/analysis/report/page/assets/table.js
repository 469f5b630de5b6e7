const TABLE_ROWS = 100;

/** What is shown: the filters, in one place, with who wants to know when they change. */
class Filters {
  constructor(page, rows) {
    this.page = page;
    this.rows = rows;
    this.listeners = [];
    this.hasOthers = rows.some((row) => !row.isPrimary);
    this.values = { tool: "", pair: "", environment: "", word: "", text: "", all: !rows.some((row) => row.isPrimary) };
    this.fields = {};
  }

  onChange(listener) {
    this.listeners.push(listener);
  }

  set(changes) {
    Object.assign(this.values, changes);
    for (const [key, field] of Object.entries(this.fields)) {
      if (field.type === "checkbox") field.checked = this.values[key];
      else if (field.value !== this.values[key]) field.value = this.values[key];
    }
    this.listeners.forEach((listener) => listener());
  }

  /** The rows that are let through, in the order of the data. */
  shown() {
    const { tool, pair, environment, word, text, all } = this.values;
    const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
    return this.rows.filter(
      (row) =>
        (all || row.isPrimary) &&
        (!tool || row.tool === tool) &&
        (!pair || row.pair === pair) &&
        (!environment || row.environment === environment) &&
        (!word || (row.word || NO_VERDICT) === word) &&
        wanted.every((part) => row.haystack.includes(part)),
    );
  }

  form() {
    const values = (of) => [...new Set(this.rows.map(of))].filter(Boolean).sort();
    const words = this.page.words.map(([, shown]) => shown).filter((word) => this.rows.some((row) => (row.word || NO_VERDICT) === word));
    const environments = values((row) => row.environment);
    return el(
      "form",
      { class: "filters", role: "search", "aria-label": "Filter verdicts, intervals and cases", submit: (event) => event.preventDefault() },
      this.select("tool", "Tool", values((row) => row.tool)),
      this.select("pair", "Pair", values((row) => row.pair)),
      environments.length > 1 ? this.select("environment", "Environment", environments) : null,
      this.select("word", "Verdict", words),
      this.search(),
      this.hasOthers ? this.checkbox() : null,
      el("button", { type: "button", click: () => this.set({ tool: "", pair: "", environment: "", word: "", text: "" }) }, "Reset"),
    );
  }

  select(key, name, options) {
    const field = el("select", { id: `filter-${key}`, change: () => this.set({ [key]: field.value }) }, el("option", { value: "" }, "all"), options.map((option) => el("option", { value: option }, option)));
    this.fields[key] = field;
    return el("label", { for: field.id }, el("span", {}, name), field);
  }

  search() {
    const field = el("input", { id: "filter-text", type: "search", autocomplete: "off", spellcheck: "false", placeholder: "case, test, reason", input: () => this.set({ text: field.value }) });
    this.fields.text = field;
    return el("label", { for: field.id, class: "wide" }, el("span", {}, "Text"), field);
  }

  checkbox() {
    const field = el("input", { id: "filter-all", type: "checkbox", change: () => this.set({ all: field.checked }) });
    field.checked = this.values.all;
    this.fields.all = field;
    return el("label", { for: field.id, class: "check" }, field, el("span", {}, "all metrics, not only the primary ones"));
  }
}

const COLUMNS = [
  { key: "name", text: "Case", of: (row) => row.name },
  { key: "tool", text: "Tool", of: (row) => row.tool },
  { key: "pair", text: "Pair", of: (row) => row.pair },
  { key: "test", text: "Test", of: (row) => row.test },
  { key: "verdict", text: "Verdict", of: (row) => row.badness },
  { key: "cost", text: "Cost", of: (row) => (costText(row) === NA || row.isUnconfirmed ? null : row.cost), number: true },
  { key: "interval", text: "Interval", of: (row) => (intervalText(row) === NA ? null : row.high - row.low), number: true },
  { key: "units", text: "Units", of: (row) => row.units, number: true },
  { key: "budget", text: "Budget", of: (row) => row.budget, number: true },
];

/** The table of verdicts: sorted by its heads, filtered by `filters`, as many rows as were asked for. */
function verdictTable(page, filters) {
  const columns = COLUMNS.filter((column) => column.key !== "budget" || filters.rows.some((row) => row.budget !== null));
  let sort = { key: "", up: true };
  let limit = TABLE_ROWS;
  const heads = columns.map((column) =>
    el("th", { scope: "col", role: "columnheader", "aria-sort": "none", class: column.number ? "number" : null },
      el("button", { type: "button", click: () => sortBy(column.key) }, column.text, el("span", { class: "arrow", "aria-hidden": "true" }))),
  );
  const body = el("tbody", { role: "rowgroup" });
  const status = el("p", { id: "table-status", class: "muted", role: "status" });
  const more = el("p", { class: "more" });

  function sortBy(key) {
    sort = sort.key === key ? { key, up: !sort.up } : { key, up: true };
    render();
  }

  function sorted(rows) {
    const column = columns.find((each) => each.key === sort.key);
    if (!column) return rows;
    const sign = sort.up ? 1 : -1;
    return rows
      .map((row) => [column.of(row), row])
      .sort(([a], [b]) => (a === null) - (b === null) || (a === null ? 0 : sign * (a < b ? -1 : a > b ? 1 : 0)))
      .map(([, row]) => row);
  }

  function render() {
    const rows = sorted(filters.shown());
    heads.forEach((head, at) => {
      const isSorted = columns[at].key === sort.key;
      head.setAttribute("aria-sort", isSorted ? (sort.up ? "ascending" : "descending") : "none");
      head.querySelector(".arrow").textContent = isSorted ? (sort.up ? " ▲" : " ▼") : "";
    });
    body.replaceChildren(...rows.slice(0, limit).map((row) => tableRow(row, columns)));
    const whole = filters.rows.filter((row) => filters.values.all || row.isPrimary).length;
    status.textContent = rows.length
      ? `${grouped(Math.min(limit, rows.length))} of ${grouped(rows.length)} rows shown` + (rows.length < whole ? `, ${grouped(whole - rows.length)} filtered out.` : ".")
      : whole ? "No row passes the filters." : "There is nothing to show: no metric of both arms was measured.";
    more.replaceChildren();
    if (rows.length > limit) {
      more.append(
        el("button", { type: "button", click: () => ((limit += TABLE_ROWS), render()) }, `Show ${grouped(Math.min(TABLE_ROWS, rows.length - limit))} more`),
        " ",
        el("button", { type: "button", click: () => ((limit = rows.length), render()) }, `Show all ${grouped(rows.length)}`),
      );
    }
  }

  filters.onChange(() => ((limit = TABLE_ROWS), render()));
  render();
  const caption = "Cost of each case in each test, the worst first; positive is worse with the tool. A head sorts.";
  if (!filters.rows.length) return el("div", {}, status);
  return el("div", {}, status,
    el("div", { class: "scroll cards", role: "region", tabindex: "0", "aria-label": "Table of verdicts" },
      el("table", { role: "table", id: "verdict-table" }, el("caption", {}, caption), el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, heads)), body)),
    more);
}

function verdictCell(row) {
  return [badge(row.word), detailText(row) ? el("span", { class: "reason" }, detailText(row)) : ""];
}

function tableRow(row, columns) {
  const cells = {
    name: () => [el("a", { href: `#case-${row.case}` }, row.name), row.isControl ? el("span", { class: "reason" }, "the null case: it only sleeps") : ""],
    tool: () => row.tool,
    pair: () => row.pair,
    test: () => row.testTitle,
    verdict: () => verdictCell(row),
    cost: () => costText(row),
    interval: () => intervalText(row),
    units: () => el("span", { title: unitsText(row) }, String(row.units)),
    budget: () => (row.budget === null ? "" : `${digits(row.budget)} %: ${row.budgetResult}`),
  };
  return el("tr", { role: "row", class: row.isControl ? "control" : null },
    columns.map((column, at) =>
      el(at ? "td" : "th", { role: at ? "cell" : "rowheader", scope: at ? null : "row", "data-label": column.text, class: column.number ? "number" : null }, cells[column.key]())),
  );
}
