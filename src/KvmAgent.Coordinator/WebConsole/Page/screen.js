// The guest's screen, by noVNC. Keys are sent as the keyboard's own codes, so the layout is the guest's.
import RFB from "./novnc/core/rfb.js";
import { initLogging } from "./novnc/core/util/logging.js";
import * as api from "./api.js";
import { h } from "./dom.js";
import { stage } from "./stage.js";

// Why a connection ended stands over the screen.
initLogging("none");

export function screen(body, vm) {
  let rfb = null;
  const target = h("div", { class: "hold", id: "screen" });
  const clipboard = h("textarea", { rows: 2, placeholder: "Text for the guest's clipboard, and what it copies", "aria-label": "Clipboard" });
  const { notice, dial, end } = stage(takeOver => api.stream(vm, "vnc", takeOver), {
    opened: socket => {
      target.replaceChildren();
      rfb = new RFB(target, socket, { shared: true });
      rfb.scaleViewport = true;
      rfb.background = "#000";
      rfb.addEventListener("clipboard", event => { clipboard.value = event.detail.text; });
    },
    closed: () => { rfb = null; },
  });
  const box = h("div", { class: "screen" }, target, notice);
  body.append(
    h("div", { class: "bar" },
      h("button", { type: "button", onclick: () => { rfb?.sendCtrlAltDel(); rfb?.focus(); } }, "Ctrl-Alt-Del"),
      h("button", { type: "button", onclick: () => box.requestFullscreen().then(() => rfb?.focus()) }, "Full screen"),
      h("button", { type: "button", onclick: () => { rfb?.clipboardPasteFrom(clipboard.value); rfb?.focus(); } }, "Paste to the guest"),
      h("button", { type: "button", onclick: () => type(rfb, clipboard.value) }, "Type it")),
    clipboard, box);
  dial(false);
  return end;
}

// For a guest that has no clipboard: as if somebody typed it.
function type(rfb, text) {
  for (const character of text) {
    const code = character.codePointAt(0);
    rfb?.sendKey(character === "\n" ? 0xff0d : code < 0x100 ? code : 0x1000000 + code, null);
  }

  rfb?.focus();
}
