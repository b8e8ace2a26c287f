using System.Diagnostics;

namespace KvmAgent.Images.Tests.Support;

/// <summary>Other programs, and this assembly as one of them.</summary>
internal static class Programs
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);

    public static readonly string[] Fetcher = ["dotnet", typeof(Programs).Assembly.Location];

    public static Process Start(IReadOnlyDictionary<string, string>? environment, params string[] argv)
    {
        var start = new ProcessStartInfo(argv[0], argv[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    public static async Task<(int Code, string Output)> EndAsync(Process process)
    {
        using (process)
        using (var late = new CancellationTokenSource(Deadline, TimeProvider.System))
        {
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(late.Token), process.StandardError.ReadToEndAsync(late.Token));
            try
            {
                await process.WaitForExitAsync(late.Token);
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                throw;
            }
            return (process.ExitCode, await output + await errors);
        }
    }

    public static async Task<string> RunAsync(params string[] argv)
    {
        var (code, output) = await EndAsync(Start(null, argv));
        code.ShouldBe(0, $"{string.Join(' ', argv)}: {output}");
        return output;
    }
}
