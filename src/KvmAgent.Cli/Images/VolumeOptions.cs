using System.CommandLine;
using System.Globalization;
using KvmAgent.Cli.Vms;
using KvmAgent.Contracts.Rest;

namespace KvmAgent.Cli.Images;

/// <summary>Which volume is made of an image.</summary>
internal sealed class VolumeOptions
{
    private const string UsualNamespace = "default";

    private readonly Option<string?> _size = new("--size") { Description = "Of the disk: 10Gi; without it the image's own." };
    private readonly Option<string?> _storageClass = new("--storage-class") { Description = "Without it the provider's, or the cluster's own choice." };
    private readonly Option<string[]> _accessModes = new("--access-mode") { Description = "ReadWriteOnce and so on; may be given several times." };
    private readonly Option<bool> _block = new("--block") { Description = "A block device, and no file in a file system." };

    public Option<string> Name { get; } = new("--name") { Description = "Of the volume.", Required = true };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { Name, _size, _storageClass, _accessModes, _block })
        {
            command.Add(option);
        }
    }

    /// <exception cref="CliException">What is given makes no sense.</exception>
    public ImageRequest Request(ParseResult result) => new()
    {
        Name = result.GetValue(Name)!,
        Namespace = result.GetValue(VmTargetOptions.Namespace) ?? UsualNamespace,
        Provider = result.GetValue(VmTargetOptions.Provider),
        SizeBytes = result.GetValue(_size) is { } size ? Bytes(size) : null,
        StorageClass = result.GetValue(_storageClass),
        AccessModes = result.GetValue(_accessModes) is { Length: > 0 } modes ? modes : null,
        VolumeMode = result.GetValue(_block) ? "Block" : null,
    };

    private static long Bytes(string text) => new Kubernetes.Resources.Quantity(text).TryBytes(out var bytes) && bytes > 0 ? bytes
        : throw new CliException(ExitCodes.Usage, string.Create(CultureInfo.InvariantCulture, $"--size {text} is no size; give one such as 10Gi"));
}
