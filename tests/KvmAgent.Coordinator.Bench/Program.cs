// See tests/bench/coordinator and tests/bench/console: what is measured, and how.
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using KvmAgent.Contracts;
using KvmAgent.Coordinator.Bench;
using KvmAgent.TestSupport.Api;

if (args is ["console", var pod, var stream, var token, var rounds])
{
    await Vnc.MeasureAsync(pod, new Uri(stream), token, int.Parse(rounds, CultureInfo.InvariantCulture), Row);
    return;
}

var program = args[0];
var (burst, idle) = (int.Parse(args[1], CultureInfo.InvariantCulture), int.Parse(args[2], CultureInfo.InvariantCulture));
var seconds = int.Parse(args[3], CultureInfo.InvariantCulture);
var kubeconfig = Path.GetTempFileName();
try
{
    await using var fleet = await Fleet.StartAsync();
    await File.WriteAllTextAsync(kubeconfig, fleet.Server.KubeconfigOf(Fleet.User));
    var coordinator = await CoordinatorProcess.StartAsync(program, kubeconfig);
    try
    {
        fleet.Agents = coordinator.Agents;
        await OneAsync(fleet);
        await BurstAsync(fleet, coordinator, burst);
        await GrowAsync(fleet, idle);
        await IdleAsync(fleet, coordinator, idle, seconds);
        await LagAsync(fleet);
        await ListAsync(fleet, coordinator);
        await Screen.MeasureAsync(fleet, coordinator, Row);
        await coordinator.DisposeAsync();
        coordinator = await RestartAsync(fleet, idle, program, kubeconfig);
    }
    finally
    {
        await coordinator.DisposeAsync();
    }
}
finally
{
    File.Delete(kubeconfig);
}

static async Task OneAsync(Fleet fleet)
{
    fleet.Server.Requests.Clear();
    fleet.Create("one");
    await Fleet.UntilAsync(() => (bool?)fleet.Server.Get("kubevirt.io", "virtualmachines", Fleet.Namespace, "one")!["status"]?["ready"] == true, "the first machine did not run");
    await Task.Delay(TimeSpan.FromSeconds(2), TimeProvider.System);
    WriteCounts Of(string group, string plural) => fleet.Server.Requests.Writes(group, plural, Fleet.User);
    var (vm, vmi, pod) = (Of("kubevirt.io", "virtualmachines"), Of("kubevirt.io", "virtualmachineinstances"), Of("", "pods"));
    static int Changes(WriteCounts counts) => counts.Updates + counts.Patches + counts.StatusUpdates + counts.StatusPatches;
    Row("writes", $"{Changes(vmi) + Changes(pod)} updates and patches of VMI and pod to Running (wanted: at most 4)");
    Row("", $"beside them {Changes(vm)} of the VM, {vmi.Creates + pod.Creates + Of("", "configmaps").Creates} creates, {Of("", "events").Creates} Events, {vm.Failed + vmi.Failed + pod.Failed} failed");
}

static async Task BurstAsync(Fleet fleet, CoordinatorProcess coordinator, int count)
{
    fleet.Server.Requests.Clear();
    var (began, cpu, ownCpu) = (TimeProvider.System.GetTimestamp(), coordinator.Cpu, Environment.CpuUsage.TotalTime);
    string[] names = [.. Enumerable.Range(0, count).Select(static n => $"burst-{n}")];
    foreach (var name in names)
    {
        fleet.Create(name);
    }

    var created = TimeProvider.System.GetElapsedTime(began);
    await Fleet.UntilAsync(() => fleet.Running.Count >= count + 1, "not all of the burst run");
    var total = TimeProvider.System.GetElapsedTime(began);
    var agents = fleet.Node.Pods.ToDictionary(static p => p.Machine.Split('/')[1], static p => p.Agent.RunningAt);
    double[] added = [.. names.Select(n => Seconds(agents[n], fleet.Running[n])).Order()];
    double[] pods = [.. names.Select(n => Seconds(fleet.Created[n], fleet.PodMade[n])).Order()];
    var vmi = fleet.Server.Requests.Writes("kubevirt.io", "virtualmachineinstances", Fleet.User);
    Row($"{count} at once", $"added from the agent's Running to the status' P50 {At(added, 0.5):0.000} s, P99 {At(added, 0.99):0.000} s (wanted: at most 1)");
    Row("", $"from the VM's creation to its pod's P50 {At(pods, 0.5):0.0} s, P99 {At(pods, 0.99):0.0} s; all Running after {total.TotalSeconds:0.0} s (created in {created.TotalSeconds:0.0} s)");
    Row("", $"{(double)vmi.StatusPatches / count:0.00} patches of each VMI, {vmi.Failed} failed; {(coordinator.Cpu - cpu).TotalMilliseconds / count:0.0} ms of CPU a machine, and {(Environment.CpuUsage.TotalTime - ownCpu).TotalMilliseconds / count:0.0} ms of the API server and the agents");
}

static async Task GrowAsync(Fleet fleet, int count)
{
    for (var made = fleet.Created.Count; made < count; made = fleet.Created.Count)
    {
        for (var n = made; n < Math.Min(count, made + 500); n++)
        {
            fleet.Create($"idle-{n}");
        }

        await Fleet.UntilAsync(() => fleet.Running.Count == fleet.Created.Count, $"only {fleet.Running.Count} of {fleet.Created.Count} run");
        await Console.Error.WriteLineAsync($"{fleet.Created.Count} run");
        fleet.Server.Requests.Clear();
    }
}

static async Task IdleAsync(Fleet fleet, CoordinatorProcess coordinator, int count, int seconds)
{
    await fleet.LinkedAsync();
    await Task.Delay(TimeSpan.FromSeconds(35), TimeProvider.System);
    fleet.Server.Requests.Clear();
    var (cpu, began) = (coordinator.Cpu, TimeProvider.System.GetTimestamp());
    await Task.Delay(TimeSpan.FromSeconds(seconds), TimeProvider.System);
    var share = (coordinator.Cpu - cpu) / TimeProvider.System.GetElapsedTime(began);
    Row($"{count} idle", $"{coordinator.ResidentMebibytes:0} MiB resident (wanted: at most 400), {share * 100:0.0} % of a core (wanted: at most 10)");
    Row("", $"{fleet.Server.Requests.All.Count(static r => r.User == Fleet.User)} requests to the API server in {seconds} s");
}

static async Task LagAsync(Fleet fleet)
{
    var all = fleet.Node.Pods.Where(static p => p.Agent.RunningAt != 0).ToList();
    var chosen = Enumerable.Range(0, Math.Min(300, all.Count)).Select(n => all[n * all.Count / Math.Min(300, all.Count)]).ToList();
    var told = new Dictionary<string, long>();
    foreach (var pod in chosen)
    {
        told[pod.Machine.Split('/')[1]] = TimeProvider.System.GetTimestamp();
        pod.Agent.Set(VmPhase.Paused);
        await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
    }

    await Fleet.UntilAsync(() => told.Keys.All(fleet.Paused.ContainsKey), "a change did not arrive");
    double[] lags = [.. told.Select(t => Seconds(t.Value, fleet.Paused[t.Key])).Order()];
    Row("lag", $"of a change to the VMI's status P50 {At(lags, 0.5):0.000} s, P99 {At(lags, 0.99):0.000} s (wanted: at most 2)");
}

static async Task ListAsync(Fleet fleet, CoordinatorProcess coordinator)
{
    using var http = new HttpClient(new HttpClientHandler { ServerCertificateCustomValidationCallback = static (_, _, _, _) => true }) { BaseAddress = coordinator.Management };
    http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", fleet.Server.Token);
    var took = new List<double>();
    var (vms, bytes) = (0, 0L);
    for (var walk = 0; walk < 5; walk++)
    {
        string? next = null;
        do
        {
            var began = TimeProvider.System.GetTimestamp();
            using var answer = await http.PostAsJsonAsync("/kubevirt/vms/list", new { all_namespaces = true, limit = 100, @continue = next });
            var text = await answer.EnsureSuccessStatusCode().Content.ReadAsByteArrayAsync();
            took.Add(TimeProvider.System.GetElapsedTime(began).TotalMilliseconds);
            var page = JsonNode.Parse(text)!;
            (vms, bytes, next) = ((int)page["total"]!, text.Length, (string?)page["continue"] is { } more && took.Count < 600 ? more : null);
            // One caller has 50 requests a second.
            await Task.Delay(TimeSpan.FromMilliseconds(21), TimeProvider.System);
        }
        while (next is not null);
    }

    double[] all = [.. took.Order()];
    Row("list", $"a page of 100 of {vms} ({bytes >> 10} KiB) P50 {At(all, 0.5):0.0} ms, P99 {At(all, 0.99):0.0} ms (wanted: at most 50), the slowest of {all.Length} {all[^1]:0} ms");
}

static async Task<CoordinatorProcess> RestartAsync(Fleet fleet, int count, string program, string kubeconfig)
{
    fleet.Agents = null;
    fleet.Create("late");
    var coordinator = await CoordinatorProcess.StartAsync(program, kubeconfig);
    try
    {
        while (!await coordinator.IsReadyAsync())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }

        var ready = coordinator.Age;
        fleet.Agents = coordinator.Agents;
        await Fleet.UntilAsync(() => fleet.PodMade.ContainsKey("late"), "nothing was realised");
        var acted = coordinator.Age;
        await fleet.LinkedAsync();
        Row($"start with {count}", $"caches filled after {ready.TotalSeconds:0.0} s (wanted: at most 10), first pod made after {acted.TotalSeconds:0.0} s (a former leader's lease lasts 15 s)");
        Row("", $"all agents linked after {coordinator.Age.TotalSeconds:0.0} s; {coordinator.ResidentMebibytes:0} MiB resident");
        return coordinator;
    }
    catch
    {
        await coordinator.DisposeAsync();
        throw;
    }
}

static void Row(string what, string text) => Console.WriteLine($"{what,-18} {text}");

static double Seconds(long from, long to) => Math.Max(0, TimeProvider.System.GetElapsedTime(from, to).TotalSeconds);

static double At(double[] sorted, double share) => sorted[(int)Math.Min(sorted.Length - 1, Math.Ceiling(sorted.Length * share) - 1)];
