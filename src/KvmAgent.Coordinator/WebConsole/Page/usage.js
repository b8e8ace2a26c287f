// What a machine uses, asked every three seconds while it is looked at. Most of it are counters; what is drawn is how fast they grow.
import * as api from "./api.js";
import { bytes, h } from "./dom.js";
import uPlot from "./uplot/uPlot.esm.js";

const Every = 3000, Kept = 200, Height = 140;
// Where lines of a grid of bytes may be.
const binary = Array.from({ length: 50 }, (_, power) => 2 ** power);

const rate = name => (now, before) => {
  const seconds = before ? (Date.parse(now.timestamp) - Date.parse(before.timestamp)) / 1000 : 0;
  // Smaller than before: the machine was started again meanwhile.
  return seconds > 0 && now[name] >= before[name] ? (now[name] - before[name]) / seconds : null;
};
const perSecond = count => `${bytes(count)}/s`;

const charts = [
  { title: "CPU", text: cpus => `${cpus.toFixed(2)} CPUs`, least: 0.1, lines: { used: rate("cpu_seconds") } },
  { title: "Memory", text: bytes, least: 2 ** 20, steps: binary, lines: { resident: now => now.resident_bytes } },
  { title: "Network", text: perSecond, least: 2 ** 10, steps: binary, lines: { received: rate("received_bytes"), sent: rate("sent_bytes") } },
  { title: "Disks", text: perSecond, least: 2 ** 10, steps: binary, lines: { read: rate("read_bytes"), written: rate("written_bytes") } },
];

export function usage(body, at) {
  const note = h("p", { class: "soft" }), drawn = charts.map(draw), grid = h("div", { class: "charts" }, drawn.map(chart => chart.element));
  let before = null, timer = null, over = false;
  body.append(h("h2", {}, "Usage"), note, grid);

  async function ask() {
    try {
      const now = await api.get(api.machine(at, "usage"));
      if (over) {
        return;
      }

      note.textContent = "";
      drawn.forEach(chart => chart.add(now, before));
      before = now;
    } catch (failure) {
      before = null;
      note.textContent = failure.message;
      if (failure.status === 501) {
        grid.remove();
        return;
      }
    }

    if (!over) {
      timer = setTimeout(() => document.hidden ? wait() : ask(), Every);
    }
  }

  // A page that nobody sees asks nothing.
  function wait() {
    document.addEventListener("visibilitychange", () => { if (!over) ask(); }, { once: true });
  }

  ask();
  return () => { over = true; clearTimeout(timer); drawn.forEach(chart => chart.stop()); };
}

// Of a class, as it is in the page's light: a canvas knows no variables.
function color(name) {
  const probe = h("i", { class: name });
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function draw({ title, text, least, steps, lines }) {
  const names = Object.keys(lines), data = [[], ...names.map(() => [])];
  const now = names.map((_, i) => h("output", { class: `line-${i}` })), place = h("div");
  const element = h("figure", { class: "card chart" }, h("figcaption", {}, h("b", {}, title), now), place);
  const axis = { stroke: color("soft"), grid: { stroke: color("grid"), width: 1 }, ticks: { show: false } };
  const chart = new uPlot({
    width: 300, height: Height, legend: { show: false }, cursor: { show: false },
    scales: { y: { range: (_, __, most) => [0, Math.max(most ?? 0, least) * 1.1] } },
    axes: [
      { ...axis, space: 80, values: (_, ticks) => ticks.map(tick => new Date(tick * 1000).toLocaleTimeString()) },
      { ...axis, size: 84, ...(steps ? { incrs: steps } : {}), values: (_, ticks) => ticks.map(text) },
    ],
    series: [{}, ...names.map((_, i) => ({ stroke: color(`line-${i}`), width: 1.5, points: { show: false } }))],
  }, data, place);
  const size = new ResizeObserver(() => chart.setSize({ width: Math.max(100, place.clientWidth), height: Height }));
  size.observe(place);

  function add(told, before) {
    const values = names.map(name => lines[name](told, before));
    [Date.parse(told.timestamp) / 1000, ...values].forEach((value, i) => { data[i].push(value); if (data[i].length > Kept) data[i].shift(); });
    chart.setData(data);
    values.forEach((value, i) => { now[i].textContent = value === null ? "" : names.length > 1 ? `${names[i]} ${text(value)}` : text(value); });
  }

  return { element, add, stop: () => { size.disconnect(); chart.destroy(); } };
}
