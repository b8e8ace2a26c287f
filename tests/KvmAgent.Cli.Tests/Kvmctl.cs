using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace KvmAgent.Cli.Tests;

/// <summary>What a run of the program said, and how it ended.</summary>
internal sealed record Run(int ExitCode, string Output, string Error);

/// <summary>The real program, in a process and with a login file of the test's own.</summary>
internal sealed class Kvmctl : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly string _directory = Directory.CreateTempSubdirectory("kvmctl-").FullName;

    public static Kvmctl Create() => new();

    public string LoginFile => Path.Combine(_directory, "kvmctl.json");

    public void LogIn(Uri server, string authority, string token) => File.WriteAllText(
        LoginFile, new JsonObject { ["server"] = server.GetLeftPart(UriPartial.Authority), ["certificate_authority"] = authority, ["token"] = token }.ToJsonString());

    /// <summary>A file beside the login.</summary>
    public string Write(string name, string text)
    {
        var path = Path.Combine(_directory, name);
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>A run that goes on, and listens to Ctrl-C: whoever runs the tests in the background has told them not to, and children inherit that.</summary>
    public RunningKvmctl Start(params string[] arguments) => new(Begin("env", ["--default-signal=INT,QUIT", "dotnet", Program, .. arguments]));

    /// <summary>A shell script in a terminal of its own, in which <c>$KVMCTL</c> is the program, and <c>$HOME/pid</c> may be told which process it is.</summary>
    public RunningKvmctl StartInTerminal(string script) => new(Begin("script", ["-qefc", script, "/dev/null"]));

    /// <summary>To the process of such a script.</summary>
    public void Signal(int number) => RunningKvmctl.Signal(int.Parse(File.ReadAllText(Path.Combine(_directory, "pid"))), number);

    public Task<Run> RunAsync(params string[] arguments) => RunWithAsync("", arguments);

    /// <param name="input">Of its standard input.</param>
    public async Task<Run> RunWithAsync(string input, params string[] arguments)
    {
        using var process = Begin("dotnet", [Program, .. arguments]);
        try
        {
            using var deadline = new CancellationTokenSource(Limit);
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
            var output = process.StandardOutput.ReadToEndAsync(deadline.Token);
            var error = process.StandardError.ReadToEndAsync(deadline.Token);
            await process.WaitForExitAsync(deadline.Token);
            return new Run(process.ExitCode, await output, await error);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }

    /// <summary>A run that must go well.</summary>
    public async Task<string> DoAsync(params string[] arguments)
    {
        var run = await RunAsync(arguments);
        run.ExitCode.ShouldBe(0, $"{string.Join(' ', arguments)}: {run.Error}{run.Output}");
        return run.Output;
    }

    public async Task<JsonNode> JsonAsync(params string[] arguments) => JsonNode.Parse(await DoAsync([.. arguments, "-o", "json"]), new JsonNodeOptions(), new JsonDocumentOptions())!;

    private static string Program => Path.Combine(AppContext.BaseDirectory, "kvmctl.dll");

    private Process Begin(string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        // No browser for tests.
        start.Environment.Remove("DISPLAY");
        start.Environment.Remove("WAYLAND_DISPLAY");
        start.Environment["KVMCTL"] = $"dotnet {Program}";
        start.Environment["KVMCTL_CONFIG"] = LoginFile;
        start.Environment.Remove("KUBECONFIG");
        start.Environment["HOME"] = _directory;
        return Process.Start(start)!;
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
