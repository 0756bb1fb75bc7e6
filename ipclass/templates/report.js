// Bundled with Vega and Vega-Lite: draws each chart in the place of its still picture. Nothing is fetched.
const tip = document.createElement("div");
tip.id = "tip";
tip.hidden = true;
document.body.append(tip);

function tell(handler, event, item, value) {
  tip.hidden = value === null || typeof value !== "object";
  if (tip.hidden) return;
  tip.textContent = Object.entries(value).map(([name, shown]) => `${name}: ${shown}`).join("\n");
  const left = Math.min(event.clientX + 12, window.innerWidth - tip.offsetWidth - 8);
  const above = event.clientY + 16 + tip.offsetHeight > window.innerHeight;
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${above ? event.clientY - tip.offsetHeight - 10 : event.clientY + 16}px`;
}

const { config, charts } = JSON.parse(document.getElementById("specs").textContent);
const options = { mode: "vega-lite", ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip: tell, config };
for (const [id, spec] of Object.entries(charts)) {
  const chart = document.getElementById(id);
  chart.classList.add("drawn");
  vegaEmbed(chart.querySelector(".live"), { ...spec, width: "container" }, options).catch((error) => {
    chart.classList.remove("drawn");
    console.error(error);
  });
}

let closed = [];
window.addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("details:not([open])")];
  for (const each of closed) each.open = true;
});
window.addEventListener("afterprint", () => {
  for (const each of closed) each.open = false;
});
