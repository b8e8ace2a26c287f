import * as api from "./api.js";
import { bytes, filled, h, state, table } from "./dom.js";
import { providerChoice, providers } from "./providers.js";

export async function nodes(main) {
  const place = h("div"), choice = providerChoice(await providers(), null, load);
  function load() {
    return filled(place, async () => {
      const { nodes: all } = await api.get(`/inventory/nodes?provider=${encodeURIComponent(choice.value())}`);
      return table(["Name", "State", "Architecture", "CPUs", "Memory", "System", "Kernel", "Addresses"], all.map(node => [
        node.name,
        state(node.ready ? "running" : "failed", node.ready ? (node.schedulable ? "ready" : "ready, cordoned") : "not ready"),
        node.architecture, node.cpus, bytes(node.memory_bytes), node.os, node.kernel, (node.addresses ?? []).join(", "),
      ]), "There are no nodes: this coordinator has no cluster.");
    });
  }

  main.append(h("h1", {}, "Nodes"), h("div", { class: "bar" }, choice.element), place);
  await load();
  return null;
}
