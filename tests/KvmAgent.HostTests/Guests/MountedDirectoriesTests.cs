using System.Text.Json;
using KvmAgent.HostTests.Support;

namespace KvmAgent.HostTests.Guests;

/// <summary>ConfigMaps and Secrets that are mounted as a whole, laid out as the kubelet does, and what the guest finds of them.</summary>
public sealed class MountedDirectoriesTests : IAsyncLifetime
{
    private const string
        One = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGOb5tgNPyBVIPgDPoYLXqzYYfQ+tO21oRxbyz3QiVmS one",
        Two = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA3ldLPcCnQ9Rvv2Z8UCNsnPMGwp2ZpcJv5lXKk1oqVu two";

    private PodNamespace _pod = null!;

    public async Task InitializeAsync() => _pod = await PodNamespace.CreateAsync(new PodOptions());

    public async Task DisposeAsync() => await _pod.DisposeAsync();

    [Fact]
    public async Task The_guest_gets_the_files_the_keys_and_the_user_data()
    {
        var odd = new string('k', 98) + ".conf";
        var files = Mount("files", ("app.conf", "greeting = hello\n"), ("APP.conf", "other"), (odd, "long"), (".hidden", "dot"));
        var spec = Path.Combine(_pod.Directory, "spec.yaml");
        await File.WriteAllTextAsync(spec, $$"""
            configDrive:
              userdataFile: {{Mount("user", ("userData", "#cloud-config\n# of a Secret\n"))}}
              sshKeyDirs: {{Mount("keys-1", ("me", One), ("you", Two + "\n" + One))}},{{Mount("keys-2", ("me", Two))}}
            disks:
            - {name: app, files: {{files}}}
            - {name: disc, files: {{files}}, label: A Disc, cdrom: true, bus: scsi, serial: DISC}
            - {name: optional, files: {{Path.Combine(_pod.Directory, "none")}}, label: nothing}
            """);
        await using var agent = AgentProcess.Start(_pod, new Dictionary<string, string> { ["IMG_SOURCE"] = await TestGuest.ImageAsync(), ["VM_SPEC_FILE"] = spec });
        await LifeOfAGuestTests.UpAsync(agent);

        (await _pod.GetAsync("/user-data")).ShouldBe("#cloud-config\n# of a Secret\n");
        using var metadata = JsonDocument.Parse(await _pod.GetAsync("/config/meta_data.json"));
        metadata.RootElement.GetProperty("public_keys").EnumerateObject().Select(k => k.Value.GetString()).ShouldBe([One, Two]);

        foreach (var label in new[] { "cfgdata", "A Disc" })
        {
            var seen = await MachineTests.AskAsync(agent, $"mkdir -p /m && mount -o ro \"$(findfs LABEL='{label}')\" /m && ls -A1 /m && cat /m/app.conf && stat -c %a /m /m/.hidden && umount /m");
            new[] { ".hidden", "APP.conf", "app.conf", odd, "greeting = hello", "555", "444" }.ShouldBeSubsetOf(seen);
        }

        (await MachineTests.AskAsync(agent, "mkdir -p /m && mount -o ro \"$(findfs LABEL=nothing)\" /m && ls -A1 /m | wc -l")).ShouldContain("0");
        (await MachineTests.AskAsync(agent, "cat /sys/block/vdb/ro")).ShouldContain("1");

        agent.Terminate();
        (await agent.ExitAsync()).ShouldBe(0, string.Join('\n', agent.Lines));
        Directory.EnumerateFiles(agent.RunDir, "*.iso").ShouldBeEmpty();
    }

    [Fact]
    public async Task A_private_key_among_the_public_ones_ends_the_start_untold()
    {
        await using var agent = AgentProcess.Start(_pod, new Dictionary<string, string>
        {
            ["IMG_SOURCE"] = await TestGuest.ImageAsync(),
            ["SSH_KEY_DIRS"] = Mount("keys", ("id", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n")),
        });

        (await agent.ExitAsync()).ShouldBe(65);
        agent.Lines.ShouldContain(l => l.Contains("keys/id, line 1: this is a private key", StringComparison.Ordinal));
        agent.Lines.ShouldNotContain(l => l.Contains("b3Blb", StringComparison.Ordinal));
    }

    /// <summary>A version in a directory of its own, to which <c>..data</c> leads, and a link for each key through it.</summary>
    private string Mount(string name, params (string Key, string Text)[] keys)
    {
        var directory = Directory.CreateDirectory(Path.Combine(_pod.Directory, name)).FullName;
        var version = Directory.CreateDirectory(Path.Combine(directory, "..2026_11_22_00_00_00.1")).FullName;
        File.CreateSymbolicLink(Path.Combine(directory, "..data"), Path.GetFileName(version));
        foreach (var (key, text) in keys)
        {
            File.WriteAllText(Path.Combine(version, key), text);
            File.CreateSymbolicLink(Path.Combine(directory, key), Path.Combine("..data", key));
        }

        return directory;
    }
}
