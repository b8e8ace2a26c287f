// The serial console, by xterm.js. It makes style elements of its own, which get this page's number: no other is allowed.
import { Terminal } from "./xterm/xterm.mjs";
import { FitAddon } from "./xterm/addon-fit.mjs";
import * as api from "./api.js";
import { h } from "./dom.js";
import { stage } from "./stage.js";

const nonce = document.querySelector("meta[name=style-nonce]").content;
const make = document.createElement.bind(document);
document.createElement = (name, options) => {
  const element = make(name, options);
  if (name === "style") {
    element.nonce = nonce;
  }

  return element;
};

export function terminal(body, vm) {
  const view = new Terminal({ cursorBlink: true, scrollback: 5000, fontSize: 14, screenReaderMode: true });
  const fit = new FitAddon();
  view.loadAddon(fit);
  const keys = new TextEncoder();
  const { notice, dial, send, end } = stage(takeOver => api.stream(vm, "console", takeOver), {
    opened: socket => socket.addEventListener("message", event => view.write(new Uint8Array(event.data))),
  });
  const box = h("div", { class: "terminal-box", id: "terminal" });
  body.append(h("div", { class: "hold" }, box, notice));
  view.open(box);
  const resize = new ResizeObserver(() => fit.fit());
  resize.observe(box);
  view.onData(data => send(keys.encode(data)));
  view.focus();
  dial(false);
  return () => { end(); resize.disconnect(); view.dispose(); };
}
