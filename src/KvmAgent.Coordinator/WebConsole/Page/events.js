// What happened to a machine, its instance and its pods: read anew with each change of the machine, and every ten seconds.
import * as api from "./api.js";
import { age, h } from "./dom.js";

const Every = 10000;

export function events(body, at) {
  let turn = 0;

  async function load() {
    const mine = ++turn;
    let shown;
    try {
      shown = table((await api.get(api.machine(at, "events"))).events);
    } catch (failure) {
      shown = h("p", { class: "empty" }, failure.message);
    }

    if (mine === turn) {
      body.replaceChildren(shown);
    }
  }

  const timer = setInterval(load, Every);
  return { load, stop: () => { turn++; clearInterval(timer); } };
}

function table(all) {
  return h("div", { class: "table" }, h("table", {},
    h("thead", {}, h("tr", {}, ["Last seen", "Type", "Reason", "Object", "Count", "Message"].map(t => h("th", { scope: "col" }, t)))),
    h("tbody", {}, all.length === 0 ? h("tr", {}, h("td", { colspan: 6, class: "empty" }, "Nothing is told of this machine.")) : [...all].reverse().map(event => h("tr", {},
      h("td", { title: `first ${event.first_seen ?? ""}, last ${event.last_seen ?? ""}` }, event.last_seen ? age(event.last_seen) : ""),
      h("td", {}, h("span", { class: `state ${event.type === "Normal" ? "running" : "starting"}` }, event.type)),
      [event.reason, event.object, event.count, event.message].map(t => h("td", {}, String(t))))))));
}
