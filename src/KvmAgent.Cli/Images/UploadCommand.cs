using System.CommandLine;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Cli.Volumes;
using KvmAgent.Contracts.Rest;

namespace KvmAgent.Cli.Images;

/// <summary><c>kvmctl image upload</c>: a file of this computer becomes a volume. What breaks off goes on, also in another run.</summary>
internal static class UploadCommand
{
    private static readonly Argument<FileInfo> File = new("file") { Description = "The image." };

    private static readonly Option<bool> Continue = new("--continue") { Description = "Go on with a volume to which another run has begun to send this file." };

    public static Command Create()
    {
        var options = new VolumeOptions();
        var command = new Command("upload", "Make a volume of a file of this computer.") { File, Continue };
        options.AddTo(command);
        command.Guard(async (result, cancel) =>
        {
            var (request, file) = (options.Request(result), result.GetValue(File)!);
            request = request with { SizeBytes = request.SizeBytes ?? await LocalImage.DiskSizeAsync(file.FullName, cancel).ConfigureAwait(false) };
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            if (!result.GetValue(Continue))
            {
                await client.PostAsync("/kubevirt/images", request, RestJson.Default.ImageRequest, RestJson.Default.VmAnswer, cancel).ConfigureAwait(false);
            }

            var bar = new ProgressBar(result.InvocationConfiguration.Error);
            var volume = new VolumeFilling(client, request.Namespace!, request.Name, request.Provider, bar, TimeProvider.System);
            await new ImageSending(client, volume, file, bar, result.InvocationConfiguration.Error, TimeProvider.System).RunAsync(cancel).ConfigureAwait(false);
            await volume.FilledAsync(cancel).ConfigureAwait(false);
            await Printer.Of(result).DoneAsync(new VmAnswer(volume.Id, $"{volume.Id} is filled", TimeProvider.System.GetUtcNow())).ConfigureAwait(false);
        });
        return command;
    }
}
