using KvmAgent.Coordinator.Tests.Alone;
using KvmAgent.Coordinator.Tests.Rest;

namespace KvmAgent.Cli.Tests;

/// <summary>How one comes to be known.</summary>
public sealed class LoginTests : IDisposable
{
    private readonly Kvmctl _kvmctl = new();

    public void Dispose() => _kvmctl.Dispose();

    [Fact]
    public async Task Login_keeps_what_has_been_seen_to_work_and_logout_forgets_it()
    {
        await using var management = await ManagementCluster.StartAsync();
        var authority = _kvmctl.Write("ca.crt", management.Authority);
        var url = management.Address.GetLeftPart(UriPartial.Authority);

        var run = await _kvmctl.RunWithAsync("guessed\n", "login", url, "--ca-file", authority, "--token-file", "-");
        (run.ExitCode, File.Exists(_kvmctl.LoginFile)).ShouldBe((77, false), run.Error);
        run = await _kvmctl.RunAsync("login", url, "--token-file", _kvmctl.Write("token", management.Cluster.Server.Token));
        run.ExitCode.ShouldBe(69);
        run.Error.ShouldContain("see that it runs, and that its certificate is trusted (login --ca-file) and of that name");

        var forwarded = $"https://localhost:{management.Address.Port}";
        var token = _kvmctl.Write("token", management.Cluster.Server.Token);
        (await _kvmctl.RunAsync("login", forwarded, "--ca-file", authority, "--token-file", token)).Error.ShouldContain("RemoteCertificateNameMismatch");
        await _kvmctl.DoAsync("login", forwarded, "--ca-file", authority, "--token-file", token, "--tls-server-name", "coordinator.test");
        await _kvmctl.DoAsync("vm", "list", "-A");

        (await _kvmctl.DoAsync("login", url, "--ca-file", authority, "--token-file", token)).ShouldContain($"logged in to {url}");
        File.GetUnixFileMode(_kvmctl.LoginFile).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await _kvmctl.DoAsync("vm", "list", "-A");
        await _kvmctl.DoAsync("logout");
        (await _kvmctl.RunAsync("vm", "list")).ShouldSatisfyAllConditions(r => r.ExitCode.ShouldBe(64), r => r.Error.ShouldContain("run `kvmctl login URL`"));
    }

    [Fact]
    public async Task A_kubeconfigs_token_is_used_and_not_kept()
    {
        await using var management = await ManagementCluster.StartAsync();
        var kubeconfig = _kvmctl.Write("config", management.Cluster.Server.Kubeconfig);
        await _kvmctl.DoAsync("login", management.Address.GetLeftPart(UriPartial.Authority), "--ca-file", _kvmctl.Write("ca.crt", management.Authority), "--kubeconfig", kubeconfig);
        File.ReadAllText(_kvmctl.LoginFile).ShouldNotContain(management.Cluster.Server.Token);
        await _kvmctl.DoAsync("vm", "list", "-A");
        File.Delete(kubeconfig);
        (await _kvmctl.RunAsync("vm", "list")).ShouldSatisfyAllConditions(r => r.ExitCode.ShouldBe(64), r => r.Error.ShouldContain(kubeconfig));
    }

    [Fact]
    public async Task A_coordinator_alone_has_written_a_login_file()
    {
        await using var host = await AloneHost.StartAsync();
        await host.EnrolAsync();
        File.Copy(host.Login, _kvmctl.LoginFile);
        (await _kvmctl.DoAsync("vm", "list", "-A", "-o", "name")).ShouldBe("team/web\n");
        (await _kvmctl.RunAsync("vm", "start", "team/web")).ShouldSatisfyAllConditions(
            r => r.ExitCode.ShouldBe(75), r => r.Error.ShouldContain("team/web is an instance without a VirtualMachine"));
    }

    [Theory]
    [InlineData("http://vms.example.org")]
    [InlineData("vms.example.org")]
    [InlineData("https://vms.example.org/kubevirt")]
    [InlineData("https://me:secret@vms.example.org")]
    public async Task What_is_no_address_is_refused(string url)
    {
        var run = await _kvmctl.RunAsync("login", url, "--token-file", _kvmctl.Write("token", "t"));
        run.ExitCode.ShouldBe(64);
        run.Error.ShouldContain("is no https URL of a server; give one such as https://vms.example.org");
    }
}
