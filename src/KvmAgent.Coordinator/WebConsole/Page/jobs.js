// Jobs: what takes long, and how far it is, asked every two seconds while it is looked at.
import * as api from "./api.js";
import { age, confirm, filled, h, state, table, tell } from "./dom.js";

const Every = 2000;
const kinds = { pending: "starting", running: "starting", completed: "running", failed: "failed", cancelled: "stopped" };

export async function jobs(main) {
  const place = h("div");
  let timer = null, over = false;

  async function load() {
    await filled(place, async () => table(["Begun", "Kind", "Makes", "Of", "State", "How far", ""],
      (await api.get("/jobs/query")).jobs.map(line), "There are no jobs."));
    if (!over) {
      timer = setTimeout(load, Every);
    }
  }

  function line(job) {
    const isOpen = ["pending", "running"].includes(job.status);
    return [
      age(job.created_at), job.kind, made(job), job.source, state(kinds[job.status], job.status),
      [isOpen && job.percent > 0 ? h("progress", { max: 100, value: job.percent }) : "", h("div", {}, job.error ?? job.message)],
      isOpen ? h("button", { type: "button", "data-job": job.id, onclick: () => cancel(job) }, "Cancel") : "",
    ];
  }

  function made(job) {
    const text = `${job.provider === api.Own ? "" : `${job.provider}: `}${job.namespace}/${job.name}`;
    return job.kind === "clone" ? h("a", { href: api.place(job) }, text) : text;
  }

  async function cancel(job) {
    if (!await confirm(`Cancel it? What was made of ${job.namespace}/${job.name} is deleted.`, "Cancel the job")) {
      return;
    }

    try {
      const { errors } = await api.post("/jobs/cancel", { job_ids: [job.id] });
      Object.values(errors ?? {}).forEach(error => tell(error, true));
    } catch (failure) {
      tell(failure.message, true);
    }
  }

  main.append(h("h1", {}, "Jobs"), place);
  await load();
  return () => { over = true; clearTimeout(timer); };
}
