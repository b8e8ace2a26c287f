using System.CommandLine;
using KvmAgent.Images;
using KvmAgent.Lifecycle;
using KvmAgent.Settings;
using KvmAgent.Status;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Commands;

/// <summary><c>kvm-agent convert</c>: a disk as a file in another format, also a VM's overlay and its base in one.</summary>
internal static class ConvertCommand
{
    private static readonly ImageFormat[] Targets = [ImageFormat.Raw, ImageFormat.Qcow2, ImageFormat.Vmdk, ImageFormat.Vhd, ImageFormat.Vhdx];
    private static readonly ImageFormat[] Sources = [ImageFormat.Raw, ImageFormat.Qcow2];

    public static Command Create()
    {
        var source = new Option<string>("--source") { Description = "The disk: a raw file or a qcow2 image. No VM may be using it.", Required = true };
        var target = new Option<string>("--target") { Description = "The file that shall be made.", Required = true };
        var format = new Option<string>("--format") { Description = $"What it shall be: {Names(Targets)}.", Required = true };
        var compress = new Option<bool>("--compress") { Description = "Compress a qcow2 image; vmdk always is." };
        var sourceFormat = new Option<string?>("--source-format")
        {
            Description = $"What the source is, {Names(Sources)}; otherwise it is what it looks like. Say raw of a guest's raw disk: what it looks like is the guest's choice.",
        };
        var backing = new Option<string?>("--backing") { Description = "The base that a VM's overlay names; the result has both in one." };
        var force = new Option<bool>("--force") { Description = "Replace the target where it is there." };
        var command = new Command("convert", "Make a file in another format of a disk.") { source, target, format, compress, sourceFormat, backing, force };
        command.SetAction((arguments, cancel) => CommandLine.GuardAsync(() => RunAsync(
            new DiskConversionRequest
            {
                Source = Path.GetFullPath(arguments.GetRequiredValue(source)),
                Target = Path.GetFullPath(arguments.GetRequiredValue(target)),
                Format = Format("--format", arguments.GetRequiredValue(format), Targets),
                Compressed = arguments.GetValue(compress),
                SourceFormat = arguments.GetValue(sourceFormat) is { } named ? Format("--source-format", named, Sources) : null,
                Backing = arguments.GetValue(backing) is { } path ? Path.GetFullPath(path) : null,
                Replace = arguments.GetValue(force),
            },
            cancel)));
        return command;
    }

    private static ImageFormat Format(string option, string name, ImageFormat[] choice)
    {
        var at = Array.FindIndex(choice, format => format.Name() == name);
        return at >= 0 ? choice[at] : throw new AgentException(FailureReason.Settings, $"{option}=\"{name}\": must be one of {Names(choice)}");
    }

    private static string Names(ImageFormat[] formats) => string.Join(", ", formats.Select(format => format.Name()));

    private static async Task<int> RunAsync(DiskConversionRequest request, CancellationToken cancel)
    {
        // Died we at once, qemu-img would go on.
        using var signals = new CommandSignals(cancel);
        using var logs = CommandLine.Logs();
        var log = new ProgressLog(TimeProvider.System, logs.CreateLogger<ProgressLog>());
        try
        {
            var done = await DiskConversion.RunAsync(request, log.For(Path.GetFileName(request.Target)), signals.Token).ConfigureAwait(false);
            var below = request.Backing is { } backing ? $" on {backing}" : "";
            Console.WriteLine(
                $"{request.Target}: {request.Format.Name()} of {Quantity.Human(done.FileSize)}, a disk of {Quantity.Format(done.Size)} "
                + $"from {done.SourceFormat.Name()} {request.Source}{below}");
            return 0;
        }
        catch (ImageException e)
        {
            throw BaseImages.Failure(e);
        }
        catch (OperationCanceledException) when (signals.ExitCode is not null)
        {
            await Console.Error.WriteLineAsync($"kvm-agent: stopped by a signal; {request.Target} was not made").ConfigureAwait(false);
            return signals.ExitCode.Value;
        }
    }
}
