// The clusters whose machines are managed here, and how they are.
import * as api from "./api.js";
import { confirm, filled, h, state, table, tell } from "./dom.js";

export async function providerList(main) {
  const place = h("div");
  const load = () => filled(place, async () => table(["Name", "State", "Server", "Context", "Known by", "Namespace", "Storage class", "Version", ""],
    (await api.post("/kubevirt/providers/list")).providers.map(line), "There are no providers."));

  function line(p) {
    return [
      p.name, [state(p.state === "connected" ? "running" : "failed", p.state), p.message ? h("div", { class: "soft" }, p.message) : ""],
      `${p.server ?? ""}${p.insecure ? " (not verified)" : ""}`, p.context, p.credential, `${p.namespace ?? ""}${p.all_namespaces ? "" : " alone"}`, p.storage_class, p.version,
      p.name === api.Own ? "" : h("div", { class: "bar" },
        h("a", { href: `#/providers/edit/${encodeURIComponent(p.name)}`, "aria-label": `Edit ${p.name}` }, "Edit"),
        h("button", { type: "button", class: "danger", "aria-label": `Remove ${p.name}`, onclick: () => remove(p) }, "Remove")),
    ];
  }

  async function remove({ name }) {
    if (!await confirm(`Forget ${name}, and what is kept to be shown to it? Its machines are left alone.`, "Remove")) {
      return;
    }

    try {
      tell((await api.post("/kubevirt/providers/remove", { name })).message);
    } catch (failure) {
      tell(failure.message, true);
    }

    await load();
  }

  main.append(h("h1", {}, "Providers"), h("p", {}, h("a", { href: "#/providers/new" }, "Add a provider")), place);
  await load();
  return null;
}
