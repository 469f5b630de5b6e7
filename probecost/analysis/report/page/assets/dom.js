const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children. Functions become listeners; text becomes text nodes, never markup. */
function el(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same in SVG. */
function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

/** What a JSON block of this file holds. */
function block(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

/** A link to a file of the run: a relative path, so that nothing else is ever opened. */
function fileLink({ label, href }) {
  return /^[^:]*$/.test(href) && !href.startsWith("/") ? el("a", { href }, label) : label;
}

/** A table of texts or elements; numbers are given as text. `head` has a text per column, or `{text, number}`. */
function table(caption, head, rows) {
  const columns = head.map((column) => (typeof column === "string" ? { text: column } : column));
  const cell = (value, at) =>
    at === 0
      ? el("th", { scope: "row" }, value)
      : el("td", { class: columns[at]?.number ? "number" : null }, value);
  return el(
    "div",
    { class: "scroll", role: "region", tabindex: "0", "aria-label": caption },
    el(
      "table",
      {},
      el("caption", {}, caption),
      el("thead", {}, el("tr", {}, columns.map((c) => el("th", { scope: "col", class: c.number ? "number" : null }, c.text)))),
      el("tbody", {}, rows.map((row) => el("tr", {}, row.map(cell)))),
    ),
  );
}

/** A closed `details` whose content is made when it is opened for the first time. */
function lazy(summary, make, attributes = {}) {
  const box = el("details", attributes, el("summary", {}, summary));
  const open = () => {
    if (box.open && !box.dataset.made) {
      box.dataset.made = "yes";
      box.append(...[make()].flat());
    }
  };
  box.addEventListener("toggle", open);
  box.make = () => ((box.open = true), open());
  return box;
}

/** The first entries of a long list, and a button that shows more of it. */
function paged(items, make, size, what) {
  const list = el("div");
  const more = el("p", { class: "more" });
  let shown = 0;
  const show = (count) => {
    const next = items.slice(shown, shown + count);
    list.append(...next.map(make));
    shown += next.length;
    more.replaceChildren();
    if (shown < items.length) {
      const rest = items.length - shown;
      more.append(
        `${grouped(shown)} of ${grouped(items.length)} ${what} shown. `,
        el("button", { type: "button", click: () => show(size) }, `Show ${grouped(Math.min(size, rest))} more`),
      );
    }
  };
  show(size);
  return { element: el("div", {}, list, more), showUpTo: (index) => index >= shown && show(index + 1 - shown) };
}

/** A whole number with separators. */
function grouped(value) {
  return value.toLocaleString("en-US");
}
