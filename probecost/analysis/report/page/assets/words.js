const PAGE = block("page");
/** How each verdict looks: a sign that is read without colour, and a class. The worst comes first. */
const LOOKS = Object.fromEntries(PAGE.words.map(([word, , , sign, look]) => [word, [sign, look]]));
const [, NO_VERDICT] = PAGE.words.find(([word]) => !word);
const NA = "N/A";

/** The verdict as a badge: sign and word. */
function badge(word) {
  const [sign, look] = LOOKS[word] ?? LOOKS[""];
  return el("span", { class: `badge ${look}` }, el("span", { "aria-hidden": "true" }, sign), ` ${word || NO_VERDICT}`);
}

/** `+12.3 %`; a cost of 0 has no sign. */
function percent(value, digits = 1) {
  if (value === null || value === undefined) return NA;
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? `${text} %` : `${value < 0 ? "−" : "+"}${text} %`;
}

function interval(low, high) {
  return low === null || high === null ? NA : `[${percent(low)}, ${percent(high)}]`;
}

/** The cost of a row as text; what may not have a number has none. */
function costText(row) {
  if (row.isUnconfirmed) return "no number yet";
  if (row.word === "INVALID" || row.cost === null) return NA;
  return row.word ? percent(row.cost) : `estimate ${percent(row.cost)}`;
}

function intervalText(row) {
  return row.word === "INVALID" || row.isUnconfirmed ? NA : interval(row.low, row.high);
}

/** What stands below the word: its number, why there is none, and remarks on it. */
function detailText(row) {
  if (["INVALID", "INCONCLUSIVE", "UNEXPECTED SPEED-UP", ""].includes(row.word)) return row.reason;
  return [row.says, ...row.reason.split("; ").slice(1)].filter(Boolean).join("; ");
}

function unitsText(row) {
  const what = { switched: "switched flow", visits: "pair of visits" }[row.schedule] ?? row.schedule;
  if (!(row.schedule in { switched: 0, visits: 0 })) return `${row.units}, ${what}`;
  return row.schedule === "visits" && row.units !== 1 ? `${row.units} pairs of visits` : `${row.units} ${what}${row.units === 1 ? "" : "s"}`;
}

const STEPS = [
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
  [1, ""],
];

/** How values of a unit are written where the largest is `most`: a divisor and what stands behind the number. */
function scaleOf(unit, most) {
  const [factor, prefix] = STEPS.find(([size]) => Math.abs(most) >= size) ?? [1, ""];
  switch (unit) {
    case "bit/s":
      return { factor, unit: `${prefix}bit/s` };
    case "packets/s":
      return factor > 1 ? { factor, unit: `${prefix} packets/s` } : { factor, unit };
    case "us":
      return { factor: 1, unit: "µs" };
    case "share":
      return { factor: 0.01, unit: "%" };
    case "count":
      return { factor: 1, unit: "" };
    case "KB":
      return Math.abs(most) >= 1024 ? { factor: 1024, unit: "MB" } : { factor: 1, unit: "KB" };
    case "B": {
      const size = [1024 ** 3, 1024 ** 2, 1024, 1].find((each) => Math.abs(most) >= each) ?? 1;
      return { factor: size, unit: { 1: "B", [1024]: "KB", [1024 ** 2]: "MB", [1024 ** 3]: "GB" }[size] };
    }
    default:
      return { factor: 1, unit };
  }
}

/** Four significant digits, without an exponent where that is readable. */
function digits(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e4) return grouped(Math.round(value));
  return String(Number(value.toPrecision(4)));
}

function quantity(value, unit) {
  if (value === null || value === undefined) return NA;
  const scale = scaleOf(unit, value);
  return `${digits(value / scale.factor)} ${scale.unit}`.trim();
}

function seconds(value) {
  return value >= 120 ? `${Math.floor(value / 60)} min ${Math.round(value % 60)} s` : `${digits(value)} s`;
}
