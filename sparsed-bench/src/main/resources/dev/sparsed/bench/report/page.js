"use strict";
/* Puts together what there is to show. */

const data = JSON.parse(document.getElementById("data").textContent);
document.title = data.title;
document.getElementById("title").textContent = data.title;
if (data.study) {
  const { family, layers, heads, backend, device, policy, promptTokens, genTokens } = data.study;
  document.getElementById("subtitle").textContent =
    `${family}, ${layers} layers, ${heads} heads, on ${backend} (${device}). ${policy}. A prompt of ${promptTokens} tokens, ${genTokens} to generate.`;
}
if (data.quality) showQuality(data.quality);
if (data.study) {
  showRun(data.study);
  if (data.study.patterns) showKept(data.study);
  showSimilarity(data.study);
}
dark.addEventListener("change", () => { drawAll(); paintAll(); });
let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === width) return;
  width = innerWidth;
  drawAll();
});
