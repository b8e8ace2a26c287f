using System.Globalization;
using System.Text.Json;

namespace KvmAgent.Images.Conversion;

/// <summary>A disk that a qemu-nbd serves, by TLS with a key that both have.</summary>
/// <param name="Host">An address.</param>
/// <param name="KeyDirectory">With keys.psk, of the user <see cref="User"/>.</param>
internal sealed record NbdDisk(string Host, int Port, string KeyDirectory)
{
    public const string User = "clone";

    private const long MiB = 1 << 20, AddressSpace = 1024 * MiB, CpuTime = 60;
    private const string CredentialsId = "tls0";

    public string Name => $"nbds://{Host}:{Port}";

    /// <summary>The key's directory is QEMU's to read; a comma in it would end the value.</summary>
    public string Credentials => $"tls-creds-psk,id={CredentialsId},endpoint=client,username={User},dir={KeyDirectory.Replace(",", ",,", StringComparison.Ordinal)}";

    public QemuImgNode Node => new(
        ImageFormat.Raw.QemuDriver(),
        $$"""{"driver":"nbd","server":{"type":"inet","host":{{Quoted(Host)}},"port":"{{Port.ToString(CultureInfo.InvariantCulture)}}"},"tls-creds":"{{CredentialsId}}"}""",
        Name,
        Name);

    /// <summary>In bytes.</summary>
    /// <exception cref="ImageException">It is not to be had.</exception>
    public async Task<long> SizeAsync(CancellationToken ct)
    {
        var text = "";
        var (code, error) = await QemuImg.RunAsync(
            QemuImg.Limits(AddressSpace, CpuTime, MiB),
            ["info", "--output=json", "--object", Credentials, Node.FileName],
            async output => text = await QemuImg.BeginningAsync(output).ConfigureAwait(false),
            ct).ConfigureAwait(false);
        if (code != 0)
            throw new ImageException(ImageFailure.Unavailable, $"{Name} cannot be reached: {Said(error)}; it is tried again where its pod is ready");
        try
        {
            using var info = JsonDocument.Parse(text);
            return info.RootElement.GetProperty("virtual-size").GetInt64();
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new ImageException(ImageFailure.Unavailable, $"qemu-img does not tell the size of {Name}: {Said(text)}", e);
        }
    }

    private string Said(string text) => string.Join("; ", text.Replace(Node.FileName, Name, StringComparison.Ordinal).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));

    private static string Quoted(string text) => $"\"{JsonEncodedText.Encode(text)}\"";
}
