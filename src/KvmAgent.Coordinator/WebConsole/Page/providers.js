// The clusters whose machines are managed here.
import * as api from "./api.js";
import { h } from "./dom.js";

// Their names, the own one first. Who may not list them has the own one.
export async function providers() {
  try {
    return (await api.post("/kubevirt/providers/list")).providers.map(provider => provider.name);
  } catch (failure) {
    if (failure.status === 403) {
      return [api.Own];
    }

    throw failure;
  }
}

// A box to choose one in, which is not there where there is one alone. all: the words for all of them, or null.
export function providerChoice(names, all, changed) {
  const element = h("select", { "aria-label": "Provider", hidden: names.length === 1, onchange: changed },
    all !== null && h("option", { value: "" }, all), names.map(name => h("option", { value: name }, name)));
  return { element, value: () => element.value };
}
