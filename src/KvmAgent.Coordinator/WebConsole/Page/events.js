// What happened to a machine, its instance and its pods: read anew with each change of the machine, and every ten seconds.
import * as api from "./api.js";
import { age, h, state, table } from "./dom.js";

const Every = 10000;

export function events(body, at) {
  let turn = 0;

  async function load() {
    const mine = ++turn;
    let shown;
    try {
      shown = shownAs((await api.get(api.machine(at, "events"))).events);
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

function shownAs(all) {
  return table(["Last seen", "Type", "Reason", "Object", "Count", "Message"], [...all].reverse().map(event => [
    h("span", { title: `first ${event.first_seen ?? ""}, last ${event.last_seen ?? ""}` }, event.last_seen ? age(event.last_seen) : ""),
    state(event.type === "Normal" ? "running" : "starting", event.type),
    event.reason, event.object, event.count, event.message,
  ]), "Nothing is told of this machine.");
}
