// A machine of YAML: a VirtualMachine, or a template, whose parameters become fields.
import * as api from "./api.js";
import { h, input, tell } from "./dom.js";
import { load } from "./js-yaml/js-yaml.esm.min.mjs";

export function written(main, make) {
  const [text, textField] = input("yaml", "VirtualMachine or Template", { rows: 18, spellcheck: "false" },
    "A VirtualMachine of kubevirt.io/v1, with ${NAME} in it where somebody shall choose; or a Template of template.openshift.io/v1.");
  const [name, nameField] = input("template", "Or a Template in the cluster", { placeholder: "namespace/name" });
  const [ns, nsField] = input("namespace", "Namespace", { placeholder: "default" });
  const fields = h("div");
  let asked = null;

  // As the API takes it: what it is made of.
  function source() {
    if (name.value.trim()) {
      return { template_name: name.value.trim() };
    }

    const object = load(text.value);
    if (object === null || typeof object !== "object" || Array.isArray(object)) {
      throw new Error("This is no object of YAML.");
    }

    return object.kind === "Template" || /\$\{/.test(text.value) ? { template: object } : { manifest: object };
  }

  async function parameters(of) {
    const { parameters: all } = await api.post("/kubevirt/templates/parameters", of);
    const made = all.map(p => [p.name, input(`parameter-${p.name}`, p.display_name ?? p.name, { value: p.value ?? "", required: p.required && !p.generated },
      [p.description, p.generated && "Made up where it is empty."].filter(Boolean).join(" "))]);
    fields.replaceChildren(...made.map(([, [, field]]) => field));
    return () => Object.fromEntries(made.filter(([, [element]]) => element.value).map(([key, [element]]) => [key, element.value]));
  }

  async function submit(event) {
    event.preventDefault();
    try {
      const of = source(), key = JSON.stringify(of), where = ns.value.trim() ? { namespace: ns.value.trim() } : {};
      if (of.manifest) {
        fields.replaceChildren();
        await make({ ...of, ...where });
      } else if (asked?.key === key) {
        await make({ ...of, ...where, parameters: asked.values() });
      } else {
        // First its parameters are shown; then they are sent.
        asked = { key, values: await parameters(of) };
        if (fields.childElementCount === 0) {
          await make({ ...of, ...where });
        } else {
          fields.querySelector("input").focus();
        }
      }
    } catch (failure) {
      tell(failure.message, true);
    }
  }

  main.append(h("form", { class: "card", onsubmit: submit }, textField, h("div", { class: "row" }, nameField, nsField), fields,
    h("div", { class: "bar" }, h("button", { class: "main" }, "Make it"))));
  text.focus();
}
