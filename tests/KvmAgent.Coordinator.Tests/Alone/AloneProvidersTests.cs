using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Alone;
using KvmAgent.Coordinator.Alone.Store;
using KvmAgent.Coordinator.Tests.Rest;
using KvmAgent.Coordinator.Tests.Support;

namespace KvmAgent.Coordinator.Tests.Alone;

/// <summary>Other clusters, managed by a coordinator that has none of its own.</summary>
public sealed class AloneProvidersTests
{
    [Fact]
    public async Task A_cluster_is_managed_over_restarts_and_its_credentials_are_nowhere_in_the_data()
    {
        await using var other = await ManagementCluster.StartAsync(https: true);
        await using var host = await AloneHost.StartAsync();
        other.Cluster.Apply("web");
        await AddAsync(host, other);
        for (var time = 0; time < 2; time++)
        {
            await Until.TrueAsync(async () => (string?)(await PostAsync(host, "/kubevirt/vms/list", new JsonObject { ["provider"] = "east", ["namespace"] = "shop" }))["vms"]?.AsArray().SingleOrDefault()?["power_state"] == "running");
            (await PostAsync(host, "/kubevirt/vms/shop/web/pause", new JsonObject { ["provider"] = "east" }))["message"].ShouldNotBeNull();
            (await PostAsync(host, "/kubevirt/vms/shop/web/unpause", new JsonObject { ["provider"] = "east" }))["message"].ShouldNotBeNull();
            await host.EndAsync();
            foreach (var file in Directory.EnumerateFiles(host.DataDir, "*", SearchOption.AllDirectories))
            {
                Encoding.Latin1.GetString(await File.ReadAllBytesAsync(file)).ShouldNotContain(other.Cluster.Server.Token);
            }

            await host.BeginAsync();
        }

        File.GetUnixFileMode(host.KeyFile).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        (await PostAsync(host, "/kubevirt/providers/remove", new JsonObject { ["name"] = "east" }))["message"].ShouldNotBeNull();
        (await StateAsync(host, 0)).ShouldBe(("local", "connected", null));
    }

    [Fact]
    public async Task Another_key_or_none_is_told_on_the_provider_and_all_else_goes_on()
    {
        await using var other = await ManagementCluster.StartAsync(https: true);
        await using var host = await AloneHost.StartAsync();
        await AddAsync(host, other);
        await host.EndAsync();
        var key = await File.ReadAllTextAsync(host.KeyFile);

        await WithKeyAsync(Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)), $"it was encrypted by another key than that of KEY_FILE=\"{host.KeyFile}\"; put that one back, or give all of it anew");
        await WithKeyAsync("garbage", $"KEY_FILE=\"{host.KeyFile}\" holds no key of 32 bytes in base64");
        File.Delete(host.KeyFile);
        await host.BeginAsync();
        (await StateAsync(host, 1)).Why.ShouldNotBeNull().ShouldContain($"KEY_FILE=\"{host.KeyFile}\" is not there");
        ((string?)(await PostAsync(host, "/kubevirt/providers/add", Of("west", other)))["error"]).ShouldNotBeNull().ShouldContain("put it back, or remove them first");
        File.Exists(host.KeyFile).ShouldBeFalse("a new key would only hide that the other is lost");
        await host.EndAsync();

        await File.WriteAllTextAsync(host.KeyFile, key);
        await host.BeginAsync();
        (await StateAsync(host, 1)).ShouldBe(("east", "connected", null));

        async Task WithKeyAsync(string text, string why)
        {
            await File.WriteAllTextAsync(host.KeyFile, text);
            await host.BeginAsync();
            (await StateAsync(host, 1)).ShouldSatisfyAllConditions(s => s.State.ShouldBe("unusable"), s => s.Why.ShouldNotBeNull().ShouldContain(why));
            await Until.TrueAsync(async () => (await PostAsync(host, "/kubevirt/vms/list", new JsonObject()))["vms"] is not null);
            await host.EndAsync();
        }
    }

    [Fact]
    public async Task A_key_beside_the_data_is_refused_whatever_leads_there()
    {
        await using var host = await AloneHost.StartAsync();
        var link = host.DataDir + "-link";
        Directory.CreateSymbolicLink(link, host.DataDir);
        foreach (var path in new[] { Path.Combine(host.DataDir, "key"), Path.Combine(host.DataDir, "agents/../key"), Path.Combine(link, "key"), Path.Combine(host.DataDir, "a/b/key") })
        {
            var error = Should.Throw<CoordinatorException>(() => AloneSettingsReader.Read(new Dictionary<string, string> { ["DATA_DIR"] = host.DataDir, ["KEY_FILE"] = path }, isRoot: false));
            error.ExitCode.ShouldBe(64);
            error.Message.ShouldContain($"KEY_FILE=\"{path}\" is inside of DATA_DIR=\"{host.DataDir}\"");
            Should.Throw<CoordinatorException>(() => new KeyFile(path, host.DataDir).Open()).Message.ShouldBe(error.Message);
        }

        KeyFile.IsWithin(host.DataDir + "-2/key", host.DataDir).ShouldBeFalse();
        Should.Throw<CoordinatorException>(() => AloneSettingsReader.Read(new Dictionary<string, string> { ["KEY_FILE"] = "key" }, isRoot: true)).Message.ShouldStartWith("KEY_FILE=\"key\" is no full path");
    }

    [Theory]
    [InlineData(true, null, null, "/etc/kvm-coordinator/key")]
    [InlineData(false, "/home/me", null, "/home/me/.config/kvm-coordinator/key")]
    [InlineData(false, "/home/me", "/config", "/config/kvm-coordinator/key")]
    public void Where_the_key_is(bool isRoot, string? home, string? config, string expected) => AloneSettingsReader.Read(
        new Dictionary<string, string> { ["DATA_DIR"] = "/data", ["HOME"] = home ?? "", ["XDG_CONFIG_HOME"] = config ?? "" }, isRoot).KeyFile.ShouldBe(expected);

    [Fact]
    public void A_box_is_opened_by_its_key_under_its_name_and_whole()
    {
        var box = new SecretBox(RandomNumberGenerator.GetBytes(32));
        var made = box.Seal("east", "secret"u8);
        box.Open("east", made).ShouldBe("secret"u8.ToArray());
        box.Seal("east", "secret"u8).ShouldNotBe(made, "the nonce is another each time");
        box.Open("west", made).ShouldBeNull();
        new SecretBox(RandomNumberGenerator.GetBytes(32)).Open("east", made).ShouldBeNull();
        box.Open("east", made.AsSpan(..^1)).ShouldBeNull();
        box.Open("east", []).ShouldBeNull();
        for (var i = 0; i < made.Length; i++)
        {
            var other = (byte[])made.Clone();
            other[i] ^= 1;
            box.Open("east", other).ShouldBeNull();
        }
    }

    private static JsonObject Of(string name, ManagementCluster other) => new() { ["name"] = name, ["kubeconfig"] = other.Cluster.Server.Kubeconfig };

    private static async Task AddAsync(AloneHost host, ManagementCluster other) =>
        ((string?)(await PostAsync(host, "/kubevirt/providers/add", Of("east", other)))["message"]).ShouldBe("provider east is added");

    private static async Task<(string Name, string State, string? Why)> StateAsync(AloneHost host, int at)
    {
        var told = (await PostAsync(host, "/kubevirt/providers/list", new JsonObject()))["providers"]!.AsArray()[at]!;
        return ((string)told["name"]!, (string)told["state"]!, (string?)told["message"]);
    }

    private static async Task<JsonNode> PostAsync(AloneHost host, string path, JsonNode body)
    {
        using var client = host.ManagementClient();
        var answer = await client.PostAsJsonAsync(new Uri(path, UriKind.Relative), body);
        return JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
    }
}
