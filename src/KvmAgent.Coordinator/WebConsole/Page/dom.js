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

// Resolves to whether it was confirmed.
export function confirm(question, yes) {
  return new Promise(resolve => {
    const dialog = h("dialog", { onclose: () => { dialog.remove(); resolve(dialog.returnValue === "yes"); } },
      h("form", { method: "dialog" }, h("p", {}, question),
        h("div", { class: "bar" }, h("button", { value: "no" }, "Cancel"), h("button", { value: "yes", class: "danger" }, yes))));
    document.body.append(dialog);
    dialog.showModal();
  });
}
