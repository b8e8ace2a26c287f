import * as api from "./api.js";
import { bytes, h } from "./dom.js";

export async function nodes(main) {
  const { nodes: all } = await api.get("/inventory/nodes");
  main.append(h("h1", {}, "Nodes"), h("div", { class: "table" }, h("table", {},
    h("thead", {}, h("tr", {}, ["Name", "State", "Architecture", "CPUs", "Memory", "System", "Kernel", "Addresses"].map(t => h("th", { scope: "col" }, t)))),
    h("tbody", {}, all.length === 0 ? h("tr", {}, h("td", { colspan: 8, class: "empty" }, "There are no nodes: this coordinator has no cluster.")) : all.map(node => h("tr", {},
      h("td", { class: "name" }, node.name),
      h("td", {}, h("span", { class: `state ${node.ready ? "running" : "failed"}` }, node.ready ? (node.schedulable ? "ready" : "ready, cordoned") : "not ready")),
      [node.architecture, node.cpus, bytes(node.memory_bytes), node.os, node.kernel, (node.addresses ?? []).join(", ")].map(t => h("td", {}, t ?? ""))))))));
  return null;
}
