// What screen and serial console have in common: a connection that is made again when it breaks, and a word over it while there is none.
import { h } from "./dom.js";

const Conflict = 4409, TakenOver = 1008;

// connect(takeOver) returns the socket; opened and closed tell of it.
export function stage(connect, { opened = () => {}, closed = () => {} }) {
  const text = h("p"), action = h("button", { type: "button" });
  const notice = h("div", { class: "notice", role: "alert" }, text, action);
  let socket = null, timer = null, tries = 0, isOver = false;

  function say(words, button, run) {
    text.textContent = words;
    action.hidden = !button;
    action.textContent = button ?? "";
    action.onclick = run;
    notice.hidden = false;
  }

  function dial(takeOver) {
    clearTimeout(timer);
    say("Connecting…");
    socket = connect(takeOver);
    let lived = false;
    socket.addEventListener("message", () => { lived = true; tries = 0; notice.hidden = true; }, { once: true });
    socket.addEventListener("open", () => { timer = setTimeout(() => { notice.hidden = true; }, 400); });
    socket.addEventListener("close", event => {
      clearTimeout(timer);
      closed(socket);
      if (isOver) {
        return;
      }

      if (event.code === Conflict && event.reason.includes("in use")) {
        say("Somebody else has it open.", "Take over", () => dial(true));
      } else if (event.code === TakenOver) {
        say("Somebody else has taken it over.", "Take it back", () => dial(true));
      } else {
        const pause = Math.min(30, 2 ** tries++);
        say(`${event.reason || (lived ? "The connection ended" : "There is no connection")}. Next try in ${pause} s.`, "Now", () => dial(false));
        timer = setTimeout(() => dial(false), pause * 1000);
      }
    });
    opened(socket);
  }

  return { notice, dial, send: data => { if (socket?.readyState === WebSocket.OPEN) socket.send(data); }, end: () => { isOver = true; clearTimeout(timer); socket?.close(); } };
}
