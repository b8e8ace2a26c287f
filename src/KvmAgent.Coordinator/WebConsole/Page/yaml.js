// An object of JSON as YAML, for reading. Every text that YAML could take for something else is in quotes.
export function yaml(value, indent = "") {
  if (Array.isArray(value)) {
    return value.length === 0 ? "[]\n" : "\n" + value.map(item => `${indent}- ${nested(item, indent + "  ")}`).join("");
  }

  if (value !== null && typeof value === "object") {
    const entries = Object.entries(value);
    return entries.length === 0 ? "{}\n" : (indent && "\n") + entries.map(([key, item]) => `${indent}${text(key)}:${field(item, indent)}`).join("");
  }

  return `${typeof value === "string" ? text(value, indent) : JSON.stringify(value)}\n`;
}

function field(item, indent) {
  const below = yaml(item, Array.isArray(item) ? indent : indent + "  ");
  return below.startsWith("\n") ? below : " " + below;
}

// Behind a dash an object begins on the same line.
function nested(item, indent) {
  const below = yaml(item, indent);
  return below.startsWith("\n") ? below.slice(1 + indent.length) : below;
}

function text(value, indent) {
  if (indent !== undefined && value.includes("\n") && !/[^\x20-\x7e\n\t]/.test(value) && !/^\s|[ \t]$|[ \t]\n/.test(value)) {
    const inner = indent || "  ";
    return (value.endsWith("\n") ? "|" : "|-") + value.replace(/\n$/, "").split("\n").map(line => "\n" + (line && inner + line)).join("");
  }

  return /^[A-Za-z][A-Za-z0-9._\/-]*$/.test(value) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(value) ? value : JSON.stringify(value);
}
