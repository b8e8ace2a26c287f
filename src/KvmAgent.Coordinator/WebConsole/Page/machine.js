// One machine: what it is, its buttons, and what of it can be looked at.
import * as api from "./api.js";
import { ask, bytes, fill, h, table, tell } from "./dom.js";
import { events } from "./events.js";
import { follow } from "./live.js";
import { button, destroy } from "./power.js";
import { dump } from "./js-yaml/js-yaml.esm.min.mjs";

const Display = "kvmagent.io/display";

// A machine that has a SPICE screen says so by an annotation; which it had when it last ran, or will have.
const tabs = ({ instance, manifest }) => ({
  overview: "Overview", screen: "Screen",
  ...((instance?.metadata ?? manifest?.spec?.template?.metadata)?.annotations?.[Display] === "spice" && { spice: "SPICE screen" }),
  console: "Serial console", events: "Events", yaml: "YAML",
});

// What goes on while it is looked at, and is loaded when somebody does.
const parts = {
  overview: async (place, at) => (await import("./usage.js")).usage(place, at),
  screen: async (place, at) => (await import("./screen.js")).screen(place, at),
  spice: async (place, at) => (await import("./spice.js")).spice(place, at),
  console: async (place, at) => (await import("./terminal.js")).terminal(place, at),
};

export async function machine(main, at, tab) {
  let details = await api.get(api.machine(at));
  const bar = h("div"), body = h("div"), told = tab === "events" ? events(body, at) : null, figures = h("div");

  function draw() {
    const vm = details.vm;
    fill(bar, h("div", { class: "bar" }, h("span", { class: `state ${vm.power_state}` }, vm.status), ...["start", "stop", "restart", "pause", "unpause"].map(verb => button(vm, verb, load)),
      ...(vm.kind === "VirtualMachine" ? [h("button", { type: "button", onclick: () => clone(vm) }, "Clone")] : []),
      h("button", { type: "button", class: "danger", onclick: async () => { if (await destroy(vm)) location.hash = "#/"; } }, "Delete")));
    if (tab === "overview") {
      fill(body, overview(details));
    } else if (tab === "yaml") {
      fill(body, h("pre", {}, dump(details.manifest ?? details.instance)));
    } else if (tab === "events") {
      told.load();
    }
  }

  async function load() {
    try {
      details = await api.get(api.machine(at));
      draw();
    } catch (failure) {
      if (failure.status === 404) {
        fill(bar, h("div", { class: "bar" }, h("span", { class: "state" }, "deleted")));
      } else {
        tell(failure.message, true);
      }
    }
  }

  main.append(h("h1", {}, `${at.provider === api.Own ? "" : `${at.provider} / `}${at.namespace} / ${at.name}`), bar,
    h("nav", { class: "tabs", "aria-label": "Parts" }, Object.entries(tabs(details)).map(([key, text]) =>
      h("a", { href: api.place(at, key === "overview" ? "" : key), "aria-current": key === tab ? "page" : null }, text))),
    body, figures);
  draw();
  const stopPart = await parts[tab]?.(tab === "overview" ? figures : body, at);
  const stop = follow(`?provider=${encodeURIComponent(at.provider)}&namespace=${encodeURIComponent(at.namespace)}`, { opened: load, changed: ({ vm }) => { if (vm.namespace === at.namespace && vm.name === at.name) load(); } });
  return () => { stop(); stopPart?.(); told?.stop(); };
}

async function clone(vm) {
  const name = await ask(`A machine with copies of ${vm.id}'s disks. Its name:`, "Clone");
  if (!name) {
    return;
  }

  try {
    tell((await api.act(vm, "clone", { name })).message);
    location.hash = "#/jobs";
  } catch (failure) {
    tell(failure.message, true);
  }
}

function overview({ vm, instance }) {
  const rows = [
    ["Node", vm.node], ["Addresses", (vm.ip_addresses ?? []).join(", ")], ["CPUs", vm.cpus], ["Memory", bytes(vm.memory_bytes)],
    ["Guest", vm.guest_os], ["Run strategy", vm.run_strategy], ["Kind", vm.kind], ["Made", vm.created_at && new Date(vm.created_at).toLocaleString()],
    ["Labels", Object.entries(vm.labels ?? {}).map(([k, v]) => `${k}=${v}`).join(", ")], ["Message", vm.message],
  ];
  const conditions = instance?.status?.conditions ?? [];
  return h("div", {},
    h("div", { class: "card" }, h("dl", {}, rows.filter(([, value]) => value).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))]))),
    conditions.length > 0 && h("h2", {}, "Conditions"),
    conditions.length > 0 && table(["Type", "Status", "Reason", "Message"], conditions.map(c => [c.type, c.status, c.reason, c.message]), ""));
}
