"use strict";
/* What all sections share: colours for light and dark, and charts that fit their place. */

const dark = matchMedia("(prefers-color-scheme: dark)");

/** Okabe and Ito's colours, told apart with every kind of colour vision; lighter ones on dark. */
function palette() {
  return dark.matches
    ? ["#9aa4b0", "#56b4e9", "#ff9a52", "#2ec99d", "#f0a8d0", "#f5c04a", "#8fa8ff", "#d8d86a"]
    : ["#5c6670", "#0072b2", "#d55e00", "#008f68", "#b8568f", "#b07d00", "#4455cc", "#7a7a00"];
}

/** Draws a chart into a place, in its width, and again whenever that or the theme changes. */
const charts = new Map();
function chart(id, options) {
  charts.set(id, options);
  draw(id);
}

function draw(id) {
  const place = document.getElementById(id);
  const width = Math.floor(place.clientWidth);
  if (width === 0) return; // not shown
  const drawn = Plot.plot({
    width,
    marginBottom: 38,
    style: { background: "transparent", color: "currentColor", fontSize: "12px", overflow: "visible" },
    ...charts.get(id)(width),
  });
  (drawn.matches("svg") ? drawn : drawn.querySelector(":scope > svg:last-of-type")).setAttribute("role", "img");
  place.replaceChildren(drawn);
}

function drawAll() {
  for (const id of charts.keys()) draw(id);
}

/** A scale for shares: cividis reads the same with and without colour vision. */
const share = (label, domain = [0, 1]) => ({ scheme: "cividis", domain: domain.map(value => 100 * value), label, legend: true, percent: true });

/** A matrix of shares as cells; [[row, column, value]] with the labels of both. */
function matrix(id, cells, { row, column, label, title, domain, most = 34 }) {
  chart(id, width => {
    const rows = [...new Set(cells.map(cell => cell.row))];
    const columns = [...new Set(cells.map(cell => cell.column))];
    const characters = d3.max(cells, cell => Math.max(String(cell.row).length, String(cell.column).length));
    const left = 34 + 8 * characters;
    const side = Math.min((width - left - 10) / columns.length, most);
    const thinned = room => ({ tickSize: 0, tickFormat: (name, i) => i % Math.ceil(room / side) === 0 ? name : "" });
    const named = side >= 22 && columns.length <= 24;
    return {
      width: Math.min(width, left + 10 + side * columns.length),
      height: side * rows.length + 58,
      marginLeft: left,
      ariaLabel: title,
      padding: cells.length > 300 ? 0 : 0.05,
      x: { type: "band", domain: columns, label: column, ...thinned(7 * characters + 8) },
      y: { type: "band", domain: rows, label: row, ...thinned(13) },
      color: share(label, domain),
      marks: [
        Plot.cell(cells, { x: "column", y: "row", fill: "value", tip: true,
          title: cell => `${row} ${cell.row}, ${column} ${cell.column}\n${label} ${percent(cell.value)}` }),
        named ? Plot.text(cells, { x: "column", y: "row", text: cell => Math.round(100 * cell.value), fontSize: side < 28 ? 10 : 12,
          fill: cell => inkOn(cell.value, domain), pointerEvents: "none" }) : null,
      ],
    };
  });
}

/** Black or white, whichever reads better on a value's colour. */
function inkOn(value, domain = [0, 1]) {
  return (value - domain[0]) / (domain[1] - domain[0]) > 0.5 ? "black" : "white";
}

function percent(value) {
  return (100 * value).toFixed(value > 0.9995 || value < 0.0005 ? 0 : 1) + " %";
}

/** An element with text; text is never read as HTML. */
function element(name, properties = {}, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

function median(values) {
  return d3.median(values) ?? NaN;
}

function milliseconds(value) {
  return value < 10 ? value.toFixed(1) + " ms" : value < 10000 ? Math.round(value) + " ms" : (value / 1000).toFixed(1) + " s";
}
