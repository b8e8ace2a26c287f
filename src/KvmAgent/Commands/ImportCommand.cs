using System.CommandLine;
using KvmAgent.Images;
using KvmAgent.Lifecycle;
using KvmAgent.Settings;

namespace KvmAgent.Commands;

/// <summary><c>kvm-agent import</c>: a raw disk, as a file or on a block device, of an image from anywhere.</summary>
internal static class ImportCommand
{
    private const string Allow = "--allow-address";

    public static Command Create()
    {
        var source = new Option<string>("--source") { Description = "The image: an http or https URL, or a full path.", Required = true };
        var target = new Option<string>("--target") { Description = "The disk: a file that shall be made, or a block device.", Required = true };
        var size = new Option<string?>("--size") { Description = "The disk's size, a Kubernetes quantity; the image's where it is not given." };
        var connections = new Option<int>("--connections") { Description = "How many pieces are fetched and unpacked at once.", DefaultValueFactory = _ => 6 };
        var allow = new Option<string[]>(Allow) { Description = "Allow an address or network as IMG_ALLOW_ADDRESS does.", DefaultValueFactory = _ => [] };
        var command = new Command("import", "Make a raw disk of an image.") { source, target, size, connections, allow };
        command.SetAction((arguments, cancel) => CommandLine.GuardAsync(() => RunAsync(
            Request(
                arguments.GetRequiredValue(source),
                Path.GetFullPath(arguments.GetRequiredValue(target)),
                arguments.GetValue(size),
                arguments.GetValue(connections),
                arguments.GetValue(allow) ?? []),
            cancel)));
        return command;
    }

    private static DiskImportRequest Request(string source, string target, string? size, int connections, string[] allowed)
    {
        if (connections is < 1 or > 64)
        {
            throw new AgentException(FailureReason.Settings, $"--connections=\"{connections}\": must be a whole number from 1 to 64");
        }

        var access = VmSettingsReader.SourceAccess(CommandLine.Environment(), source, [.. allowed.Select(a => new GivenValue(a, Allow))]);
        return new DiskImportRequest
        {
            Source = source,
            Target = target,
            Size = size is null ? null : Bytes(size),
            Access = access with { Connections = connections },
        };
    }

    private static long Bytes(string size) => Quantity.TryParse(size, out var bytes) && bytes > 0
        ? bytes
        : throw new AgentException(FailureReason.Settings, $"--size=\"{size}\": is not a quantity; write for example 10Gi");

    private static async Task<int> RunAsync(DiskImportRequest request, CancellationToken cancel)
    {
        try
        {
            var done = await DiskImport.RunAsync(request, null, cancel).ConfigureAwait(false);
            var layers = done.Layers.Count == 0 ? "" : $" in {string.Join(" in ", done.Layers.Reverse())}";
            var scratch = done.Scratch == 0 ? "" : $", {Quantity.Human(done.Scratch)} spooled beside it, as this cannot be unpacked straight into the disk";
            Console.WriteLine($"{request.Target}: a disk of {Quantity.Format(done.Size)} from {done.Image.Format.Name()}{layers}, {Quantity.Human(done.Read)} read{scratch}");
            return 0;
        }
        catch (ImageException e)
        {
            throw BaseImages.Failure(e);
        }
    }
}
