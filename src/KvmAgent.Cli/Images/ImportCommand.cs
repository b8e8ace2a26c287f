using System.CommandLine;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Cli.Volumes;
using KvmAgent.Contracts.Rest;

namespace KvmAgent.Cli.Images;

/// <summary><c>kvmctl image import</c>: the cluster fetches an image into a volume.</summary>
internal static class ImportCommand
{
    private static readonly Argument<string> Url = new("url") { Description = "https://…, s3://BUCKET/KEY, or docker://REGISTRY/NAME:TAG." };

    private static readonly Option<string?> Checksum = new("--checksum") { Description = "Of what the URL has: sha256:…" };

    private static readonly Option<string?> Secret = new("--secret") { Description = "A Secret of the namespace with accessKeyId and secretKey: user and password." };

    private static readonly Option<string?> Authorities = new("--cert-config-map") { Description = "A ConfigMap of the namespace with certificates of authorities." };

    private static readonly Option<bool> NoWait = new("--no-wait") { Description = "Return when it has been asked for." };

    public static Command Create()
    {
        var options = new VolumeOptions();
        var command = new Command("import", "Make a volume of an image that the cluster fetches.") { Url, Checksum, Secret, Authorities, NoWait };
        options.AddTo(command);
        command.Guard(async (result, cancel) =>
        {
            var request = options.Request(result) with
            {
                Url = result.GetValue(Url),
                Checksum = result.GetValue(Checksum),
                Secret = result.GetValue(Secret),
                CertConfigMap = result.GetValue(Authorities),
            };
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            var answer = await client.PostAsync("/kubevirt/images", request, RestJson.Default.ImageRequest, RestJson.Default.VmAnswer, cancel).ConfigureAwait(false);
            if (!result.GetValue(NoWait))
            {
                var volume = new VolumeFilling(client, request.Namespace!, request.Name, request.Provider, new ProgressBar(result.InvocationConfiguration.Error), TimeProvider.System);
                await volume.FilledAsync(cancel).ConfigureAwait(false);
                answer = answer with { Message = $"{answer.Id} is filled" };
            }

            await Printer.Of(result).DoneAsync(answer).ConfigureAwait(false);
        });
        return command;
    }
}
