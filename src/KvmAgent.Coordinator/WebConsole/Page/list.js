// All machines: a page of them at a time, searched by the coordinator, each line kept as it is now.
import * as api from "./api.js";
import { age, become, bytes, h, tell } from "./dom.js";
import { follow } from "./live.js";
import { button } from "./power.js";
import { problemsOf, providerChoice, summaries, watchProviders } from "./providers.js";

const PageSize = 100;

export async function list(main) {
  const search = h("input", { type: "search", placeholder: "Name, namespace or address", "aria-label": "Search" });
  const state = h("select", { "aria-label": "State" }, h("option", { value: "" }, "All states"),
    ["running", "paused", "starting", "stopping", "stopped", "failed"].map(s => h("option", { value: s }, s)));
  const known = await summaries(), names = known.map(p => p.name), several = names.length > 1;
  const provider = providerChoice(names, "All providers", () => { everywhere = true; watch(); return anew(); });
  const total = h("span", { class: "rest" });
  const body = h("tbody"), problems = h("div");
  const before = h("button", { type: "button" }, "Previous"), after = h("button", { type: "button" }, "Next");
  const rows = new Map();
  let everywhere = true, pages = [null], next = null, timer = null, turn = 0, stop = () => {}, unseen = [], ill = problemsOf(known);

  const scope = () => provider.value() === "" ? { all_providers: true } : { provider: provider.value(), ...(everywhere ? { all_namespaces: true } : {}) };

  function watch() {
    stop();
    stop = follow(`?${new URLSearchParams(scope())}`, { opened: load, changed });
  }

  const ask = () => api.post("/kubevirt/vms/list", {
    ...scope(), limit: PageSize,
    ...(search.value.trim() ? { search: search.value.trim() } : {}),
    ...(state.value ? { power_state: state.value } : {}),
    ...(pages.at(-1) ? { continue: pages.at(-1) } : {}),
  });

  async function load() {
    clearTimeout(timer);
    timer = null;
    const mine = ++turn;
    let answer;
    try {
      answer = await ask();
    } catch (failure) {
      if (failure.status === 403 && everywhere) {
        everywhere = false;
        watch();
        return load();
      }

      tell(failure.message, true);
      return;
    }

    if (mine !== turn) {
      return;
    }

    next = answer.continue ?? null;
    rows.clear();
    body.replaceChildren(...answer.vms.map(vm => { const row = line(vm, several); rows.set(keyOf(vm), row); return row; }));
    unseen = answer.problems ?? [];
    showProblems();
    if (answer.vms.length === 0) {
      body.append(h("tr", {}, h("td", { colspan: 9, class: "empty" }, search.value || state.value ? "No machine is like that." : "There are no machines yet.")));
    }

    const first = (pages.length - 1) * PageSize;
    total.textContent = answer.total === 0 ? "" : `${first + 1} to ${first + answer.vms.length} of ${answer.total}`;
    before.disabled = pages.length === 1;
    after.disabled = next === null;
  }

  // Of a provider that answers no more there are the machines that were known last.
  function showProblems() {
    const also = ill.filter(i => !unseen.some(u => u.provider === i.provider));
    problems.replaceChildren(...[...unseen, ...also].map(({ provider: name, error }) => h("p", { class: "problem" }, h("b", {}, name), ` ${error}`)));
  }

  // Soon, and not with each of many.
  const loadSoon = () => timer ??= setTimeout(load, 700);
  const anew = () => { pages = [null]; return load(); };

  function changed({ type, vm }) {
    const row = rows.get(keyOf(vm));
    if (type === "set" && row && (!state.value || vm.power_state === state.value)) {
      become(row, line(vm, several));
    } else {
      loadSoon();
    }
  }

  let typing = null;
  search.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(anew, 200); });
  state.addEventListener("change", anew);
  before.addEventListener("click", () => { pages.pop(); load(); });
  after.addEventListener("click", () => { pages.push(next); load(); });

  main.append(
    h("h1", {}, "Machines"),
    h("div", { class: "bar" }, search, state, provider.element, total),
    problems,
    h("div", { class: "table" }, h("table", {},
      h("thead", {}, h("tr", {}, ["Name", several && "Provider", "Namespace", "State", "Node", "Addresses", "CPUs", "Memory", ""].filter(t => t !== false).map(t => h("th", { scope: "col" }, t)))), body)),
    h("p", { class: "bar" }, before, after));
  watch();
  await load();
  const stopLooking = watchProviders(now => { ill = now; showProblems(); });
  return () => { stop(); stopLooking(); clearTimeout(timer); clearTimeout(typing); };
}

const keyOf = vm => `${vm.provider}/${vm.id}`;

function line(vm, several) {
  return h("tr", { "data-vm": vm.id, "data-provider": vm.provider },
    h("td", { class: "name" }, h("a", { href: api.place(vm) }, vm.name)),
    several && h("td", {}, vm.provider),
    h("td", {}, vm.namespace),
    h("td", {}, h("span", { class: `state ${vm.power_state}`, title: vm.message }, vm.status)),
    h("td", {}, vm.node ?? ""),
    h("td", {}, (vm.ip_addresses ?? []).join(", ")),
    h("td", {}, vm.cpus ?? ""),
    h("td", {}, bytes(vm.memory_bytes)),
    h("td", { class: "actions" }, vm.power_state === "stopped" ? button(vm, "start") : button(vm, "stop"), " ", h("span", { class: "soft", title: "age" }, vm.created_at ? age(vm.created_at) : "")));
}
