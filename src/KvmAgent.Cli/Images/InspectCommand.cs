using System.CommandLine;
using System.Net;
using System.Text.Json;
using KvmAgent.Cli.Output;
using KvmAgent.Contracts;
using KvmAgent.Images;

namespace KvmAgent.Cli.Images;

/// <summary><c>kvmctl image inspect</c>: what an image is, seen from this computer and without fetching it.</summary>
internal static class InspectCommand
{
    private static readonly Argument<string> Image = new("image") { Description = "A file, or a URL: http, https or s3." };

    private static readonly Option<string?> User = new("--user") { Description = "The user of the server, or the access key id of S3; with --password-file." };

    private static readonly Option<string?> Password = new("--password-file") { Description = "File with the user's password, or the secret key of S3." };

    private static readonly Option<string?> Authorities = new("--ca-file") { Description = "PEM certificates to trust beside the system's: a file or a directory." };

    private static readonly Option<string[]> Allow = new("--allow-address") { Description = "An address or network to fetch from although it is loopback, link-local or a cloud's metadata service." };

    public static Command Create()
    {
        var command = new Command("inspect", "Show what an image is, without fetching it.") { Image, User, Password, Authorities, Allow };
        command.Guard(async (result, cancel) =>
        {
            var report = await LocalImage.InspectAsync(result.GetValue(Image)!, await AccessAsync(result, cancel).ConfigureAwait(false), cancel).ConfigureAwait(false);
            await Printer.Of(result).ListAsync([report], JsonSerializer.SerializeToNode(report, ContractsJson.Default.ImageReport)!, static r => r.Source, Columns, "").ConfigureAwait(false);
        });
        return command;
    }

    private static async Task<SourceAccess> AccessAsync(ParseResult result, CancellationToken cancel) => new()
    {
        User = result.GetValue(User),
        Password = result.GetValue(Password) is { } file ? (await Files.ReadAsync(Password.Name, file, cancel).ConfigureAwait(false)).TrimEnd('\r', '\n') : null,
        CaFile = result.GetValue(Authorities),
        AllowAddresses = [.. (result.GetValue(Allow) ?? []).Select(Network)],
    };

    private static IPNetwork Network(string text) => IPNetwork.TryParse(text, out var network) ? network
        : IPAddress.TryParse(text, out var address) ? new IPNetwork(address, address.GetAddressBytes().Length * 8)
        : throw new CliException(ExitCodes.Usage, $"{Allow.Name} {text} is neither an address nor a network; give one such as 192.0.2.0/24");

    private static IReadOnlyList<Column<ImageReport>> Columns =>
    [
        new("IMAGE", static r => r.Source),
        new("FORMAT", static r => r.Format),
        new("VIRTUAL SIZE", static r => Shown.Bytes(r.VirtualSize)),
        new("FILE SIZE", static r => Shown.Bytes(r.FileSize)),
        new("CONTENT", static r => r.Content),
        new("CLUSTER", static r => Shown.Bytes(r.ClusterSize), Wide: true),
        new("FEATURES", static r => string.Join(", ", r.Features), Wide: true),
    ];
}
