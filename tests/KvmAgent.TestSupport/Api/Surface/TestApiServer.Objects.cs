using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>What a test does to objects without a client: each acts as another client would, so that watches see it and versions count.</summary>
public sealed partial class TestApiServer
{
    private static readonly Identity Test = new("test", "", ["system:masters"]);

    /// <summary>Told of each change at once and in order, whatever faults there are. It is called inside the server's lock: it must not wait, write, nor change the object.</summary>
    public event Action<ObjectChange>? Changed;

    /// <param name="ns">Empty for kinds without namespaces.</param>
    /// <returns>A copy, in the storage version; null where there is none.</returns>
    public JsonObject? Get(string group, string plural, string ns, string name)
    {
        lock (_world.Gate)
        {
            var type = _world.TypeOf(group, plural);
            return type.Table.Find(ns, name)?.Full(type.Storage);
        }
    }

    /// <param name="ns">Null: of all namespaces.</param>
    public IReadOnlyList<JsonObject> All(string group, string plural, string? ns = null)
    {
        lock (_world.Gate)
        {
            var type = _world.TypeOf(group, plural);
            return [.. type.Table.All(ns).Select(o => o.Full(type.Storage))];
        }
    }

    public int Count(string group, string plural)
    {
        lock (_world.Gate)
        {
            return _world.TypeOf(group, plural).Table.Count;
        }
    }

    /// <summary>Creates what the manifest says, a status included where it has one.</summary>
    public JsonObject Create(JsonObject manifest)
    {
        var (apiVersion, kind) = (manifest.Text("apiVersion") ?? "", manifest.Text("kind") ?? "");
        lock (_world.Gate)
        {
            var type = _world.TypeOfKind(apiVersion, kind) ?? throw new InvalidOperationException($"the server knows no {kind} of {apiVersion}; apply its CustomResourceDefinition first");
            var version = type.Versions.First(v => v.ApiVersion == apiVersion);
            var ns = type.Namespaced ? manifest.Text("metadata", "namespace") ?? "default" : "";
            var created = _verbs.Create(CallOn(type, ns, "", "") with { Version = version }, manifest.Clone()).Object!;
            return manifest["status"] is { } status && version.Status ? SetStatus(type.Group, type.Plural, ns, created.Name, status) : created.Full(version);
        }
    }

    public JsonObject CreateNamespace(string name) =>
        Create(new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Namespace", ["metadata"] = new JsonObject { ["name"] = name } });

    public JsonObject SetStatus(string group, string plural, string ns, string name, JsonNode status) =>
        Write(group, plural, ns, name, "status", json => json["status"] = status.DeepClone());

    /// <summary>Reads, changes and writes in one piece.</summary>
    public JsonObject Update(string group, string plural, string ns, string name, Action<JsonObject> change) => Write(group, plural, ns, name, "", change);

    /// <param name="policy"><c>Background</c>, <c>Foreground</c> or <c>Orphan</c>.</param>
    /// <param name="graceSeconds">0 on a pod: as the kubelet does once its containers are gone.</param>
    public void Delete(string group, string plural, string ns, string name, string? policy = null, long? graceSeconds = null) =>
        _verbs.Delete(CallOn(_world.TypeOf(group, plural), ns, name, ""), new DeleteOptions { Policy = policy, GracePeriodSeconds = graceSeconds });

    /// <summary>What a container says, line by line.</summary>
    public void Log(string ns, string pod, string line) => _logs.Add((string)Get("", "pods", ns, pod)!["metadata"]!["uid"]!, line);

    /// <summary>As a scheduler does.</summary>
    public void Bind(string ns, string pod, string node) =>
        new PodVerbs(_world, _verbs).Bind(CallOn(_world.TypeOf("", "pods"), ns, pod, "binding"), new JsonObject { ["target"] = new JsonObject { ["name"] = node } });

    /// <param name="yaml">CustomResourceDefinitions (other documents are passed over), or the path of a file of them.</param>
    public async Task ApplyCrdsAsync(string yaml)
    {
        var text = yaml.Contains('\n', StringComparison.Ordinal) ? yaml : await File.ReadAllTextAsync(yaml);
        foreach (var crd in Yaml.Documents(text).OfType<JsonObject>().Where(static d => d.Text("kind") == "CustomResourceDefinition"))
        {
            crd.Remove("status");
            var name = crd.Text("metadata", "name") ?? "";
            if (Get("apiextensions.k8s.io", "customresourcedefinitions", "", name) is null)
            {
                Create(crd);
            }
            else
            {
                Update("apiextensions.k8s.io", "customresourcedefinitions", "", name, json => json["spec"] = crd["spec"]!.DeepClone());
            }
        }
    }

    private JsonObject Write(string group, string plural, string ns, string name, string subresource, Action<JsonObject> change)
    {
        lock (_world.Gate)
        {
            var type = _world.TypeOf(group, plural);
            var call = CallOn(type, ns, name, subresource);
            var body = _verbs.Get(call).Full(type.Storage);
            change(body);
            return _verbs.Update(call, body).Object!.Full(type.Storage);
        }
    }

    private static Call CallOn(ResourceType type, string ns, string name, string subresource) => new(type.Storage, Test)
    {
        Namespace = ns,
        Name = name,
        Subresource = subresource,
        Manager = "test",
        FieldValidation = "Strict",
    };
}

/// <param name="Object">As it is now, or was last; without apiVersion and kind.</param>
public sealed record ObjectChange(string Group, string Plural, bool Deleted, JsonObject Object);
