const GROUP_TOOLS = 4;
const NAMED_PROBLEMS = 3;

/** The rows of the data as objects, with what is looked up again and again. */
function readRows(page) {
  const at = Object.fromEntries(page.row_fields.map((name, index) => [name, index]));
  const order = Object.keys(LOOKS);
  return page.rows.map((values) => {
    const own = page.cases[values[at.case]];
    const row = {
      case: values[at.case],
      name: own.name,
      tool: own.tool,
      pair: own.pair,
      environment: own.environment,
      isControl: own.is_control,
      test: values[at.test],
      testTitle: page.tests[values[at.test]].title,
      isPrimary: values[at.is_primary],
      word: values[at.word],
      isUnconfirmed: values[at.is_unconfirmed],
      badness: order.indexOf(values[at.word]),
      says: values[at.says],
      cost: values[at.cost],
      low: values[at.low],
      high: values[at.high],
      units: values[at.n_units],
      schedule: values[at.schedule],
      p: values[at.p_adjusted],
      voidBaseline: values[at.void_baseline],
      voidTool: values[at.void_tool],
      reason: page.reasons[values[at.reason]],
      budget: values[at.budget],
      budgetResult: values[at.budget_result],
    };
    row.haystack = `${row.name} ${row.tool} ${row.testTitle} ${row.word || NO_VERDICT} ${row.reason} ${own.command}`.toLowerCase();
    return row;
  });
}

function answerPart(page, filters) {
  const { headline, groups, sure, certificate, machines } = page.answer;
  return [
    el("p", { class: "headline" }, headline),
    el("div", { class: "answer" },
      el("div", { class: "groups" }, groups.length ? groups.map((group) => groupPart(group, filters)) : nothingPart(page)),
      el("div", { class: "aside" },
        aside("How sure is that?", sure),
        aside("What can this bed tell apart?", certificate),
        aside("On what machine?", machines))),
  ];
}

/** What stands in place of the tools where there is none: why, as far as that is known. */
function nothingPart(page) {
  const [first, rest] = [page.problems.slice(0, NAMED_PROBLEMS), page.problems.length - NAMED_PROBLEMS];
  return el("section", { class: "group none" },
    el("h3", {}, "Why there is nothing to show"),
    first.length ? el("ul", {}, first.map((text) => el("li", {}, text))) : el("p", {}, "The folder holds no results that could be read."),
    rest > 0 ? el("p", { class: "more" }, el("a", { href: "#missing" }, `${grouped(rest)} more`)) : null);
}

function aside(title, lines) {
  return el("section", {}, el("h3", {}, title), lines.map((text) => el("p", {}, text)));
}

function groupPart(group, filters) {
  const rest = group.tools.length - GROUP_TOOLS;
  const show = () => {
    filters.set({ tool: "", pair: "", environment: "", text: "", word: group.word || NO_VERDICT });
    location.hash = "#verdicts";
  };
  return el("section", { class: `group ${LOOKS[group.word][1]}` },
    el("h3", {}, el("span", { class: "sign", "aria-hidden": "true" }, LOOKS[group.word][0]), group.title, el("span", { class: "count" }, `${grouped(group.tools.length)} ${group.tools.length === 1 ? "tool" : "tools"}`)),
    el("p", { class: "muted" }, group.meaning),
    group.tools.slice(0, GROUP_TOOLS).map(toolPart),
    rest > 0 ? el("p", { class: "more" }, el("button", { type: "button", click: show }, `${grouped(rest)} more: show all with ${group.word || NO_VERDICT}`)) : null);
}

function toolPart(tool) {
  const cases = tool.n_cases > 1 ? `the worst of ${grouped(tool.n_cases)} cases` : "";
  return el("div", { class: "answer-tool" },
    el("h4", {}, tool.environment ? `${tool.environment}: ${tool.tool}` : tool.tool, cases ? el("span", { class: "muted" }, ` ${cases}`) : null),
    tool.tests.length
      ? el("ul", {}, tool.tests.map((test) =>
          el("li", {}, el("span", { class: "test" }, test.title), el("span", { class: `says ${LOOKS[test.word][1]}` }, el("span", { "aria-hidden": "true" }, `${LOOKS[test.word][0]} `), test.text))))
      : el("p", { class: "muted" }, "nothing was measured in both arms"));
}

function machinesPart(page) {
  return page.machines.map((machine) =>
    machine.nodes.length
      ? table(`Environment ${machine.environment}`, ["", ...machine.nodes], machine.facts)
      : el("p", {}, `Environment ${machine.environment}: nothing is recorded of its nodes.`));
}

function wordsPart(page) {
  const used = page.words.map(([word, shown, meaning]) => [el("dt", {}, badge(word)), el("dd", {}, meaning)]);
  return [
    el("p", {}, `Cost is how much worse it is with the tool, in percent: latency that rises and rates that fall are positive. Within the margin of ${digits(page.margin_pct)} % a cost counts as negligible.`),
    el("dl", { class: "words" }, used),
    el("ul", {},
      el("li", {}, "A unit is a visit without the tool and one with it next to each other, in an order that a coin decided, or a flow inside which the tool goes on and off."),
      el("li", {}, "Throughput and packets are what the receiver got. Packets per second are measured at a rate that was asked for: where it is reached, no cost means that the tool keeps up with it."),
      el("li", {}, "The null case is a tool that only sleeps. Whatever it seems to cost is the noise of the bed."),
      el("li", {}, "An interval says where the mean cost lies; single units scatter more.")),
  ];
}

function sourcePart(page) {
  return [
    facts([...page.run.facts, ["This page again", page.run.again, true]]),
    el("h3", {}, "Files"),
    el("ul", { class: "files" }, page.files.map((file) => el("li", {}, fileLink(file)))),
  ];
}

function start() {
  const page = PAGE;
  const part = (id) => document.getElementById(id);
  const rows = readRows(page);
  const filters = new Filters(page, rows);
  document.title = `Overhead report: run ${page.run.id}`;
  part("where").textContent = [`Run ${page.run.id}`, page.run.started, page.run.version && `probecost ${page.run.version}`].filter(Boolean).join(" · ");
  part("answer").append(...answerPart(page, filters));
  part("verdicts").append(...(rows.length ? [filters.form()] : []), verdictTable(page, filters));
  const forest = el("div");
  const drawForest = () => {
    const figures = forestFigures(page, filters.shown());
    forest.replaceChildren(...(figures.length ? figures : [el("p", { class: "muted" }, "There is nothing to draw.")]));
    prune();
  };
  filters.onChange(drawForest);
  part("forest").append(forest);
  drawForest();
  const cases = new CaseList(page, filters);
  part("cases").append(el("p", { class: "muted" }, "Each opens: its verdicts, units over time, what the tool used, percentiles, remarks and raw files."), cases.element);
  part("machines").append(...machinesPart(page));
  if (page.problems.length) part("missing").append(el("ul", {}, page.problems.map((text) => el("li", {}, text))));
  else part("missing").remove();
  part("words").append(...wordsPart(page));
  part("source").append(...sourcePart(page));
  const follow = () => {
    const found = /^#case-(\d+)$/.exec(location.hash);
    if (found) cases.open(Number(found[1]));
  };
  addEventListener("hashchange", follow);
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#case-"], a[href^="#case-"] *');
    if (link && (link.closest("a").getAttribute("href") === location.hash)) follow();
  });
  addEventListener("beforeprint", drawAll);
  follow();
  document.documentElement.dataset.ready = "yes";
}

start();
