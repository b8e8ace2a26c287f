using Microsoft.Extensions.Logging;

namespace KvmAgent.Network;

internal sealed partial class VmNetwork
{
    [LoggerMessage(Level = LogLevel.Information, Message = "the guest's leases: {Addresses}")]
    private partial void LogLeases(string addresses);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{What} could not be taken back: {Message}")]
    private partial void LogUndoFailed(string what, string message);
}
