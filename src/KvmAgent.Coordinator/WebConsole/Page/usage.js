// What a machine uses, asked every three seconds while it is looked at. Most of it are counters; what is drawn is how fast they grow.
import * as api from "./api.js";
import { bytes, h } from "./dom.js";
import uPlot from "./uplot/uPlot.esm.js";

const Every = 3000, Kept = 200, Height = 140;

const rate = name => (now, before) => {
  const seconds = before ? (Date.parse(now.timestamp) - Date.parse(before.timestamp)) / 1000 : 0;
  // Smaller than before: the machine was started again meanwhile.
  return seconds > 0 && now[name] >= before[name] ? (now[name] - before[name]) / seconds : null;
};
const perSecond = count => `${bytes(count)}/s`;

const charts = [
  { title: "CPU", text: cpus => `${cpus.toFixed(2)} CPUs`, lines: { used: rate("cpu_seconds") } },
  { title: "Memory", text: bytes, lines: { resident: now => now.resident_bytes } },
  { title: "Network", text: perSecond, lines: { received: rate("received_bytes"), sent: rate("sent_bytes") } },
  { title: "Disks", text: perSecond, lines: { read: rate("read_bytes"), written: rate("written_bytes") } },
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

function draw({ title, text, lines }) {
  const names = Object.keys(lines), data = [[], ...names.map(() => [])];
  const now = h("output", {}, ""), place = h("div"), element = h("figure", { class: "card chart" }, h("figcaption", {}, h("b", {}, title), " ", now), place);
  const style = getComputedStyle(document.documentElement), color = name => style.getPropertyValue(name);
  const axis = { stroke: color("--soft"), grid: { stroke: color("--line"), width: 1 }, ticks: { show: false } };
  const chart = new uPlot({
    width: 300, height: Height, legend: { show: false }, cursor: { show: false },
    scales: { y: { range: (_, __, most) => [0, Math.max(most ?? 0, title === "CPU" ? 0.1 : 1024)] } },
    axes: [axis, { ...axis, size: 78, values: (_, ticks) => ticks.map(text) }],
    series: [{}, ...names.map((_, i) => ({ stroke: color(i === 0 ? "--link" : "--warn"), width: 1.5 }))],
  }, data, place);
  const size = new ResizeObserver(() => chart.setSize({ width: Math.max(100, place.clientWidth), height: Height }));
  size.observe(place);

  function add(told, before) {
    const values = names.map(name => lines[name](told, before));
    [Date.parse(told.timestamp) / 1000, ...values].forEach((value, i) => { data[i].push(value); if (data[i].length > Kept) data[i].shift(); });
    chart.setData(data);
    now.textContent = values.map((value, i) => value === null ? "" : names.length > 1 ? `${names[i]} ${text(value)}` : text(value)).filter(Boolean).join(", ");
  }

  return { element, add, stop: () => { size.disconnect(); chart.destroy(); } };
}
