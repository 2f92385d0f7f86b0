"use strict";
/* Outcomes of many tasks, by setting, kind of task and length. */

function showQuality(quality) {
  const all = "all tasks";
  const choice = document.getElementById("task");
  for (const name of [all, ...new Set(quality.rows.map(row => row.task))]) choice.append(element("option", { textContent: name }));
  choice.addEventListener("change", () => drawQuality(choice.value === all ? null : choice.value));
  document.getElementById("quality").hidden = false;
  const tasks = d3.sum(quality.rows, row => row.tasks);
  /* sparsed tune's prompts have no known answer; what they say is compared with dense attention. */
  const unknown = quality.rows.every(row => row.task === "prompt");
  const goal = unknown ? "same tokens as dense (%)" : "solved (%)";
  document.getElementById("accuracy-heading").textContent = unknown ? "Same tokens as dense attention" : "Solved";
  document.getElementById("accuracy-words").textContent =
    unknown ? "Share of the tokens that are dense attention's." : "Share of the tasks whose answer is exactly right.";
  const common = commonParts(quality.settings);
  document.getElementById("quality-lead").textContent =
    `${tasks} outcomes with ${quality.settings.length} ${quality.settings.length === 1 ? "setting" : "settings"}`
    + (common.length ? `; ${common.map(part => part.slice(1)).join(", ")} throughout.` : ".");
  figures(quality.rows);
  drawQuality(null);

  function drawQuality(task) {
    const rows = quality.rows.filter(row => task === null || row.task === task);
    const byLength = summed(rows, row => row.length);
    accuracy(byLength);
    speed(byLength);
    tradeoff(summed(rows, () => 0));
  }

  /** Outcomes over kinds of tasks; a task counts as one, whatever its kind. */
  function summed(rows, of) {
    return d3.flatRollup(rows, group => {
      const tasks = d3.sum(group, row => row.tasks);
      const mean = field => {
        const known = group.filter(row => row[field] !== undefined);
        return known.length ? d3.sum(known, row => row[field] * row.tasks) / d3.sum(known, row => row.tasks) : undefined;
      };
      return { tasks, exact: unknown ? mean("agreement") ?? NaN : d3.sum(group, row => row.solved) / tasks, density: mean("density"), seconds: mean("seconds"),
        agreement: mean("agreement"), kept: mean("kept_mass"), pass: 1000 * mean("seconds") / mean("forwards") };
    }, row => row.setting, of).map(([setting, length, values]) => ({ setting, length, ...values }));
  }

  /** What all settings with parameters have in common, such as :block-size=32; their names need not repeat it. */
  function commonParts(settings) {
    const parts = settings.filter(name => name.includes(":")).map(name => name.match(/:[^:,]+/g));
    return parts.length > 1 ? parts[0].filter(part => parts.every(others => others.includes(part))) : [];
  }

  function brief(name) {
    return common.reduce((rest, part) => rest.replace(part, ""), name);
  }

  function marked() {
    return {
      color: { domain: quality.settings, range: palette() },
      symbol: { domain: quality.settings, legend: true, tickFormat: brief },
    };
  }

  function described(row) {
    const dense = row.agreement === undefined ? "" : `\nsame tokens as dense ${percent(row.agreement)}`;
    const kept = row.kept === undefined ? "" : `\nattention kept ${percent(row.kept)}`;
    return `${row.setting}${row.length ? `, ${row.length} tokens` : ""}\n${goal.replace(" (%)", "")} ${percent(row.exact)}, of ${row.tasks}`
      + `\n${row.seconds.toPrecision(3)} s per task, ${milliseconds(row.pass)} per forward pass\nblocks kept ${percent(row.density)}${dense}${kept}`;
  }

  function accuracy(rows) {
    chart("accuracy", width => {
      const left = Math.min(d3.max(quality.settings, name => brief(name).length) * 6.6 + 14, width * 0.45);
      const lengths = [...new Set(rows.map(row => row.length))].sort(d3.ascending);
      return {
        width: Math.min(width, left + 20 + 84 * lengths.length),
        marginLeft: left, height: 30 * quality.settings.length + 58, padding: 0.06,
        ariaLabel: `${goal}, by policy and length`,
        x: { label: "tokens", domain: lengths, tickSize: 0, tickFormat: d3.format("d") },
        y: { label: null, domain: quality.settings, tickSize: 0, tickFormat: name => shortened(brief(name), left) },
        color: share(goal),
        marks: [
          Plot.cell(rows, { x: "length", y: "setting", fill: "exact", title: described, tip: true }),
          Plot.text(rows, { x: "length", y: "setting", text: row => Math.round(100 * row.exact),
            fill: row => inkOn(row.exact), pointerEvents: "none" }),
        ],
      };
    });
  }

  function shortened(name, left) {
    const most = Math.floor(left / 6.6) - 1;
    return name.length <= most ? name : name.slice(0, most - 1) + "…";
  }

  function speed(rows) {
    const lengths = [...new Set(rows.map(row => row.length))].sort(d3.ascending);
    chart("speed", () => ({
      height: 320, marginLeft: 50, ariaLabel: "Milliseconds per forward pass, by policy and length", ...marked(),
      x: { type: "log", base: 2, label: "tokens", ticks: lengths.length < 8 ? lengths : undefined, tickFormat: d3.format("d") },
      y: { type: "log", label: "ms per forward pass", grid: true, tickFormat: d3.format("~g") },
      marks: [
        Plot.lineY(rows, { x: "length", y: "pass", stroke: "setting", z: "setting", sort: "length", strokeWidth: 1.8 }),
        Plot.dot(rows, { x: "length", y: "pass", stroke: "setting", symbol: "setting", strokeWidth: 1.8, title: described, tip: true }),
      ],
    }));
  }

  function tradeoff(rows) {
    chart("tradeoff", () => ({
      height: 320, marginLeft: 44, ariaLabel: `${goal} against blocks kept, by policy`, ...marked(),
      x: { label: "blocks kept (%)", percent: true, domain: [0, 100], grid: true },
      y: { label: goal, percent: true, domain: [0, 100], grid: true },
      marks: [
        Plot.dot(rows, { x: "density", y: "exact", stroke: "setting", symbol: "setting", r: 6, strokeWidth: 2.2, title: described, tip: true }),
      ],
    }));
  }

  function figures(rows) {
    const columns = [
      ["policy", row => row.setting], ["task", row => row.task], ["tokens", row => row.length],
      ["solved", row => `${row.solved}/${row.tasks}`], ["same as dense", row => row.agreement === undefined ? "" : percent(row.agreement)],
      ["blocks kept", row => percent(row.density)], ["attention kept", row => row.kept_mass === undefined ? "" : percent(row.kept_mass)],
      ["forwards", row => row.forwards === undefined ? "" : row.forwards.toFixed(1)], ["seconds", row => row.seconds.toFixed(2)],
    ];
    const head = element("tr", {}, ...columns.map(([name]) => element("th", { scope: "col", textContent: name })));
    const body = rows.map(row => element("tr", {}, ...columns.map(([, text]) => element("td", { textContent: text(row) }))));
    document.getElementById("figures").append(element("thead", {}, head), element("tbody", {}, ...body));
  }
}
