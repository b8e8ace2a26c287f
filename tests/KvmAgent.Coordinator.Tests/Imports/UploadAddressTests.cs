using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Imports.Uploads;
using KvmAgent.Coordinator.Tests.Support;
using KvmAgent.Kubernetes;
using KvmAgent.TestSupport;
using KvmAgent.TestSupport.Api;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Coordinator.Tests.Imports;

/// <summary>Where virtctl is told to send images.</summary>
public sealed class UploadAddressTests : IAsyncLifetime
{
    private TestApiServer _server = null!;

    public async Task InitializeAsync() => _server = await KubeVirtServer.StartAsync();

    public Task DisposeAsync() => _server.DisposeAsync().AsTask();

    [Theory]
    [InlineData("https://upload.example.com")]
    [InlineData(null)]
    public async Task It_is_what_the_setting_says_and_before_that_what_people_write(string? setting)
    {
        var time = new ManualTime();
        using var client = new KubernetesClient(KubernetesConnection.To(_server.Address, _server.Token), TimeProvider.System);
        using var stop = new CancellationTokenSource();
        var running = new UploadAddress(client, setting, time, NullLogger<UploadAddress>.Instance).RunAsync(stop.Token);
        await Until.TrueAsync(() => Config() is not null && Told() == setting);

        await OverrideAsync(client, "https://elsewhere.example.com");
        await TellAsync(time, "https://elsewhere.example.com");
        await OverrideAsync(client, null);
        await TellAsync(time, setting);
        await stop.CancelAsync();
        await running;
    }

    private Task TellAsync(ManualTime time, string? address) => time.AdvanceUntilAsync(Until.TrueAsync(() => Told() == address));

    private JsonObject? Config() => _server.Get("cdi.kubevirt.io", "cdiconfigs", "", UploadAddress.Name);

    private string? Told() => (string?)Config()!["status"]?["uploadProxyURL"];

    private static async Task OverrideAsync(KubernetesClient client, string? address) => await client.MergePatchAsync(
        Kinds.CdiConfigs, null, UploadAddress.Name, new JsonObject { ["spec"] = new JsonObject { ["uploadProxyURLOverride"] = address } }, null, CancellationToken.None);
}
