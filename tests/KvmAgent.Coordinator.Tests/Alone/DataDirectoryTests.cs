using KvmAgent.Coordinator.Alone;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Coordinator.Tests.Alone;

/// <summary>What is in DATA_DIR, who may read it, and what is said where it is damaged.</summary>
public sealed class DataDirectoryTests
{
    [Fact]
    public async Task Nobody_but_its_owner_passes_and_a_container_with_agents_mounted_reads()
    {
        await using var host = await AloneHost.StartAsync();
        Mode(host.DataDir).ShouldBe("700");
        Mode(host.Files.Agents).ShouldBe("755");
        Mode(host.Files.AgentToken).ShouldBe("644");
        Mode(host.Files.AgentAuthority).ShouldBe("644");
        Directory.EnumerateFileSystemEntries(host.Files.Agents).Select(Path.GetFileName).ShouldBe(["ca.crt", "token"], ignoreOrder: true);
        foreach (var secret in new[] { host.Files.Kubeconfig, host.Files.Database, host.Files.At("ca.key"), host.Files.At("tls.key") })
        {
            Mode(secret).ShouldBe("600", secret);
        }
    }

    [Fact]
    public async Task No_token_is_in_the_database()
    {
        await using var host = await AloneHost.StartAsync();
        var own = await host.EnrolAsync();
        var tokens = new[] { own, host.EnrolmentToken, host.PeoplesToken };
        await host.EndAsync();
        foreach (var file in Directory.EnumerateFiles(host.DataDir, "coordinator.db*"))
        {
            var text = System.Text.Encoding.Latin1.GetString(await File.ReadAllBytesAsync(file));
            tokens.ShouldAllBe(token => !text.Contains(token, StringComparison.Ordinal));
        }
    }

    /// <summary>Who has lost a token to others removes its file.</summary>
    [Fact]
    public async Task A_file_that_is_removed_comes_with_another_token()
    {
        await using var host = await AloneHost.StartAsync();
        var (enrolment, people) = (host.EnrolmentToken, host.PeoplesToken);
        await host.EndAsync();
        File.Delete(host.Files.AgentToken);
        await host.BeginAsync();
        host.EnrolmentToken.ShouldNotBe(enrolment);
        host.PeoplesToken.ShouldBe(people);
        await Should.ThrowAsync<System.Net.WebSockets.WebSocketException>(() => host.DialAsync(enrolment));
    }

    [Fact]
    public async Task A_second_coordinator_is_refused()
    {
        await using var host = await AloneHost.StartAsync();
        var error = Should.Throw<CoordinatorException>(() => New(host));
        error.ExitCode.ShouldBe(75);
        error.Message.ShouldContain("another kvm-coordinator uses");
        error.Message.ShouldContain("DATA_DIR");
    }

    [Theory]
    [InlineData("garbage")]
    [InlineData("truncated")]
    [InlineData("empty")]
    public async Task A_damaged_database_is_one_clear_error(string damage)
    {
        await using var host = await AloneHost.StartAsync();
        await host.EnrolAsync();
        await host.EndAsync();
        var file = host.Files.Database;
        File.Delete(file + "-wal");
        switch (damage)
        {
            case "garbage":
                await File.WriteAllTextAsync(file, new string('x', 8192));
                break;
            case "truncated":
                using (var half = File.OpenWrite(file))
                {
                    half.SetLength(half.Length / 2);
                }

                break;
            default:
                File.Create(file).Dispose();
                break;
        }

        var error = Should.Throw<CoordinatorException>(() => New(host));
        error.ExitCode.ShouldBe(65);
        error.Message.ShouldStartWith($"{file} is no database, or a damaged one: ");
        error.Message.ShouldContain("put back a copy of it, or move it away");
        error.Message.ShouldNotContain("\n");
        // The lock is not held by what failed.
        File.Delete(file);
        await host.BeginAsync();
    }

    [Fact]
    public async Task A_database_of_a_newer_program_is_refused()
    {
        await using var host = await AloneHost.StartAsync();
        await host.EndAsync();
        using (var connection = new SqliteConnection($"Data Source={host.Files.Database};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA user_version = 999";
            command.ExecuteNonQuery();
        }

        foreach (var open in new Action[] { () => New(host), () => host.OpenBeside().Dispose() })
        {
            var error = Should.Throw<CoordinatorException>(open);
            error.ExitCode.ShouldBe(65);
            error.Message.ShouldContain("is of version 999, and this program's is 2");
        }
    }

    [Fact]
    public async Task Certificates_that_make_no_sense_are_one_clear_error()
    {
        await using var host = await AloneHost.StartAsync();
        await host.EndAsync();
        await File.WriteAllTextAsync(host.Files.At("tls.crt"), "garbage");
        var error = await Should.ThrowAsync<CoordinatorException>(host.BeginAsync);
        error.ExitCode.ShouldBe(65);
        error.Message.ShouldContain("agents/ca.crt");
    }

    private static void New(AloneHost host) => _ = new AloneCoordinator(host.Settings, TimeProvider.System, NullLoggerFactory.Instance);

    private static string Mode(string path) => Convert.ToString((int)File.GetUnixFileMode(path), 8);
}
