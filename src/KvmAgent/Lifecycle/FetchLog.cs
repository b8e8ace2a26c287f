using KvmAgent.Images;
using KvmAgent.Status;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Lifecycle;

/// <summary>Tells of a VM's images and disks as they come; warnings go to its status too.</summary>
internal sealed partial class FetchLog(StatusBoard board, ProgressLog progress, ILogger<FetchLog> log)
{
    public IProgress<FetchProgress> For(string name) => progress.For(name);

    public void Warn(IEnumerable<string> warnings)
    {
        foreach (var warning in warnings)
        {
            LogWarning(warning);
            board.Warn(warning);
        }
    }

    public void Stored(string path, string digest) => LogStored(path, digest);

    public void DiskMade(string path, string below) => LogDiskMade(path, below);

    [LoggerMessage(Level = LogLevel.Information, Message = "base image {Path} is there, {Digest}")]
    private partial void LogStored(string path, string digest);

    [LoggerMessage(Level = LogLevel.Information, Message = "made the VM's disk {Path} on {Below}")]
    private partial void LogDiskMade(string path, string below);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Warning}")]
    private partial void LogWarning(string warning);
}
