using System.CommandLine;
using KvmAgent.Cli.Output;
using KvmAgent.Cli.Vms;

namespace KvmAgent.Cli.Images;

/// <summary><c>kvmctl image</c>: what disks are made of.</summary>
internal static class ImageCommand
{
    public static Command Create() => new("image", "Look at images, and make volumes of them.")
    {
        InspectCommand.Create(),
        ListCommand.Create(),
        ImportCommand.Create(),
        UploadCommand.Create(),
        VmTargetOptions.Namespace,
        VmTargetOptions.Provider,
        Printer.Option,
    };
}
