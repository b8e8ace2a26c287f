using System.Diagnostics;
using System.Net;
using System.Net.NetworkInformation;
using KvmAgent.Qemu;

namespace KvmAgent.HostTests.Qemu;

/// <summary>The guest agent's client against the real agent, which runs on this host, and so is only asked what does no harm.</summary>
public sealed class GuestAgentClientTests : IAsyncLifetime
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    /// <summary>What it must not do here, should we ever ask.</summary>
    private const string Blocked =
        "guest-shutdown,guest-exec,guest-file-open,guest-file-write,guest-set-time,guest-set-user-password,guest-set-vcpus,"
        + "guest-suspend-disk,guest-suspend-ram,guest-suspend-hybrid,guest-fsfreeze-freeze,guest-fstrim,guest-ssh-add-authorized-keys";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("kvm-agent-qga-");
    private readonly Process _process;
    private readonly GuestAgentClient _agent;

    public GuestAgentClientTests()
    {
        var path = Path.Combine(_directory.FullName, "qga.sock");
        string[] arguments = ["-m", "unix-listen", "-p", path, "-t", _directory.FullName, "-b", Blocked];
        _process = StartAgent(arguments);
        _agent = CreateClient(path);
    }

    public async Task InitializeAsync()
    {
        using var limit = new CancellationTokenSource(Limit);
        while (!File.Exists(Path.Combine(_directory.FullName, "qga.sock")))
        {
            _process.HasExited.ShouldBeFalse();
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, limit.Token);
        }
    }

    public async Task DisposeAsync()
    {
        _agent.Dispose();
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _directory.Delete(recursive: true);
    }

    [Fact]
    public async Task Tells_of_itself_and_of_its_system()
    {
        await _agent.PingAsync(Limit);
        var info = await _agent.GetInfoAsync(Limit);
        info.Version.ShouldMatch(@"^\d+\.\d+");
        info.Commands.ShouldContain("guest-get-osinfo");
        info.Commands.ShouldNotContain("guest-exec");
        (await _agent.GetHostNameAsync(Limit)).ShouldBe(Environment.MachineName);
        var os = await _agent.GetOsAsync(Limit);
        os.Id.ShouldBe("debian");
        os.KernelRelease.ShouldBe(File.ReadAllText("/proc/sys/kernel/osrelease").Trim());
    }

    [Fact]
    public async Task Tells_of_its_addresses()
    {
        var interfaces = await _agent.GetInterfacesAsync(Limit);

        interfaces.Select(nic => nic.Name).ShouldBe(NetworkInterface.GetAllNetworkInterfaces().Select(nic => nic.Name), ignoreOrder: true);
        interfaces.Single(nic => nic.Name == "lo").Addresses.ShouldContain(new GuestAddress(IPAddress.Loopback, 8));
    }

    [Fact]
    public async Task Finds_its_way_back_after_commands_that_were_given_up()
    {
        for (var round = 0; round < 20; round++)
        {
            using var cancel = new CancellationTokenSource();
            var given = _agent.GetInfoAsync(Limit, cancel.Token);
            await cancel.CancelAsync();
            try
            {
                await given;
            }
            catch (OperationCanceledException)
            {
                // As meant; it may also have been quicker.
            }

            (await _agent.GetHostNameAsync(Limit)).ShouldBe(Environment.MachineName);
        }
    }

    [Fact]
    public async Task Behind_a_real_port_that_no_guest_has_opened_nobody_answers()
    {
        await using var qemu = BareQemu.Start(
            "-machine", "q35", "-device", "virtio-serial", "-chardev", "socket,path={dir}/qga.sock,server=on,wait=off,id=qga",
            "-device", "virtserialport,chardev=qga,name=org.qemu.guest_agent.0");
        await using var qmp = await qemu.ConnectAsync();
        using var agent = CreateClient(Path.Combine(qemu.Directory, "qga.sock"));
        (await qmp.QueryPortOpenAsync("qga")).ShouldBeFalse();

        await Should.ThrowAsync<TimeoutException>(agent.PingAsync(TimeSpan.FromMilliseconds(200)));
        await Should.ThrowAsync<TimeoutException>(agent.PingAsync(TimeSpan.FromMilliseconds(200)));

        qemu.Kill();
        await qemu.Exited;
        await Should.ThrowAsync<IOException>(agent.PingAsync(Limit));
    }

    private static Process StartAgent(string[] arguments) => Process.Start("/usr/sbin/qemu-ga", arguments);

    private static GuestAgentClient CreateClient(string path) => new(path, TimeProvider.System);
}
