// The management API, asked with the session's cookie. What changes something shows the session's mark, which other sites cannot read.
let session = null;

export class Failure extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function send(method, path, body, headers = {}) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: { ...(body ? { "Content-Type": "application/json" } : {}), ...(session ? { "X-Session-Mark": session.mark } : {}), ...headers },
      body: body ? JSON.stringify(body) : undefined,
      credentials: "same-origin",
    });
  } catch {
    throw new Failure(0, "the coordinator does not answer");
  }

  const answer = await response.json().catch(() => null);
  if (response.ok) {
    return answer;
  }

  if (response.status === 401 && session) {
    session = null;
    window.dispatchEvent(new Event("session-ended"));
  }

  throw new Failure(response.status, answer?.error ?? `the coordinator answers ${response.status}`);
}

export const get = path => send("GET", path);
export const post = (path, body = {}) => send("POST", path, body);
export const remove = path => send("DELETE", path);

// The session that there is already, or null.
export async function resume() {
  try {
    return session = await send("GET", "/session");
  } catch (failure) {
    if (failure.status === 401 || failure.status === 404) {
      return null;
    }

    throw failure;
  }
}

export async function login(token) {
  return session = await send("POST", "/session", null, { Authorization: `Bearer ${token}` });
}

export async function logout() {
  await send("DELETE", "/session");
  session = null;
}

// Where machines are whose provider is not named.
export const Own = "local";

const path = (vm, verb) => `/kubevirt/vms/${encodeURIComponent(vm.namespace)}/${encodeURIComponent(vm.name)}${verb && "/" + verb}`;

// To be asked, or deleted.
export const machine = (vm, verb = "") => `${path(vm, verb)}?provider=${encodeURIComponent(vm.provider)}`;

// Has something done with it.
export const act = (vm, verb, body = {}) => post(path(vm, verb), { provider: vm.provider, ...body });

// Its place in this page.
export const place = (vm, part = "") => `#/vms/${[vm.provider, vm.namespace, vm.name].map(encodeURIComponent).join("/")}${part && "/" + part}`;

// Where a machine's stream is. Its close says why there is none: code 4000 and an HTTP status.
export const streamUrl = (vm, verb, takeOver, more = {}) =>
  `wss://${location.host}${machine(vm, verb)}${takeOver ? "&take_over=true" : ""}${Object.entries(more).map(([name, value]) => `&${name}=${encodeURIComponent(value)}`).join("")}`;

export function stream(vm, verb, takeOver) {
  const socket = new WebSocket(streamUrl(vm, verb, takeOver), ["plain.kubevirt.io"]);
  socket.binaryType = "arraybuffer";
  return socket;
}
