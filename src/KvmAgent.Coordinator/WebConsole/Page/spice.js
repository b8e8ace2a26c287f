// The guest's screen, by spice-html5, which draws and tells where the mouse is. Keys are ours: it knows one layout, here they are the keyboard's own codes, so the
// layout is the guest's. A client has several connections, which are one session.
import { SpiceMainConn } from "./spice/main.js";
import { SpiceMiniData, SpiceMsgcKeyDown, SpiceMsgcKeyUp } from "./spice/spicemsg.js";
import { Constants } from "./spice/enums.js";
import codes from "./novnc/core/input/xtscancodes.js";
import * as api from "./api.js";
import { h } from "./dom.js";
import { stage } from "./stage.js";

export function spice(body, vm) {
  const session = crypto.randomUUID(), held = new Set();
  let connection = null;
  const target = h("div", { class: "hold", id: "screen" });

  function hangUp() {
    connection?.stop();
    connection = null;
    held.clear();
  }

  function key(code, isDown) {
    if (connection?.inputs?.state !== "ready" || (!isDown && !held.has(code))) {
      return;
    }

    isDown ? held.add(code) : held.delete(code);
    const message = new SpiceMiniData(), content = isDown ? new SpiceMsgcKeyDown() : new SpiceMsgcKeyUp();
    content.code = scanned(codes[code], isDown);
    message.build_msg(isDown ? Constants.SPICE_MSGC_INPUTS_KEY_DOWN : Constants.SPICE_MSGC_INPUTS_KEY_UP, content);
    connection.inputs.send_msg(message);
  }

  function typed(event) {
    event.preventDefault();
    event.stopPropagation();
    if (codes[event.code] !== undefined) {
      key(event.code, event.type === "keydown");
    }
  }

  function release() {
    held.forEach(code => key(code, false));
  }

  const focus = () => target.querySelector("canvas")?.focus();
  const { notice, dial, end } = stage(takeOver => {
    connection = new SpiceMainConn({
      uri: api.streamUrl(vm, "spice", takeOver, { session }), password: "", screen_id: target.id,
      // Why it ended, the socket's end says.
      onerror: () => connection?.ws?.close(),
    });
    return connection.ws;
  }, { closed: hangUp });
  target.addEventListener("keydown", typed, true);
  target.addEventListener("keyup", typed, true);
  target.addEventListener("focusout", release);
  const box = h("div", { class: "screen whole" }, target, notice);
  body.append(
    h("div", { class: "bar" },
      h("button", { type: "button", onclick: () => { chord(["ControlLeft", "AltLeft", "Delete"]); focus(); } }, "Ctrl-Alt-Del"),
      h("button", { type: "button", onclick: () => box.requestFullscreen().then(focus) }, "Full screen")),
    box);
  dial(false);
  return () => { hangUp(); end(); };

  function chord(all) {
    all.forEach(code => key(code, true));
    all.reverse().forEach(code => key(code, false));
  }
}

// As SPICE has it: the bytes that a keyboard would send, the first one lowest.
const scanned = (code, isDown) => code < 0x100 ? code | (isDown ? 0 : 0x80) : 0xe0 | ((code & 0x7f) | (isDown ? 0 : 0x80)) << 8;
