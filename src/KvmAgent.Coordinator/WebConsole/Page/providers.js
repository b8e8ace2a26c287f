// The clusters whose machines are managed here.
import * as api from "./api.js";
import { h } from "./dom.js";

const LookEvery = 10000;

// What is told of them, the own one first. Who may not list them has the own one.
export async function summaries() {
  try {
    return (await api.post("/kubevirt/providers/list")).providers;
  } catch (failure) {
    if (failure.status === 403) {
      return [{ name: api.Own, state: "connected" }];
    }

    throw failure;
  }
}

// Their names.
export const providers = async () => (await summaries()).map(provider => provider.name);

// Those that are not connected, each with why.
export const problemsOf = all => all.filter(p => p.state !== "connected").map(p => ({ provider: p.name, error: `is ${p.state}: ${p.message}` }));

// Looks at them again and again, from a while after; ill is told of what is wrong with them, and of nothing where all are well.
export function watchProviders(ill) {
  let timer = setTimeout(look, LookEvery), over = false;

  async function look() {
    let problems;
    try {
      problems = problemsOf(await summaries());
    } catch (failure) {
      problems = [{ provider: "", error: failure.message }];
    }

    if (!over) {
      ill(problems);
      timer = setTimeout(look, LookEvery);
    }
  }

  return () => { over = true; clearTimeout(timer); };
}

// A box to choose one in, which is not there where there is one alone. all: the words for all of them, or null.
export function providerChoice(names, all, changed) {
  const element = h("select", { "aria-label": "Provider", hidden: names.length === 1, onchange: changed },
    all !== null && h("option", { value: "" }, all), names.map(name => h("option", { value: name }, name)));
  return { element, value: () => element.value };
}
