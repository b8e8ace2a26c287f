// A provider as it is added or changed. What is kept to be shown to it never comes here: it stays as it is, or is given anew as a whole.
import * as api from "./api.js";
import { form, h, input, tell } from "./dom.js";
import { load } from "./js-yaml/js-yaml.esm.min.mjs";

export async function providerForm(main, name) {
  const former = name === null ? null : (await api.post("/kubevirt/providers/get", { name })).provider;
  const [named, nameField] = input("name", "Name", { required: true, pattern: "[a-z0-9]([\\-a-z0-9]{0,38}[a-z0-9])?", title: "lower-case letters, digits and '-'" });
  const [ns, nsField] = input("namespace", "Namespace", { value: former?.namespace, placeholder: "default" }, "Of machines that are named without one.");
  const [storage, storageField] = input("storage-class", "Storage class", { value: former?.storage_class, placeholder: "the cluster's own choice" }, "Of volumes that say none.");
  const way = h("select", { id: "way", onchange: choose }, former && h("option", { value: "kept" }, "As it is"),
    [["kubeconfig", "A kubeconfig"], ["token", "A server and a token"], ["certificate", "A server and a client certificate"], ["password", "A server, a user and a password"]]
      .map(([value, text]) => h("option", { value }, text)));

  const keptContext = input("kept-context", "Context", { value: former?.context }, "Of the kubeconfig that is kept.");
  const [kubeconfig, kubeconfigField] = fileText("kubeconfig", "Kubeconfig", { class: "secret" }, "As kubectl config view --raw --flatten prints it.");
  const context = h("select", { id: "context" }), contextHint = h("span", { class: "hint" });
  const [server, serverField] = input("server", "Server", { type: "url", required: true, pattern: "https://.*", title: "https://…", value: former?.server, placeholder: "https://host:6443" });
  const [authority, authorityField] = fileText("authority", "Its certificate's authority", {}, "PEM; without it the system's authorities are trusted.", false);
  const [token, tokenField] = input("token", "Token", { type: "password", autocomplete: "off", required: true });
  const [certificate, certificateField] = fileText("certificate", "Client certificate", {}, "PEM.");
  const [key, keyField] = fileText("key", "Its key", { class: "secret" }, "PEM, without a passphrase.");
  const [user, userField] = input("user", "User", { autocomplete: "off", required: true });
  const [password, passwordField] = input("password", "Password", { type: "password", autocomplete: "off", required: true });

  // What each way asks for, and sends.
  const at = [["server", server], ["certificate_authority", authority]], atFields = [serverField, authorityField];
  const ways = {
    kept: former?.credential === "kubeconfig" ? { fields: [keptContext[1]], sent: [] } : { fields: [], sent: [] },
    kubeconfig: { fields: [kubeconfigField, h("div", { class: "field" }, h("label", { for: "context" }, "Context"), context, contextHint)], sent: [["kubeconfig", kubeconfig], ["context", context]] },
    token: { fields: [...atFields, tokenField], sent: [...at, ["token", token]] },
    certificate: { fields: [...atFields, certificateField, keyField], sent: [...at, ["client_certificate", certificate], ["client_key", key]] },
    password: { fields: [...atFields, userField, passwordField], sent: [...at, ["username", user], ["password", password]] },
  };
  const asked = h("div");

  function choose() {
    asked.replaceChildren(...ways[way.value].fields);
  }

  kubeconfig.addEventListener("input", () => {
    const { names, current, why } = contextsOf(kubeconfig.value);
    context.replaceChildren(...names.map(n => h("option", { value: n, selected: n === current }, n === current ? `${n} (current)` : n)));
    contextHint.textContent = why;
  });

  function body() {
    const changed = (field, element, before) => element.value.trim() === (before ?? "") ? {} : { [field]: element.value.trim() };
    return {
      name: former?.name ?? named.value.trim(),
      ...changed("namespace", ns, former?.namespace), ...changed("storage_class", storage, former?.storage_class),
      ...(way.value === "kept" ? changed("context", keptContext[0], former.context) : {}),
      ...Object.fromEntries(ways[way.value].sent.filter(([, element]) => element.value).map(([field, element]) => [field, element.value])),
    };
  }

  main.append(h("h1", {}, former ? `Edit ${former.name}` : "Add a provider"), form(
    [
      former ? null : nameField, h("div", { class: "row" }, nsField, storageField),
      h("div", { class: "field" }, h("label", { for: "way" }, "It is known by"), way), asked,
      h("p", { class: "hint" }, "It is asked before it is kept, for ten seconds at most."),
    ],
    former ? "Change it" : "Add it",
    async () => {
      tell((await api.post(`/kubevirt/providers/${former ? "edit" : "add"}`, body())).message);
      location.hash = "#/providers";
    }));
  choose();
  (former ? ns : named).focus();
  return null;
}

// A text that may come out of a file of this computer.
function fileText(id, label, attributes, hint, required = true) {
  const [text, field] = input(id, label, { rows: 4, spellcheck: "false", autocomplete: "off", required, ...attributes }, hint);
  const file = h("input", { type: "file", "aria-label": `${label}: a file`, onchange: async () => {
    if (file.files.length > 0) {
      text.value = await file.files[0].text();
      text.dispatchEvent(new Event("input"));
    }
  } });
  field.append(file);
  return [text, field];
}

// Which contexts a kubeconfig has. What is wrong with it is said without its text.
function contextsOf(text) {
  let all;
  try {
    all = load(text);
  } catch {
    return { names: [], why: "The kubeconfig is no YAML." };
  }

  const names = (Array.isArray(all?.contexts) ? all.contexts : []).map(c => c?.name).filter(n => typeof n === "string");
  return { names, current: all?.["current-context"], why: text.trim() === "" || names.length > 0 ? "" : "The kubeconfig has no contexts." };
}
