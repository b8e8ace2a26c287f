// What happened to machines, the newest first, and what happens now.
import * as api from "./api.js";
import { h, state } from "./dom.js";

const Most = 500;
const kinds = { created: "running", deleted: "stopped", restarted: "starting", changed: "running" };

export async function history(main) {
  const body = h("tbody"), note = h("p", { class: "soft" });
  main.append(h("h1", {}, "Events"), note, h("div", { class: "table" }, h("table", {},
    h("thead", {}, h("tr", {}, ["When", "Machine", "What", "Message"].map(t => h("th", { scope: "col" }, t)))), body)));
  let scope = "?all_namespaces=true", answer;
  try {
    answer = await api.get(`/kubevirt/events${scope}&limit=${Most}`);
  } catch (failure) {
    if (failure.status !== 403) {
      note.textContent = failure.message;
      return null;
    }

    scope = "?";
    answer = await api.get(`/kubevirt/events${scope}&limit=${Most}`);
  }

  answer.events.forEach(add);
  // The browser itself says the last id when it dials again, and misses nothing.
  const source = new EventSource(`/kubevirt/events/watch${scope}&after=${answer.last}`);
  source.addEventListener("happened", event => add(JSON.parse(event.data)));
  return () => source.close();

  function add(event) {
    const where = { provider: api.Own, namespace: event.namespace, name: event.name };
    body.prepend(h("tr", { "data-event": event.id },
      h("td", { title: event.missed ? "found when a coordinator looked again" : "" }, `${event.missed ? "before " : ""}${new Date(event.at).toLocaleString()}`),
      h("td", { class: "name" }, h("a", { href: api.place(where) }, `${event.namespace}/${event.name}`)),
      h("td", {}, state(event.type === "event" ? (event.severity === "Normal" ? "running" : "starting") : event.power_state ?? kinds[event.type], event.reason ?? event.type)),
      h("td", {}, event.message ?? [event.former, event.status].filter(Boolean).join(" → "))));
    if (body.childElementCount > Most) {
      body.lastElementChild.remove();
    }
  }
}
