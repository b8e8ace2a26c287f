import * as api from "./api.js";
import { bytes, h } from "./dom.js";
import { providerChoice, providers } from "./providers.js";

export async function nodes(main) {
  const table = h("div"), choice = providerChoice(await providers(), null, load);
  async function load() {
    try {
      table.replaceChildren(tableOf((await api.get(`/inventory/nodes?provider=${encodeURIComponent(choice.value())}`)).nodes));
    } catch (failure) {
      table.replaceChildren(h("p", { class: "empty" }, failure.message));
    }
  }

  main.append(h("h1", {}, "Nodes"), h("div", { class: "bar" }, choice.element), table);
  await load();
  return null;
}

function tableOf(all) {
  return h("div", { class: "table" }, h("table", {},
    h("thead", {}, h("tr", {}, ["Name", "State", "Architecture", "CPUs", "Memory", "System", "Kernel", "Addresses"].map(t => h("th", { scope: "col" }, t)))),
    h("tbody", {}, all.length === 0 ? h("tr", {}, h("td", { colspan: 8, class: "empty" }, "There are no nodes: this coordinator has no cluster.")) : all.map(node => h("tr", {},
      h("td", { class: "name" }, node.name),
      h("td", {}, h("span", { class: `state ${node.ready ? "running" : "failed"}` }, node.ready ? (node.schedulable ? "ready" : "ready, cordoned") : "not ready")),
      [node.architecture, node.cpus, bytes(node.memory_bytes), node.os, node.kernel, (node.addresses ?? []).join(", ")].map(t => h("td", {}, t ?? "")))))));
}
