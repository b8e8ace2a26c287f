using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.RegularExpressions;

namespace KvmAgent.Images.Tests.Support;

/// <summary>The registry of Docker's, from Debian, on a port of loopback; images are pushed into it by skopeo.</summary>
internal sealed partial class DockerRegistry : IAsyncDisposable
{
    public const string User = "robot", Password = "very secret";

    // Of that password, by htpasswd -nbB.
    private const string Users = "robot:$2y$05$fNXa8ufFT4b97/RfNRPoxuLGhBJV1a7Dt4nyiBPFT8Te3xBYfkBp.\n";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly string _directory;
    private readonly bool _hasUsers;
    private readonly Task _log;

    private DockerRegistry(Process process, int port, string directory, bool hasUsers, Task log) =>
        (_process, Port, _directory, _hasUsers, _log) = (process, port, directory, hasUsers, log);

    public int Port { get; }

    /// <param name="directory">Where it keeps everything; a test's own.</param>
    /// <param name="certificate">With its key: it speaks TLS.</param>
    public static async Task<DockerRegistry> StartAsync(string directory, bool hasUsers, X509Certificate2? certificate = null)
    {
        var users = hasUsers ? $"auth: {{htpasswd: {{realm: test, path: {File("htpasswd", Users)}}}}}" : "";
        var tls = certificate is null ? ""
            : $", tls: {{certificate: {File("tls.crt", certificate.ExportCertificatePem())}, key: {File("tls.key", certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem())}}}";
        var config = $"""
            version: 0.1
            log: {"{"}level: info{"}"}
            storage: {"{"}filesystem: {"{"}rootdirectory: {Path.Combine(directory, "registry")}{"}"}{"}"}
            http: {"{"}addr: "127.0.0.1:0"{tls}{"}"}
            {users}
            """;
        var process = Programs.Start(null, "docker-registry", "serve", File("registry.yml", config));
        var ready = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        var log = Task.WhenAll(ReadAsync(process.StandardError, ready), ReadAsync(process.StandardOutput, ready));
        try
        {
            return new DockerRegistry(process, await ready.Task.WaitAsync(Deadline, TimeProvider.System), directory, hasUsers, log);
        }
        catch
        {
            process.Kill();
            process.Dispose();
            throw;
        }

        string File(string name, string content)
        {
            var path = Path.Combine(directory, name);
            System.IO.File.WriteAllText(path, content);
            return path;
        }
    }

    /// <summary>Pushes an image of one layer, which has these files.</summary>
    public async Task PushAsync(string repository, params (string Name, byte[]? Content)[] files)
    {
        var layout = Directory.CreateDirectory(Path.Combine(_directory, Path.GetRandomFileName())).FullName;
        var blobs = Directory.CreateDirectory(Path.Combine(layout, "blobs", "sha256")).FullName;
        var tar = ContainerLayer.Tar(files);
        var layer = Blob(ContainerLayer.Packed(tar), ContainerLayer.Gzip);
        var config = Blob(Encoding.UTF8.GetBytes(
            $$"""{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["{{Samples.Sha256(tar)}}"] } }"""), "application/vnd.oci.image.config.v1+json");
        var manifest = Blob(Encoding.UTF8.GetBytes(
            $$"""{"schemaVersion":2,"mediaType":"{{ContainerLayer.Manifest}}","config":{{config}},"layers":[{{layer}}]}"""), ContainerLayer.Manifest);
        await File.WriteAllTextAsync(Path.Combine(layout, "oci-layout"), """{"imageLayoutVersion":"1.0.0"}""");
        await File.WriteAllTextAsync(Path.Combine(layout, "index.json"), $$"""{"schemaVersion":2,"manifests":[{{manifest}}]}""");
        await Programs.RunAsync(["skopeo", "--insecure-policy", "copy", "-q", "--dest-tls-verify=false",
            .. _hasUsers ? ["--dest-creds", $"{User}:{Password}"] : Array.Empty<string>(), $"oci:{layout}", $"docker://127.0.0.1:{Port}/{repository}"]);

        string Blob(byte[] content, string type)
        {
            File.WriteAllBytes(Path.Combine(blobs, Samples.Sha256(content)["sha256:".Length..]), content);
            return $$"""{"mediaType":"{{type}}","digest":"{{Samples.Sha256(content)}}","size":{{content.Length}} }""";
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        await _log;
        _process.Dispose();
    }

    private static async Task ReadAsync(StreamReader lines, TaskCompletionSource<int> ready)
    {
        while (await lines.ReadLineAsync() is { } line)
            if (Listening().Match(line) is { Success: true } match)
                ready.TrySetResult(int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture));
    }

    [GeneratedRegex(@"listening on 127\.0\.0\.1:(\d+)")]
    private static partial Regex Listening();
}
