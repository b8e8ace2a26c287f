// The buttons of a machine: which there are, and what they do.
import * as api from "./api.js";
import { confirm, h, tell } from "./dom.js";

const can = {
  start: vm => vm.kind === "VirtualMachine" && ["stopped", "failed", "unknown"].includes(vm.power_state),
  stop: vm => ["running", "paused", "starting", "failed"].includes(vm.power_state),
  restart: vm => vm.kind === "VirtualMachine" && ["running", "paused"].includes(vm.power_state),
  pause: vm => vm.power_state === "running",
  unpause: vm => vm.power_state === "paused",
};
const words = { start: "Start", stop: "Stop", restart: "Restart", pause: "Pause", unpause: "Resume" };

export function button(vm, verb, after = () => {}) {
  const element = h("button", { type: "button", disabled: !can[verb](vm), "data-verb": verb, onclick: async () => {
    if (verb === "stop" && vm.kind !== "VirtualMachine" && !await confirm(`${vm.id} is an instance alone: when it has stopped it is gone. Stop it?`, "Stop")) {
      return;
    }

    element.disabled = true;
    try {
      tell((await api.act(vm, verb)).message);
    } catch (failure) {
      tell(failure.message, true);
    }

    element.disabled = false;
    after();
  } }, words[verb]);
  return element;
}

export async function destroy(vm) {
  if (!await confirm(`Delete ${vm.id}? Disks that were made for it go with it.`, "Delete")) {
    return false;
  }

  try {
    tell((await api.remove(api.machine(vm))).message);
    return true;
  } catch (failure) {
    tell(failure.message, true);
    return false;
  }
}
