using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using KvmAgent.Contracts;
using KvmAgent.Contracts.Link;

namespace KvmAgent.Status;

/// <summary>Asks the agent that runs in a RUN_DIR.</summary>
internal static class ControlClient
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    public static async Task<VmStatus> StatusAsync(string runDir) =>
        (await AskAsync(runDir, "status").ConfigureAwait(false)).Deserialize(ContractsJson.Default.VmStatus)!;

    /// <returns>Null while no guest runs.</returns>
    public static async Task<VmUsage?> UsageAsync(string runDir) =>
        (await AskAsync(runDir, "usage").ConfigureAwait(false)).Deserialize(LinkJson.Default.VmUsage);

    /// <returns>False where the guest is not held powered off.</returns>
    public static async Task<bool> StartAsync(string runDir) => (await AskAsync(runDir, "start").ConfigureAwait(false)).GetBoolean();

    /// <exception cref="AgentException">No agent runs there, or it does not answer.</exception>
    private static async Task<JsonElement> AskAsync(string runDir, string method)
    {
        var path = ControlSocket.PathIn(runDir);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), limit.Token).ConfigureAwait(false);
            using var stream = new NetworkStream(socket);
            await stream.WriteAsync(Encoding.UTF8.GetBytes($$"""{"jsonrpc":"2.0","id":1,"method":"{{method}}"}""" + "\n"), limit.Token).ConfigureAwait(false);
            using var answer = await JsonDocument.ParseAsync(stream, cancellationToken: limit.Token).ConfigureAwait(false);
            return answer.RootElement.GetProperty("result").Clone();
        }
        catch (SocketException e)
        {
            throw new AgentException(FailureReason.TryAgain, $"no agent runs with RUN_DIR={runDir} ({e.Message}){LastState(runDir)}", e);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or JsonException or KeyNotFoundException)
        {
            throw new AgentException(FailureReason.TryAgain, $"the agent at {path} does not answer: {e.Message}", e);
        }
    }

    private static string LastState(string runDir)
    {
        var journal = Journal.PathIn(runDir);
        return File.Exists(journal) && File.ReadLines(journal).LastOrDefault() is { } last ? $"; its last state was {last}" : "";
    }
}
