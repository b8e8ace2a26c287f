using System.ComponentModel;
using KvmAgent.Processes;

namespace KvmAgent.Network;

/// <summary>The programs that the network is made with, each with the Debian package that has it.</summary>
internal sealed record NetworkProgram(string Name, string Package)
{
    public static NetworkProgram Ip { get; } = new("ip", "iproute2");
    public static NetworkProgram Nft { get; } = new("nft", "nftables");
    public static NetworkProgram Conntrack { get; } = new("conntrack", "conntrack");
    public static NetworkProgram Dnsmasq { get; } = new("dnsmasq", "dnsmasq-base");

    public async Task<string> RunAsync(IReadOnlyList<string> arguments, string? input, CancellationToken cancel)
    {
        var result = await TryRunAsync(arguments, input, cancel: cancel).ConfigureAwait(false);
        if (result.ExitCode != 0)
        {
            throw Failure(result, $"{Name} {string.Join(' ', arguments)}");
        }

        return result.Output;
    }

    public async Task<ProcessResult> TryRunAsync(IReadOnlyList<string> arguments, string? input, CancellationToken cancel)
    {
        try
        {
            return await ProcessRunner.TryRunAsync(Name, arguments, input, cancel: cancel).ConfigureAwait(false);
        }
        catch (AgentException e) when (e.InnerException is Win32Exception)
        {
            throw NotThere(e);
        }
    }

    /// <summary>Names the package where the program could not be started.</summary>
    public AgentException NotThere(AgentException cause) =>
        new(FailureReason.Missing, $"{Name} cannot be started: {cause.InnerException!.Message}; install the package {Package}, or use the agent's image", cause);

    public static AgentException Failure(ProcessResult result, string command) =>
        result.Error.Contains("Operation not permitted", StringComparison.Ordinal)
            ? new AgentException(
                FailureReason.Missing,
                $"{command} is not permitted: the container needs NET_ADMIN (securityContext.capabilities.add: [NET_ADMIN]) and must run as root")
            : new AgentException(FailureReason.Internal, $"{command} failed with exit code {result.ExitCode}: {result.Error.Trim()}");
}
