using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Tests.Store;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Jobs;

/// <summary>Jobs as people ask for them, of a whole coordinator.</summary>
public sealed class JobRoutesTests : IAsyncLifetime
{
    private const string Submit = "/jobs/submit", Query = "/jobs/query", Cancel = "/jobs/cancel", John = "john";

    private JobCluster _jobs = null!;

    public async Task InitializeAsync() => _jobs = await JobCluster.StartAsync(new SqliteDatabase());

    public async Task DisposeAsync() => await _jobs.DisposeAsync();

    [Fact]
    public async Task A_machine_is_cloned_and_the_job_tells_how_far_it_is()
    {
        var (code, body) = await _jobs.Management.PostAsync($"{JobCluster.Web}/clone", new JsonObject { ["name"] = "copy" });
        (code, (string?)body["id"], (string?)body["message"]).ShouldBe((202, "shop/copy", "shop/copy is being made of shop/web, with a copy of its disk"));
        var id = (string)body["job_id"]!;
        var made = _jobs.Management.Cluster.Machine("copy")!;
        ((string?)made["spec"]!["runStrategy"], (string?)made["metadata"]!["labels"]!["kvmagent.io/job"]).ShouldBe(("Halted", id));

        await Until.TrueAsync(async () => ((string)(await _jobs.JobAsync(id))["message"]!).StartsWith("copy-root: Pending: ", StringComparison.Ordinal));
        var job = await _jobs.JobAsync(id);
        ((string?)job["kind"], (string?)job["status"], (string?)job["provider"], (string?)job["namespace"], (string?)job["name"], (string?)job["source"], (string?)job["owner"], (double)job["percent"]!)
            .ShouldBe(("clone", "pending", "local", "shop", "copy", "shop/web", "kubernetes-admin", 0));
        job["objects"]!.ToJsonString().ShouldBe($$"""[{"kind":"VirtualMachine","namespace":"shop","name":"copy","uid":"{{made["metadata"]!["uid"]}}"}]""");
        ((string?)_jobs.Volume("copy-root")!["spec"]!["source"]!["pvc"]!["name"]).ShouldBe("web-root");

        await _jobs.FillAsync("copy-root");
        job = await _jobs.UntilAsync(id, "completed");
        ((string?)job["message"], (double)job["percent"]!, job["ended_at"] is not null).ShouldBe(("machine shop/copy is there with its disks", 100, true));
    }

    [Fact]
    public async Task Several_are_submitted_at_once_and_each_has_its_own_fate()
    {
        var (code, body) = await _jobs.Management.PostAsync(Submit, JsonNode.Parse(
            """
            {"jobs": [
              {"kind": "clone", "namespace": "shop", "source": "web", "name": "copy"},
              {"kind": "import", "namespace": "shop", "name": "fedora", "url": "https://example.com/fedora.qcow2?token=secret", "size": "5Gi", "storage_class": "fast"},
              {"kind": "clone", "namespace": "shop", "source": "none", "name": "other"},
              {"vm_path": "default/ubuntu-vm-1", "output_dir": "/backups", "provider": "kubevirt", "metadata": {"namespace": "default"}}]}
            """));
        (code, (int)body["accepted"]!, (int)body["rejected"]!, body["job_ids"]!.AsArray().Count).ShouldBe((200, 2, 2, 2), body.ToJsonString());
        body["errors"]!.AsArray().Select(static e => (string)e!).ShouldBe(
            ["jobs[2]: machine shop/none not found", "jobs[3]: export is not there yet: live migration, snapshots and export are the next step of kvm-coordinator"]);

        var spec = _jobs.Volume("fedora")!["spec"]!;
        ((string?)spec["source"]!["http"]!["url"], (string?)spec["storage"]!["storageClassName"], (string?)spec["storage"]!["resources"]!["requests"]!["storage"])
            .ShouldBe(("https://example.com/fedora.qcow2?token=secret", "fast", $"{5L << 30}"));
        var import = (string)body["job_ids"]![1]!;
        (await _jobs.JobAsync(import)).ToJsonString().ShouldNotContain("secret");
        await _jobs.FillAsync("fedora");
        ((string?)(await _jobs.UntilAsync(import, "completed"))["message"]).ShouldBe("DataVolume shop/fedora is there");

        var (_, all) = await _jobs.Management.PostAsync(Query);
        (all["jobs"]!.AsArray().Select(static j => (string)j!["name"]!), (int)all["total"]!).ShouldSatisfyAllConditions(
            static a => a.Item1.ShouldBe(["fedora", "copy"]), static a => a.Item2.ShouldBe(2));
        (await NamesAsync($"{Query}?status=completed,failed")).ShouldBe(["fedora"]);
        (await NamesAsync($"{Query}?kind=clone")).ShouldBe(["copy"]);
        (await NamesAsync($"{Query}?limit=1")).ShouldBe(["fedora"]);
        (await NamesAsync($"{Query}?ids={body["job_ids"]![0]}")).ShouldBe(["copy"]);
        (await NamesAsync($"{Query}?provider=east")).ShouldBeEmpty();
    }

    [Fact]
    public async Task What_is_cancelled_is_deleted_in_the_cancellers_name()
    {
        var id = await _jobs.CloneAsync("copy");
        await Until.TrueAsync(() => _jobs.Volume("copy-root") is not null);
        _jobs.Server.AddUser(John, John, static request => request.Method != "DELETE");
        _jobs.Server.Access = static spec => (string?)spec["user"] == John && (string?)spec["resourceAttributes"]!["verb"] == "list";
        var (_, refused) = await CancelAsync(id, John);
        (refused["cancelled"]!.AsArray().Count, (string?)refused["failed"]![0]).ShouldBe((0, id));
        ((string)refused["errors"]![id]!).ShouldContain("forbidden");
        (await _jobs.JobAsync(id))["cancelled_by"].ShouldBeNull();

        ((string?)(await CancelAsync(id)).Body["cancelled"]![0]).ShouldBe(id);
        ((string?)(await _jobs.JobAsync(id))["status"], (string?)(await _jobs.JobAsync(id))["message"]).ShouldBe(("cancelled", "cancelled by kubernetes-admin; what was made is deleted"));
        await Until.TrueAsync(() => _jobs.Management.Cluster.Machine("copy") is null && _jobs.Volume("copy-root") is null);
        ((string)(await CancelAsync(id)).Body["errors"]![id]!).ShouldBe($"job {id} is cancelled already");
        ((string)(await CancelAsync("none")).Body["errors"]!["none"]!).ShouldBe("job none not found");
    }

    [Fact]
    public async Task What_somebody_else_deletes_makes_it_fail()
    {
        var id = await _jobs.CloneAsync("copy");
        _jobs.Management.Cluster.Delete("copy");
        // One of the same name is another.
        await Until.TrueAsync(() => _jobs.Management.Cluster.Machine("copy") is null);
        _jobs.Management.Cluster.Apply("copy", "Halted");
        ((string?)(await _jobs.UntilAsync(id, "failed"))["error"]).ShouldBe("VirtualMachine shop/copy has been deleted by somebody else");
    }

    [Fact]
    public async Task A_caller_begins_what_it_may_and_sees_its_own_and_those_of_namespaces_that_it_may_list()
    {
        _jobs.Server.AddUser(John, John, static request => request.Method == "GET");
        _jobs.Server.Access = static _ => false;
        var (code, body) = await _jobs.Management.PostAsync($"{JobCluster.Web}/clone", new JsonObject { ["name"] = "copy" }, John);
        code.ShouldBe(403, body.ToJsonString());
        (await NamesAsync(Query, John)).ShouldBeEmpty();
        (await NamesAsync(Query)).ShouldBeEmpty("nothing is left of what was refused");

        var id = await _jobs.CloneAsync("copy");
        (await NamesAsync(Query)).ShouldBe(["copy"]);
        (await NamesAsync(Query, John)).ShouldBeEmpty();
        (await _jobs.Management.SendAsync(HttpMethod.Get, $"/jobs/{id}", token: John)).Code.ShouldBe(404);
        ((string)(await CancelAsync(id, John)).Body["errors"]![id]!).ShouldBe($"job {id} not found");
        _jobs.Server.Access = static spec => (string?)spec["user"] == John && (string?)spec["resourceAttributes"]!["verb"] == "list" && (string?)spec["resourceAttributes"]!["namespace"] == "shop";
        (await NamesAsync(Query, John)).ShouldBe(["copy"]);
    }

    [Fact]
    public async Task What_makes_no_sense_is_told_and_nothing_is_made()
    {
        _jobs.Server.Create(Yaml.Documents("{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: taken-root, namespace: shop}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}").Single().AsObject());
        var cases = new (string Body, string Why)[]
        {
            ("{}", "kind is missing; give clone or import"),
            ("""{"kind":"fly"}""", "kind=\"fly\" is not known; give clone or import"),
            ("""{"kind":"clone","namespace":"shop","source":"web"}""", "name is missing"),
            ("""{"kind":"clone","namespace":"shop","name":"copy"}""", "source is missing"),
            ("""{"kind":"clone","namespace":"a/b","source":"web","name":"copy"}""", "namespace=\"a/b\" is no name in Kubernetes"),
            ("""{"kind":"clone","namespace":"shop","source":"web","name":"web"}""", "name=\"web\" is the machine's own; give the copy another"),
            ("""{"kind":"clone","namespace":"shop","source":"web","name":"taken"}""", "claim shop/taken-root, which would be a disk of taken, is there already"),
            ("""{"kind":"clone","provider":"mars","namespace":"shop","source":"web","name":"copy"}""", "provider \"mars\" not found"),
            ("""{"kind":"import","namespace":"shop","name":"a"}""", "url is missing"),
            ("""{"kind":"import","namespace":"shop","name":"a","url":"file:///etc/passwd"}""", "is none of an image"),
            ("""{"kind":"import","namespace":"shop","name":"a","url":"https://me:pw@example.com/a"}""", "the url has a user in it"),
            ("""{"kind":"import","namespace":"shop","name":"a","url":"ftp://me:pw@example.com/a"}""", "the url has a user in it"),
            ("""{"kind":"import","namespace":"shop","name":"a","url":"https://example.com/a","size":"much"}""", "size=\"much\" is no quantity"),
        };
        foreach (var (text, why) in cases)
        {
            var (code, answer) = await _jobs.Management.PostTextAsync(Submit, text);
            (code, (int)answer["rejected"]!).ShouldBe((200, 1), $"{text}: {answer.ToJsonString()}");
            ((string)answer["errors"]![0]!).ShouldContain(why, customMessage: text);
        }

        (await _jobs.Management.PostTextAsync(Submit, """{"jobs":[],"kind":"clone"}""")).ShouldSatisfyAllConditions(static a => a.Code.ShouldBe(400), static a => ((string)a.Body["error"]!).ShouldContain("exclude one another"));
        (await _jobs.Management.PostTextAsync(Submit, """{"jobs":[]}""")).Code.ShouldBe(400);
        (await _jobs.Management.SendAsync(HttpMethod.Get, $"{Query}?status=done")).Code.ShouldBe(400);
        (await _jobs.Management.SendAsync(HttpMethod.Get, $"{Query}?limit=0")).Code.ShouldBe(400);
        (await _jobs.Management.PostAsync(Cancel)).Code.ShouldBe(400);
        (await NamesAsync(Query)).ShouldBeEmpty();
        _jobs.Server.All("cdi.kubevirt.io", "datavolumes").ShouldBeEmpty();
    }

    [Fact]
    public async Task A_running_machine_is_waited_for_and_the_answer_says_so()
    {
        _jobs.Management.Cluster.Node.Schedules = true;
        await _jobs.FillAsync("web-root");
        _jobs.Server.SetStatus("", "persistentvolumeclaims", JobCluster.Namespace, "web-root", new JsonObject { ["phase"] = "Bound" });
        _jobs.Management.Cluster.Strategy("web", "Always");
        await _jobs.Management.Cluster.RunningAsync("web");
        var (code, body) = await _jobs.Management.PostAsync($"{JobCluster.Web}/clone", new JsonObject { ["name"] = "copy" });
        (code, (string)body["message"]!).ShouldSatisfyAllConditions(static a => a.Item1.ShouldBe(202), static a => a.Item2.ShouldContain("; shop/web runs: ", customMessage: a.Item2));
        await Until.TrueAsync(async () => ((string)(await _jobs.JobAsync((string)body["job_id"]!))["message"]!).Contains("in use by pod", StringComparison.Ordinal));
    }

    private Task<(int Code, JsonNode Body)> CancelAsync(string id, string? token = null) => _jobs.Management.PostAsync(Cancel, new JsonObject { ["job_ids"] = new JsonArray(id) }, token);

    private async Task<IEnumerable<string>> NamesAsync(string path, string? token = null)
    {
        var (code, body) = await _jobs.Management.SendAsync(HttpMethod.Get, path, token: token);
        code.ShouldBe(200, body.ToJsonString());
        return body["jobs"]!.AsArray().Select(static j => (string)j!["name"]!);
    }
}
