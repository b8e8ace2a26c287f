// Images: builds of them and what of those runs, and what machines and volumes are made of.
import * as api from "./api.js";
import { bytes, filled, form, h, input, state, table, tell } from "./dom.js";
import { providerChoice, providers } from "./providers.js";

const kinds = { 0: "stopped", 1: "running", 2: "starting", 3: "failed" };

export async function images(main) {
  const places = { builds: h("div"), images: h("div"), volumes: h("div") };
  const choice = providerChoice(await providers(), null, load);
  const get = path => api.get(`${path}?all_namespaces=true&provider=${encodeURIComponent(choice.value())}`);

  function load() {
    return Promise.all([
      filled(places.builds, async () => buildTable((await get("/kubevirt/builds/running")).images)),
      filled(places.images, async () => table(["Image", "Machines", "Volumes"],
        (await get("/kubevirt/images")).images.map(i => [i.image, several(i.machines), several(i.volumes)]), "No machine and no volume is made of an image.")),
      filled(places.volumes, async () => table(["Volume", "Phase", "Size", "Storage class", "Of", "Machines"],
        (await get("/kubevirt/volumes")).volumes.map(v => [
          v.id, [state(phase(v), v.phase), v.percent != null && v.percent < 100 ? ` ${v.percent} %` : "", v.message ? h("div", { class: "soft" }, v.message) : ""],
          bytes(v.size_bytes), v.storage_class, v.image, several(v.machines),
        ]), "There are no volumes.")),
    ]);
  }

  main.append(h("h1", {}, "Images"), h("div", { class: "bar" }, choice.element),
    h("h2", {}, "Builds, and what runs of them"), places.builds, buildForm(load), h("h2", {}, "In use"), places.images, h("h2", {}, "Volumes"), places.volumes);
  await load();
  return null;
}

function buildTable(all) {
  return table(["Image", "Newest revision", "What runs", "Pods"], all.map(image => [
    image.name, image.revision, state(kinds[image.runtime_status], image.status),
    image.pods.length === 0 ? "" : h("details", {}, h("summary", {}, String(image.pods.length)),
      h("ul", {}, image.pods.map(p => h("li", {}, `${p.namespace}/${p.pod}, ${p.container}: ${p.revision ? `revision ${p.revision}` : `unknown: ${p.image_id ?? p.image ?? ""}`}`)))),
  ]), "No build is registered.");
}

function buildForm(registered) {
  const [name, nameField] = input("build-name", "Image", { required: true, placeholder: "registry.example.com/web" }, "Without a tag; its builds are counted.");
  const [digests, digestsField] = input("build-digests", "Digests in registries", { rows: 2, spellcheck: "false", placeholder: "registry.example.com/web@sha256:…" }, "One a line. By these, or by the id, the build is known where it runs.");
  const [id, idField] = input("build-id", "Image's id", { placeholder: "sha256:…" });
  const [host, hostField] = input("build-host", "Built at", {});
  const [action, actionField] = input("build-action", "Built by action", {});
  const sent = form([nameField, digestsField, idField, h("div", { class: "row" }, hostField, actionField)], "Register it", async () => {
    const lines = digests.value.split("\n").map(line => line.trim()).filter(Boolean);
    const fields = { image_id: id, build_host: host, action_id: action };
    const build = await api.post("/kubevirt/builds", {
      name: name.value.trim(), ...(lines.length > 0 ? { repo_digests: lines } : {}),
      ...Object.fromEntries(Object.entries(fields).map(([field, element]) => [field, element.value.trim()]).filter(([, value]) => value)),
    });
    tell(`${build.name} has revision ${build.revision}`);
    sent.reset();
    await registered();
  });
  return h("details", {}, h("summary", {}, "Register a build"), sent);
}

const several = all => (all ?? []).join(", ");
const phase = v => ["Succeeded", "Bound"].includes(v.phase) ? "running" : ["Failed", "Lost"].includes(v.phase) ? "failed" : "starting";
