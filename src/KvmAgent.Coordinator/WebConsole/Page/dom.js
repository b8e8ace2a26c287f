// Elements with their attributes and children. A text is always a text node: nobody's name becomes markup.
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value);
    }
  }

  element.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false));
  return element;
}

// A field of a form: the element, and the element with its label.
export function input(id, label, attributes, hint) {
  const element = h(attributes.rows ? "textarea" : "input", { id, name: id, ...attributes });
  if (attributes.rows && attributes.text) {
    element.value = attributes.text;
  }

  return [element, h("div", { class: "field" }, h("label", { for: id }, label), element, hint && h("span", { class: "hint" }, hint))];
}

// A form that is sent once at a time. Why it was not taken stands below it, as it was told, until it is sent again.
export function form(fields, yes, send) {
  const problem = h("div", { role: "alert" });
  let isSent = false;
  return h("form", { class: "card", onsubmit: async event => {
    event.preventDefault();
    if (isSent) {
      return;
    }

    isSent = true;
    problem.replaceChildren();
    try {
      await send();
    } catch (failure) {
      problem.replaceChildren(h("p", { class: "problem" }, failure.message));
    } finally {
      isSent = false;
    }
  } }, fields, h("div", { class: "bar" }, h("button", { class: "main" }, yes)), problem);
}

// heads: texts; rows: lists of cells, each a text, an element, or several of them.
export function table(heads, rows, empty) {
  return h("div", { class: "table" }, h("table", {},
    h("thead", {}, h("tr", {}, heads.map(head => h("th", { scope: "col" }, head)))),
    h("tbody", {}, rows.length === 0 ? h("tr", {}, h("td", { colspan: heads.length, class: "empty" }, empty))
      : rows.map(cells => h("tr", {}, cells.map(cell => h("td", {}, ...[cell ?? ""].flat().map(part => typeof part === "number" ? String(part) : part))))))));
}

// A coloured dot with its word; kind: running, starting, stopped, failed.
export const state = (kind, text) => h("span", { class: `state ${kind}` }, text);

// Makes one element as another, and leaves alone what is so already: a button keeps the focus, and a click that has begun on it.
export function become(former, now) {
  if (former.isEqualNode(now)) {
    return;
  }

  const [to, as] = [former, now].map(node => [...node.childNodes]);
  if (to.length === as.length && to.length > 0 && former.cloneNode().isEqualNode(now.cloneNode())) {
    to.forEach((child, i) => become(child, as[i]));
  } else {
    former.replaceWith(now);
  }
}

// What a place shows from now on, instead of what it has shown.
export const fill = (place, shown) => place.firstChild ? become(place.firstChild, shown) : place.append(shown);

// What a place shows until the answer is there, and then that, or why there is none.
export async function filled(place, ask) {
  let shown;
  try {
    shown = await ask();
  } catch (failure) {
    shown = h("p", { class: "empty" }, failure.message);
  }

  fill(place, shown);
}

export function bytes(count) {
  if (count === null || count === undefined) {
    return "";
  }

  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  for (; count >= 1024 && at < units.length - 1; at++) {
    count /= 1024;
  }

  return `${+count.toFixed(1)} ${units[at]}`;
}

export function age(time) {
  const seconds = Math.max(0, (Date.now() - Date.parse(time)) / 1000);
  return seconds < 120 ? `${Math.floor(seconds)} s` : seconds < 7200 ? `${Math.floor(seconds / 60)} min` : seconds < 172800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} d`;
}

export function tell(text, isBad = false) {
  const message = h("div", { class: isBad ? "bad" : "" }, text);
  document.getElementById("messages").append(message);
  setTimeout(() => message.remove(), isBad ? 12000 : 5000);
}

// Resolves to what a dialog was closed with: "" where it was cancelled.
function dialog(content, yes, kind, value) {
  return new Promise(resolve => {
    const element = h("dialog", { onclose: () => { element.remove(); resolve(element.returnValue === "yes" ? value() : ""); } },
      h("form", { method: "dialog" }, content,
        // Enter in a field is the first button's that submits.
        h("div", { class: "bar" }, h("button", { type: "button", onclick: () => element.close() }, "Cancel"), h("button", { value: "yes", class: kind }, yes))));
    document.body.append(element);
    element.showModal();
  });
}

// Resolves to whether it was confirmed.
export const confirm = async (question, yes) => await dialog(h("p", {}, question), yes, "danger", () => "yes") === "yes";

// Resolves to a text, or to "".
export function ask(question, yes) {
  const answer = h("input", { required: true, "aria-label": question });
  return dialog([h("p", {}, question), answer], yes, "main", () => answer.value.trim());
}
