"use strict";
/* One generation: the canvas step by step, and what the steps took. */

function showRun(study) {
  document.getElementById("run").hidden = false;
  document.getElementById("prompt").textContent = study.prompt;
  tiles();

  /* The canvas before every step and at the end, so that the slider may go anywhere at once. */
  const canvases = [study.canvas];
  for (const step of study.steps) {
    const next = canvases.at(-1).slice();
    for (const [index, token] of step.changes) next[index] = token;
    canvases.push(next);
  }
  const certainty = study.steps.map(step => new Map(step.commits));
  const committed = new Map();
  study.steps.forEach((step, number) => step.commits.forEach(([index, p]) => committed.set(index, [number, p])));

  const slider = document.getElementById("step");
  slider.max = study.steps.length;
  slider.value = study.steps.length;
  slider.addEventListener("input", () => { stop(); show(); });
  const play = document.getElementById("play");
  let timer = 0;
  play.addEventListener("click", () => timer ? stop() : start());
  times();
  show();

  function start() {
    if (+slider.value >= study.steps.length) slider.value = 0;
    play.textContent = "Pause";
    play.setAttribute("aria-pressed", "true");
    timer = setInterval(() => {
      slider.value = +slider.value + 1;
      show();
      if (+slider.value >= study.steps.length) stop();
    }, Math.max(60, Math.min(400, 12000 / study.steps.length)));
    show();
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    play.textContent = "Play";
    play.setAttribute("aria-pressed", "false");
  }

  /** Shows the canvas after so many steps. */
  function show() {
    const done = +slider.value;
    const step = study.steps[done - 1];
    const fresh = step ? certainty[done - 1] : new Map();
    document.getElementById("canvas").replaceChildren(...canvases[done].map((token, index) => {
      if (token === null) return element("span", { className: "mask", textContent: "░" });
      const special = Array.isArray(token);
      const span = element("span", {
        className: fresh.has(index) ? "fresh" : special ? "special" : "",
        textContent: special ? "·" : token,
      });
      const [at, p] = committed.get(index) ?? [];
      if (at !== undefined) span.title = `${special ? token[0] + ", " : ""}position ${index}, step ${at + 1}${p === null ? "" : `, p = ${p.toFixed(3)}`}`;
      return span;
    }));
    slider.setAttribute("aria-valuetext", `after ${done} of ${study.steps.length} steps`);
    document.getElementById("step-state").textContent = step
      ? `After step ${done} of ${study.steps.length}: ${step.attention}, ${milliseconds(step.ms)}, ${step.commits.length} committed, ${step.masksLeft} still masked`
      : `Before the first of ${study.steps.length} steps: ${study.canvas.filter(token => token === null).length} masked`;
    times();
  }

  function tiles() {
    const by = d3.rollup(study.steps.filter(step => step.rows > 0), steps => median(steps.map(step => step.ms)), step => step.attention);
    const counts = d3.rollup(study.steps, steps => steps.length, step => step.attention);
    const values = [
      [percent(study.agreement), "of the tokens are those of dense attention"],
      [percent(study.density), "of the key blocks are kept"],
      [[...counts.values()].join(" + "), "steps: " + [...counts.keys()].join(" + ")],
    ];
    if (by.has("dense") && by.has("block-sparse"))
      values.push([`${milliseconds(by.get("block-sparse"))}`, `a block-sparse step (median); ${milliseconds(by.get("dense"))} a dense one`]);
    for (const [value, words] of values)
      document.getElementById("tiles").append(element("p", { className: "tile" }, element("strong", { textContent: value }), element("span", { textContent: words })));
  }

  function times() {
    const done = +slider.value;
    const modes = ["dense", "dense, selects", "block-sparse", "selects, block-sparse"].filter(mode => study.steps.some(step => step.attention === mode));
    chart("times", () => ({
      height: 190, marginLeft: 50, ariaLabel: "Milliseconds per step, by the attention of the step",
      x: { label: "step", domain: [0.5, study.steps.length + 0.5], ticks: Math.min(study.steps.length, 16), tickFormat: value => Number.isInteger(value) ? value : "" },
      y: { label: "ms", grid: true },
      color: { domain: modes, range: [palette()[0], palette()[2], palette()[1], palette()[3]], legend: true },
      marks: [
        Plot.rectY(study.steps, { x1: (step, i) => i + 0.58, x2: (step, i) => i + 1.42, y: "ms", fill: "attention",
          title: (step, i) => `step ${i + 1}, ${step.attention}\n${milliseconds(step.ms)}\n${step.commits.length} committed`, tip: true }),
        Plot.ruleY([0]),
        done > 0 ? Plot.ruleX([done], { stroke: "currentColor", strokeWidth: 2, strokeDasharray: "3,3" }) : null,
      ],
    }));
  }
}
