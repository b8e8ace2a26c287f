using System.Threading.Channels;
using KvmAgent.Network;

namespace KvmAgent.Tests.Network;

public sealed class LeaseWatcherTests : IDisposable
{
    private const string Lease = "0 52:54:00:12:34:56 192.168.254.2 guest *\n";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory();
    private readonly Channel<IReadOnlyList<DhcpLease>> _told = Channel.CreateUnbounded<IReadOnlyList<DhcpLease>>();

    private string LeaseFile => Path.Combine(_directory.FullName, "dnsmasq.leases");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task Leases_are_told_as_they_come_and_go()
    {
        using var watcher = new LeaseWatcher(LeaseFile, leases => _told.Writer.TryWrite(leases));

        await File.WriteAllTextAsync(LeaseFile, "");
        await File.AppendAllTextAsync(LeaseFile, Lease);
        (await NextAsync()).ShouldBe(["192.168.254.2"]);

        await File.AppendAllTextAsync(LeaseFile, "duid 00:01\n1795280098 1193046 fd00::2 guest 00:03:00:01\n");
        (await NextAsync()).ShouldBe(["192.168.254.2", "fd00::2"]);

        // as the server does when it forgets a lease
        await ReplaceAsync(Lease);
        (await NextAsync()).ShouldBe(["192.168.254.2"]);
    }

    [Fact]
    public async Task A_lease_that_is_there_already_is_told_once_and_other_files_do_not_matter()
    {
        await File.WriteAllTextAsync(LeaseFile, Lease);
        using var watcher = new LeaseWatcher(LeaseFile, leases => _told.Writer.TryWrite(leases));
        (await NextAsync()).ShouldBe(["192.168.254.2"]);

        await File.WriteAllTextAsync(Path.Combine(_directory.FullName, "other"), Lease);
        File.SetLastWriteTimeUtc(LeaseFile, DateTime.UnixEpoch);
        await ReplaceAsync(Lease.Replace("254.2", "254.6", StringComparison.Ordinal));
        (await NextAsync()).ShouldBe(["192.168.254.6"]);
    }

    private async Task ReplaceAsync(string text)
    {
        await File.WriteAllTextAsync($"{LeaseFile}.new", text);
        File.Move($"{LeaseFile}.new", LeaseFile, overwrite: true);
    }

    private async Task<IEnumerable<string>> NextAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        return (await _told.Reader.ReadAsync(limit.Token)).Select(lease => $"{lease.Address}");
    }
}
