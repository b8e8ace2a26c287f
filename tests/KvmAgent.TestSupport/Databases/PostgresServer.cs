using System.Diagnostics;

namespace KvmAgent.TestSupport.Databases;

/// <summary>
/// A PostgreSQL server of the test's own, of Debian's package: in a directory that is deleted, on a socket in it, at no port. Its administrator is
/// <c>postgres</c>, who needs no password; other users do.
/// </summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private const string User = "postgres", Installed = "/usr/lib/postgresql";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private readonly string _programs;
    private Process? _process;

    private PostgresServer(string programs) => _programs = programs;

    /// <summary>Its socket is here.</summary>
    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("kvm-postgres-").FullName;

    private string Data => Path.Combine(Directory, "data");

    /// <summary>For the administrator, with Npgsql's words.</summary>
    public string ConnectionTo(string database) => $"Host={Directory};Username={User};Database={database}";

    public static async Task<PostgresServer> StartAsync()
    {
        var programs = System.IO.Directory.Exists(Installed)
            ? System.IO.Directory.EnumerateDirectories(Installed).Select(static v => Path.Combine(v, "bin")).Order(StringComparer.Ordinal).LastOrDefault(static b => File.Exists(Path.Combine(b, "initdb")))
            : null;
        var server = new PostgresServer(programs ?? throw new InvalidOperationException($"there is no PostgreSQL in {Installed}; run tests/install-packages"));
        try
        {
            if (Environment.IsPrivilegedProcess)
            {
                // It refuses to be root's.
                await RunAsync("chown", User, server.Directory);
            }

            await File.WriteAllTextAsync(Path.Combine(server.Directory, "hba"), $"local all {User} trust\nlocal all all scram-sha-256\n");
            await server.RunOwnAsync("initdb", "--pgdata", server.Data, "--username", User, "--encoding", "UTF8", "--no-locale", "--no-sync");
            await server.BeginAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Returns when it takes connections.</summary>
    public async Task BeginAsync()
    {
        _process = Process.Start(Own(
            "postgres", "-D", Data, "-k", Directory, "-c", "listen_addresses=", "-c", "fsync=off", "-c", $"hba_file={Directory}/hba", "-c", "max_connections=40"))!;
        using var limit = new CancellationTokenSource(Limit);
        var lines = new List<string>();
        while (await _process.StandardError.ReadLineAsync(limit.Token) is { } line)
        {
            lines.Add(line);
            if (line.Contains("ready to accept connections", StringComparison.Ordinal))
            {
                _ = _process.StandardError.ReadToEndAsync(CancellationToken.None);
                return;
            }
        }

        throw new InvalidOperationException($"PostgreSQL has ended: {string.Join('\n', lines)}");
    }

    /// <summary>As it ends where its machine does: connections break.</summary>
    public async Task EndAsync()
    {
        if (Interlocked.Exchange(ref _process, null) is { } process)
        {
            using (process)
            {
                // Immediate shutdown: the server ends its own children, which a kill would leave.
                await RunAsync("kill", "-QUIT", $"{process.Id}");
                using var limit = new CancellationTokenSource(Limit);
                await process.WaitForExitAsync(limit.Token);
            }
        }
    }

    /// <summary>Statements of the administrator, each for itself.</summary>
    public Task RunSqlAsync(string database, params IEnumerable<string> statements) =>
        RunOwnAsync("psql", ["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--host", Directory, "--username", User, "--dbname", database, .. statements.SelectMany(static s => new[] { "--command", s })]);

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    private Task RunOwnAsync(string program, params IEnumerable<string> arguments) => RunAsync(Own(program, arguments));

    private ProcessStartInfo Own(string program, params IEnumerable<string> arguments)
    {
        var path = Path.Combine(_programs, program);
        var start = Environment.IsPrivilegedProcess
            ? new ProcessStartInfo("setpriv", ["--reuid", User, "--regid", User, "--clear-groups", path, .. arguments])
            : new ProcessStartInfo(path, arguments);
        (start.RedirectStandardError, start.RedirectStandardOutput, start.WorkingDirectory) = (true, true, Directory);
        start.Environment["LC_ALL"] = "C";
        return start;
    }

    private static Task RunAsync(string program, params IEnumerable<string> arguments) =>
        RunAsync(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true });

    private static async Task RunAsync(ProcessStartInfo start)
    {
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(Limit);
        var output = process.StandardOutput.ReadToEndAsync(limit.Token);
        var error = process.StandardError.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{start.FileName} {string.Join(' ', start.ArgumentList)} failed: {await error}{await output}");
        }
    }
}
