const FOREST_ROWS = 30;

/** One figure for each test among `rows` that has a plot. */
function forestFigures(page, rows) {
  return page.forests.map((forest) => forestFigure(page, forest, rows.filter((row) => row.test === forest.test))).filter(Boolean);
}

/** The cases of a plot that are among `rows`, as many as were asked for; controls are always shown. */
function forestFigure(page, { test, cases, svg: text }, rows) {
  const byCase = new Map(rows.map((row) => [row.case, row]));
  const ordered = cases.map((at) => byCase.get(at)).filter(Boolean);
  if (!ordered.length) return null;
  const drawable = rows.filter((row) => row.cost !== null && row.word !== "INVALID").length;
  const name = `${page.tests[test].title}: cost in percent`;
  const holder = el("div");
  const show = (count) => {
    const shown = [...ordered.filter((row) => !row.isControl).slice(0, count), ...ordered.filter((row) => row.isControl)];
    const rest = ordered.length - shown.length;
    const entries = [["margin", `margin: ±${digits(page.margin_pct)} %`], ["zero", "no cost"], ["interval", "interval; without one an estimate"]];
    if (text.includes('class="nullband"')) entries.push(["nullband", "what the null case shows, which only sleeps"]);
    if (shown.some((row) => row.budget !== null)) entries.push(["budget", "budget of the case"]);
    holder.replaceChildren(
      figure({
        title: name,
        note: "positive is worse with the tool; the most expensive first.",
        legend: legendOf(entries),
        make: () => folded(text, shown, name),
        head: ["Case", "Verdict", { text: "Cost", number: true }, { text: "Interval", number: true }, { text: "Units" }, { text: "Budget", number: true }],
        rows: () => shown.map((row) => [row.name, row.word || NO_VERDICT, costText(row), intervalText(row), unitsText(row), row.budget === null ? "" : `${digits(row.budget)} %`]),
      }),
    );
    const more = [];
    if (rest > 0) more.push(el("button", { type: "button", click: () => show(count * 4) }, `Show ${grouped(Math.min(count * 3, rest))} more`));
    if (drawable > ordered.length) more.push(` ${grouped(drawable - ordered.length)} that cost less stand in the table alone.`);
    if (more.length) holder.append(el("p", { class: "more" }, `${grouped(shown.length)} of ${grouped(drawable)} cases shown. `, more));
  };
  show(FOREST_ROWS);
  return holder;
}

/** The plot with the rows of `shown` alone, one below the other, and as high as these need. */
function folded(text, shown, name) {
  const plot = document.importNode(new DOMParser().parseFromString(text, "image/svg+xml").documentElement, true);
  const [top, step, wanted] = [Number(plot.dataset.top), Number(plot.dataset.step), new Set(shown.map((row) => String(row.case)))];
  const [kept, gone] = split([...plot.querySelectorAll("[data-case]")], (part) => wanted.has(part.dataset.case));
  gone.forEach((part) => part.remove());
  kept.forEach((part, at) => part.setAttribute("transform", `translate(0 ${top + at * step})`));
  plot.setAttribute("height", top + kept.length * step);
  plot.setAttribute("viewBox", `0 0 ${plot.getAttribute("width")} ${plot.getAttribute("height")}`);
  plot.setAttribute("aria-label", `${name}, ${shown.length} cases. ${shown.slice(0, 5).map((row) => `${row.name}: ${row.word || NO_VERDICT}, ${costText(row)}`).join("; ")}`);
  return el("div", { class: "scroll forest", role: "region", tabindex: "0", "aria-label": `${name}, the plot` }, plot);
}
