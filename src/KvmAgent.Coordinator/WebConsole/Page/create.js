// A machine of a few fields, or of YAML.
import * as api from "./api.js";
import { h, input, tell } from "./dom.js";
import { dump } from "./js-yaml/js-yaml.esm.min.mjs";
import { providerChoice, providers } from "./providers.js";
import { written } from "./written.js";

export async function create(main, way) {
  const provider = providerChoice(await providers(), null, () => {});
  main.append(h("h1", {}, "New machine"), h("div", { class: "bar" }, provider.element),
    h("nav", { class: "tabs", "aria-label": "Ways" }, [["", "Form", "#/new"], ["yaml", "Template or YAML", "#/new/yaml"]].map(([key, text, href]) =>
      h("a", { href, "aria-current": key === way ? "page" : null }, text))));
  (way === "yaml" ? written : form)(main, body => make({ provider: provider.value(), ...body }));
  return null;
}

async function make(body) {
  try {
    const { id, message } = await api.post("/kubevirt/vms", body);
    const [namespace, name] = id.split("/");
    tell(message);
    location.hash = api.place({ provider: body.provider, namespace, name });
  } catch (failure) {
    tell(failure.message, true);
  }
}

function form(main, make) {
  const [name, nameField] = input("name", "Name", { required: true, pattern: "[a-z0-9]([\\-a-z0-9]{0,61}[a-z0-9])?", title: "lower-case letters, digits and '-'" });
  const [ns, nsField] = input("namespace", "Namespace", { placeholder: "default" });
  const [image, imageField] = input("image", "Image", { required: true, placeholder: "https://…/image.qcow2 or docker://registry/name:tag" },
    "A disk by http or https, in any usual format, is fetched once and kept; a container disk is fetched at each start.");
  const [cpus, cpusField] = input("cpus", "CPUs", { type: "number", min: 1, max: 256, value: 1, required: true });
  const [memory, memoryField] = input("memory", "Memory (GiB)", { type: "number", min: 0.125, step: 0.125, value: 1, required: true });
  const [disk, diskField] = input("disk", "Disk (GiB)", { type: "number", min: 1, value: 10, required: true });
  const [key, keyField] = input("key", "SSH key", { placeholder: "ssh-ed25519 …" });
  const [userData, userDataField] = input("user-data", "cloud-init user data", { rows: 5, text: "#cloud-config\n" });
  const shown = h("pre", { hidden: true });

  const manifest = () => manifestOf({
    name: name.value.trim(), namespace: ns.value.trim(), image: image.value.trim(), cpus: +cpus.value, memory: +memory.value, disk: +disk.value,
    key: key.value.trim(), userData: userData.value,
  });
  main.append(h("form", { class: "card", onsubmit: event => { event.preventDefault(); make({ manifest: manifest() }); } },
    h("div", { class: "row" }, nameField, nsField), imageField, h("div", { class: "row" }, cpusField, memoryField, diskField), keyField, userDataField,
    h("div", { class: "bar" }, h("button", { class: "main" }, "Make it"),
      h("button", { type: "button", onclick: () => { shown.hidden = false; shown.textContent = dump(manifest()); } }, "Show the manifest")), shown));
  name.focus();
}

export function manifestOf({ name, namespace, image, cpus, memory, disk, key, userData }) {
  const container = /^(docker|oci):\/\//.test(image);
  const volume = container ? { name: "root", containerDisk: { image: image.replace(/^\w+:\/\//, "") } } : { name: "root", dataVolume: { name: `${name}-root` } };
  const config = withKey(userData, key);
  return {
    apiVersion: "kubevirt.io/v1",
    kind: "VirtualMachine",
    metadata: { name, ...(namespace ? { namespace } : {}) },
    spec: {
      runStrategy: "Always",
      ...(container ? {} : { dataVolumeTemplates: [{
        metadata: { name: `${name}-root` },
        spec: { source: { http: { url: image } }, storage: { resources: { requests: { storage: `${disk}Gi` } } } },
      }] }),
      template: {
        metadata: { labels: { "kubevirt.io/domain": name } },
        spec: {
          domain: {
            cpu: { cores: cpus },
            memory: { guest: `${Math.round(memory * 1024)}Mi` },
            devices: {
              disks: [{ name: "root", disk: { bus: "virtio" } }, ...(config ? [{ name: "config", disk: { bus: "virtio" } }] : [])],
              interfaces: [{ name: "default", masquerade: {} }],
            },
          },
          networks: [{ name: "default", pod: {} }],
          volumes: [volume, ...(config ? [{ name: "config", cloudInitNoCloud: { userData: config } }] : [])],
        },
      },
    },
  };
}

function withKey(userData, key) {
  const own = userData.trim() && userData.trim() !== "#cloud-config" ? userData : "";
  return key ? `${own || "#cloud-config\n"}${own && !own.endsWith("\n") ? "\n" : ""}ssh_authorized_keys:\n  - ${JSON.stringify(key)}\n` : own;
}
