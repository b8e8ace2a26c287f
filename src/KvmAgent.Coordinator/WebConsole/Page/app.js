// Which page is shown, by the part of the address behind #; each is a module whose function returns what ends it. It is loaded when its page is first shown: the
// list, which most begin with, waits for no screen's library.
import * as api from "./api.js";
import { h, tell } from "./dom.js";
import { list } from "./list.js";

const main = document.getElementById("main"), nav = document.getElementById("nav"), who = document.getElementById("who");
let end = null, shown = 0;

function page() {
  const parts = location.hash.replace(/^#\/?/, "").split("/").filter(Boolean).map(decodeURIComponent);
  switch (parts[0]) {
    case undefined: return list;
    case "events": return async place => (await import("./history.js")).history(place);
    case "images": return async place => (await import("./images.js")).images(place);
    case "jobs": return async place => (await import("./jobs.js")).jobs(place);
    case "nodes": return async place => (await import("./nodes.js")).nodes(place);
    case "new": return async place => (await import("./create.js")).create(place, parts[1] ?? "");
    case "providers": return parts[1] === "edit" ? providerForm(parts[2] ?? "") : parts[1] === "new" ? providerForm(null) : async place => (await import("./provider-list.js")).providerList(place);
    case "vms": return parts.length >= 4 ? async place => (await import("./machine.js")).machine(place, { provider: parts[1], namespace: parts[2], name: parts[3] }, parts[4] ?? "overview") : null;
    default: return null;
  }
}

const providerForm = name => async place => (await import("./provider-form.js")).providerForm(place, name);

// Each page has a place of its own: one that is left before it is all there comes to its end unseen.
async function show() {
  const mine = ++shown, place = h("div");
  end?.();
  end = null;
  main.replaceChildren(place);
  for (const link of nav.querySelectorAll("a")) {
    const isHere = link.hash === (location.hash || "#/");
    isHere ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
  }

  const open = page();
  if (!open) {
    place.append(h("p", { class: "empty" }, `There is no page ${location.hash}.`));
    return;
  }

  let stop = null;
  try {
    stop = await open(place);
  } catch (failure) {
    place.replaceChildren(h("p", { class: "empty" }, failure.message));
  }

  if (mine !== shown) {
    stop?.();
    return;
  }

  end = stop;
  main.focus({ preventScroll: true });
}

function enter(session) {
  nav.hidden = false;
  who.replaceChildren(session.user, h("button", { onclick: async () => { await api.logout(); leave(); } }, "Log out"));
  show();
}

function leave() {
  shown++;
  end?.();
  end = null;
  nav.hidden = true;
  who.replaceChildren();
  const token = h("input", { type: "password", id: "token", autocomplete: "off", required: true });
  const form = h("form", { class: "card narrow", onsubmit: async event => {
    event.preventDefault();
    try {
      enter(await api.login(token.value.trim()));
    } catch (failure) {
      tell(failure.message, true);
      token.select();
    }
  } },
    h("h1", {}, "Log in"),
    h("div", { class: "field" }, h("label", { for: "token" }, "Token"), token,
      h("span", { class: "hint" }, "In a cluster one by ", h("code", {}, "kubectl create token NAME"), "; without a cluster the one in ", h("code", {}, "kvmctl.json"), " of the coordinator's data.")),
    h("button", { class: "main" }, "Log in"));
  main.replaceChildren(form);
  token.focus();
}

window.addEventListener("hashchange", () => { if (!nav.hidden) show(); });
window.addEventListener("session-ended", leave);

const session = await api.resume().catch(failure => { tell(failure.message, true); return null; });
session ? enter(session) : leave();
