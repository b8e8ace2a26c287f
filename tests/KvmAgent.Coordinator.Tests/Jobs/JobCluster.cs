using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Tests.Faults;
using KvmAgent.Coordinator.Tests.Rest;
using KvmAgent.Coordinator.Tests.Store;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Jobs;

/// <summary>A cluster with a machine that has a disk, whose importers are the test: they do nothing by themselves.</summary>
internal sealed class JobCluster : IAsyncDisposable
{
    public const string Namespace = ManagementCluster.Namespace, Web = "/kubevirt/vms/shop/web";

    private const string Phase = "cdi.kubevirt.io/storage.pod.phase";

    private JobCluster(ManagementCluster management, TestDatabase? database) => (Management, Database) = (management, database);

    public ManagementCluster Management { get; }

    public TestDatabase? Database { get; }

    public TestApiServer Server => Management.Cluster.Server;

    /// <param name="database">Is disposed of with it; null: there is none.</param>
    /// <param name="https">For a cluster that is another coordinator's provider.</param>
    public static async Task<JobCluster> StartAsync(TestDatabase? database, bool https = false)
    {
        try
        {
            var cluster = new JobCluster(await ManagementCluster.StartAsync(https, database: database), database);
            cluster.Management.Cluster.Node.Schedules = false;
            // It is being filled: so nobody copies it yet.
            cluster.Server.Create(Yaml.Documents(
                $$"""
                apiVersion: v1
                kind: PersistentVolumeClaim
                metadata: {name: web-root, namespace: {{Namespace}}, annotations: { {{Phase}}: Running } }
                spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 5Gi} } }
                """).Single().AsObject());
            cluster.Server.Create(Yaml.Documents(
                $$"""
                apiVersion: kubevirt.io/v1
                kind: VirtualMachine
                metadata: {name: web, namespace: {{Namespace}} }
                spec:
                  runStrategy: Halted
                  template: {spec: {domain: {memory: {guest: 1Gi}, devices: {} }, volumes: [{name: root, persistentVolumeClaim: {claimName: web-root} } ] } }
                """).Single().AsObject());
            return cluster;
        }
        catch when (database is not null)
        {
            await database.DisposeAsync();
            throw;
        }
    }

    /// <summary>Begins a clone of the machine.</summary>
    /// <returns>The job's id.</returns>
    public async Task<string> CloneAsync(string name, string? token = null)
    {
        var (code, body) = await Management.PostAsync($"{Web}/clone", new JsonObject { ["name"] = name }, token);
        code.ShouldBe(202, body.ToJsonString());
        return (string)body["job_id"]!;
    }

    public async Task<JsonNode> JobAsync(string id, RunningCoordinator? at = null)
    {
        var (code, body) = await Management.SendAsync(HttpMethod.Get, $"/jobs/{id}", at: at);
        code.ShouldBe(200, body.ToJsonString());
        return body["job"]!;
    }

    public async Task<JsonNode> UntilAsync(string id, string status, RunningCoordinator? at = null)
    {
        JsonNode? job = null;
        await Until.TrueAsync(async () => (string?)(job = await JobAsync(id, at))["status"] == status, $"job {id} is {status}");
        return job!;
    }

    /// <summary>As an importer does in the end, for the claim of this name. What the controller says of the claim meanwhile may come between.</summary>
    public Task FillAsync(string claim) => Until.TrueAsync(
        () =>
        {
            if (Server.Get("", "persistentvolumeclaims", Namespace, claim) is null)
            {
                return false;
            }

            if (Volume(claim)?["spec"]?["source"]?["http"] is not null)
            {
                // Its importer ends well.
                return Server.Get("", "pods", Namespace, $"importer-{claim}") is not null
                    && Server.SetStatus("", "pods", Namespace, $"importer-{claim}", new JsonObject { ["phase"] = "Succeeded" }) is not null;
            }

            Server.Update("", "persistentvolumeclaims", Namespace, claim, static c => (c["metadata"]!["annotations"] ??= new JsonObject())[Phase] = "Succeeded");
            return Volume(claim) is not { } volume || (string?)volume["status"]?["phase"] == "Succeeded";
        },
        $"claim {claim} is filled");

    public JsonObject? Volume(string name) => Server.Get("cdi.kubevirt.io", "datavolumes", Namespace, name);

    public async ValueTask DisposeAsync()
    {
        await Management.DisposeAsync();
        if (Database is not null)
        {
            await Database.DisposeAsync();
        }
    }
}
