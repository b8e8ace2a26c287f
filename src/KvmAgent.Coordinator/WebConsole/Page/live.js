// Changes of machines as they happen. Whoever follows is asked to load anew each time that the stream opens: nothing between is lost then.
// scope: "?all_providers=true", "?all_namespaces=true", "?provider=…&namespace=…" and so on.
export function follow(scope, { opened, changed }) {
  const source = new EventSource(`/kubevirt/vms/watch${scope}`);
  source.addEventListener("open", event => { if (event instanceof MessageEvent) opened(); });
  source.addEventListener("vm", event => changed(JSON.parse(event.data)));
  let again = null;
  source.addEventListener("error", () => {
    // A stream that was refused is not tried again by the browser.
    if (source.readyState === EventSource.CLOSED) {
      again = setTimeout(() => { stop = follow(scope, { opened, changed }); }, 5000);
    }
  });
  let stop = () => { clearTimeout(again); source.close(); };
  return () => stop();
}
