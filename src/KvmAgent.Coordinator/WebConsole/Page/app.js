// Which page is shown, by the part of the address behind #; each is a module whose function returns what ends it.
import * as api from "./api.js";
import { h, tell } from "./dom.js";
import { list } from "./list.js";
import { machine } from "./machine.js";
import { create } from "./create.js";
import { history } from "./history.js";
import { images } from "./images.js";
import { jobs } from "./jobs.js";
import { nodes } from "./nodes.js";
import { providerForm } from "./provider-form.js";
import { providerList } from "./provider-list.js";

const main = document.getElementById("main"), nav = document.getElementById("nav"), who = document.getElementById("who");
let end = null;

function page() {
  const parts = location.hash.replace(/^#\/?/, "").split("/").filter(Boolean).map(decodeURIComponent);
  switch (parts[0]) {
    case undefined: return () => list(main);
    case "events": return () => history(main);
    case "images": return () => images(main);
    case "jobs": return () => jobs(main);
    case "nodes": return () => nodes(main);
    case "new": return () => create(main, parts[1] ?? "");
    case "providers": return parts[1] === "edit" ? () => providerForm(main, parts[2] ?? "") : parts[1] === "new" ? () => providerForm(main, null) : () => providerList(main);
    case "vms": return parts.length >= 4 ? () => machine(main, { provider: parts[1], namespace: parts[2], name: parts[3] }, parts[4] ?? "overview") : null;
    default: return null;
  }
}

async function show() {
  end?.();
  end = null;
  main.replaceChildren();
  for (const link of nav.querySelectorAll("a")) {
    const isHere = link.hash === (location.hash || "#/");
    isHere ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
  }

  const open = page();
  if (!open) {
    main.append(h("p", { class: "empty" }, `There is no page ${location.hash}.`));
    return;
  }

  try {
    end = await open();
  } catch (failure) {
    main.replaceChildren(h("p", { class: "empty" }, failure.message));
  }

  main.focus({ preventScroll: true });
}

function enter(session) {
  nav.hidden = false;
  who.replaceChildren(session.user, h("button", { onclick: async () => { await api.logout(); leave(); } }, "Log out"));
  show();
}

function leave() {
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
