"use strict";
/* Kept blocks as pictures, and how alike they are. */

const pictures = [];

/** A canvas with a pattern's picture, drawn again when the theme changes. */
function picture(of, layout, { canvas = element("canvas"), pixels = 1, line = false } = {}) {
  const cells = Uint8Array.from(atob(of.cells), character => character.charCodeAt(0));
  const paint = () => {
    const side = layout.cells * pixels;
    canvas.width = side;
    canvas.height = side;
    const context = canvas.getContext("2d");
    const colour = d3.interpolateRgb(...["--off", "--on"].map(themed));
    for (let row = 0; row < layout.cells; row++)
      for (let column = 0; column < layout.cells; column++) {
        context.fillStyle = colour(cells[row * layout.cells + column] / 255);
        context.fillRect(column * pixels, row * pixels, pixels, pixels);
      }
    if (line) {
      const at = Math.round(layout.firstGenerationBlock / layout.blocks * side);
      context.fillStyle = themed("--border-line");
      context.fillRect(at, 0, 2, side);
      context.fillRect(0, at, side, 2);
    }
  };
  pictures.push({ canvas, paint });
  paint();
  return canvas;
}

/** A colour of the style sheet in the theme that is on. */
function themed(name) {
  const probe = element("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

function paintAll() {
  for (const { canvas, paint } of pictures) if (canvas.isConnected) paint();
}

const nameOf = head => `layer ${head.layer}, head ${head.head}`;

function showKept(study) {
  const kept = study.patterns;
  document.getElementById("kept").hidden = false;
  document.getElementById("kept-lead").textContent =
    `${study.policy}: ${kept.blocks} blocks of ${kept.blockSize} positions, ${kept.blocks - kept.firstGenerationBlock} of them generated.`;
  const everyHead = kept.pictures.length === study.layers * study.heads;
  document.getElementById("wall-heading").textContent = everyHead
    ? "Kept blocks of every head, a column per layer" : `Kept blocks of ${kept.pictures.length} of ${study.layers * study.heads} heads`;
  const grid = element("div", { className: "grid" });
  grid.style.gridTemplateColumns = `repeat(${everyHead ? study.layers : 8}, minmax(0, 1fr))`;
  const buttons = kept.pictures.map(head => {
    const button = element("button", { type: "button", title: `${nameOf(head)}: ${percent(head.density)} kept` }, picture(head, kept));
    button.setAttribute("aria-label", `${nameOf(head)}, ${percent(head.density)} kept`);
    button.addEventListener("click", () => select(head, button));
    return button;
  });
  grid.append(...(everyHead ? d3.range(buttons.length).map(i => buttons[i % study.layers * study.heads + Math.floor(i / study.layers)]) : buttons));
  document.getElementById("wall").append(grid);
  select(kept.pictures[0], buttons[0]);
  shares("density", kept.density, "kept (%)", "Share of key blocks kept, by layer and head");
  document.getElementById("mass-figure").hidden = !kept.keptMass;
  if (kept.keptMass) shares("mass", kept.keptMass, "kept (%)", "Share of dense attention kept, by layer and head");
  document.getElementById("mass-by-step-figure").hidden = kept.sampledMass.length === 0;
  if (kept.sampledMass.length > 0) bySample(kept.sampledMass);

  function select(head, button) {
    for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
    document.getElementById("one-heading").textContent = `${nameOf(head)}: ${percent(head.density)} kept`;
    const canvas = document.getElementById("one");
    canvas.setAttribute("aria-label", `Kept blocks of ${nameOf(head)}`);
    const known = pictures.findIndex(entry => entry.canvas === canvas);
    if (known >= 0) pictures.splice(known, 1);
    picture(head, kept, { canvas, pixels: Math.max(2, Math.floor(512 / kept.cells)), line: true });
  }

  function bySample(samples) {
    const lines = samples.flatMap(({ step, mean, least }) => [
      { step: step + 1, value: mean, of: "mean of all heads" }, { step: step + 1, value: least, of: "least of any head" }]);
    chart("mass-by-step", () => ({
      height: 260, marginLeft: 44, ariaLabel: "Share of dense attention kept, by step",
      x: { label: "step", domain: [1, study.steps.length], ticks: Math.min(study.steps.length, 16), tickFormat: value => Number.isInteger(value) ? value : "" },
      y: { label: "kept (%)", percent: true, domain: [Math.min(90, 100 * d3.min(lines, line => line.value)), 100], grid: true },
      color: { domain: ["mean of all heads", "least of any head"], range: [palette()[1], palette()[2]], legend: true },
      marks: [
        Plot.lineY(lines, { x: "step", y: "value", stroke: "of", strokeWidth: 2, marker: "circle" }),
        Plot.tip(lines, Plot.pointer({ x: "step", y: "value", title: line => `step ${line.step}, ${line.of}: ${percent(line.value)}` })),
      ],
    }));
  }

  function shares(id, rows, label, title) {
    const cells = rows.flatMap((row, layer) => row.map((value, head) => ({ row: head, column: layer, value })));
    const low = d3.min(cells, cell => cell.value);
    const domain = id === "mass" ? [Math.min(low, 0.9), 1] : [0, 1];
    matrix(id, cells, { row: "head", column: "layer", label, title, domain, most: 44 });
  }
}

function showSimilarity(study) {
  const similarity = study.similarity;
  document.getElementById("similarity").hidden = false;
  const offDiagonal = rows => d3.mean(rows.flatMap((row, i) => row.filter((value, j) => i !== j)));
  const parts = [];
  if (similarity.steps.length > 1) parts.push(`${percent(offDiagonal(similarity.betweenSteps))} between two steps of a head`);
  if (similarity.heads.labels.length > 1) parts.push(`${percent(offDiagonal(similarity.heads.similarity))} between two heads at a step`);
  document.getElementById("similarity-lead").textContent =
    `Dense generation, with what a selection would keep in each of ${similarity.steps.length} steps. Kept blocks in common over kept blocks of either, on average: `
    + `${parts.join("; ")}; by chance it would be about ${percent(similarity.chance)}.`;
  matrix("between-steps", similarity.betweenSteps.flatMap((row, i) =>
    row.map((value, j) => ({ row: similarity.steps[i] + 1, column: similarity.steps[j] + 1, value }))),
  { row: "step", column: "step", label: "in common (%)", title: "Similarity of patterns between steps", most: 25 });
  document.getElementById("to-reference-heading").textContent =
    similarity.selects ? "To the step whose selection is used" : "To the first step";
  toReference();
  multiples();
  const names = similarity.heads.labels.map(([layer, head]) => `${layer}.${head}`);
  matrix("between-heads", similarity.heads.similarity.flatMap((row, i) => row.map((value, j) => ({ row: names[i], column: names[j], value }))),
    { row: "layer.head", column: "layer.head", label: "in common (%)", title: "Similarity of patterns between heads", most: 18 });

  function toReference() {
    const rows = similarity.toReference.map((layers, i) => ({
      step: similarity.steps[i] + 1, mean: d3.mean(layers), least: d3.min(layers), most: d3.max(layers) }));
    chart("to-reference", () => ({
      height: 430, marginLeft: 44, ariaLabel: "Similarity to the pattern of the selecting step, by step",
      x: { label: "step", ticks: Math.min(rows.length, 12), tickFormat: "d" },
      y: { label: "in common (%)", percent: true, domain: [0, 100], grid: true },
      marks: [
        Plot.areaY(rows, { x: "step", y1: "least", y2: "most", fill: palette()[1], fillOpacity: 0.22 }),
        Plot.lineY(rows, { x: "step", y: "mean", stroke: palette()[1], strokeWidth: 2, marker: "circle" }),
        Plot.ruleX([similarity.reference + 1], { stroke: palette()[2], strokeWidth: 2, strokeDasharray: "4,3" }),
        Plot.text([similarity.reference + 1], { x: d => d, frameAnchor: "bottom", dy: -6, dx: 6, textAnchor: "start", text: () => similarity.selects ? "selected here" : "compared with this one" }),
        Plot.ruleY([similarity.chance], { y: d => d, stroke: "currentColor", strokeOpacity: 0.6, strokeDasharray: "2,4" }),
        Plot.text([similarity.chance], { y: d => d, frameAnchor: "right", dy: -8, textAnchor: "end", text: () => "by chance", fillOpacity: 0.8 }),
        Plot.tip(rows, Plot.pointerX({ x: "step", y: "mean", title: row => `step ${row.step}: ${percent(row.mean)}\nlayers ${percent(row.least)} to ${percent(row.most)}` })),
      ],
    }));
  }

  function multiples() {
    const steps = [...new Set(similarity.pictures.map(head => head.step))];
    const grid = element("div", { className: "grid" });
    grid.style.gridTemplateColumns = `minmax(3rem, 4.2rem) repeat(${steps.length}, minmax(0, 1fr))`;
    grid.append(element("span", { className: "label" }), ...steps.map(step => element("span", { className: "label column", textContent: `step ${step + 1}` })));
    let shown = "";
    for (const head of similarity.pictures) {
      if (nameOf(head) !== shown) {
        shown = nameOf(head);
        grid.append(element("span", { className: "label", textContent: shown }));
      }
      const canvas = picture(head, similarity, { pixels: Math.max(1, Math.floor(256 / similarity.cells)), line: true });
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `Kept blocks of ${shown} at step ${head.step + 1}`);
      grid.append(canvas);
    }
    document.getElementById("multiples").append(grid);
  }
}
