using System.Runtime.InteropServices;
using System.Text;

namespace KvmAgent.Images.Tests.Support;

/// <summary>
/// A registry with a token server and a store for its blobs, each on a port of its own. Every one of them complains of what it may not be
/// shown: the registry of a password, the token server of another scope, the store of anything.
/// </summary>
internal sealed class RegistryDouble : IAsyncDisposable
{
    public const string Repository = "disks/fedora", Tag = "40", User = "robot", Password = "very secret";

    public const string Index = "application/vnd.oci.image.index.v1+json", Manifest = ContainerLayer.Manifest;

    private readonly Dictionary<string, (byte[] Body, string Type)> _manifests = [];
    private readonly Dictionary<string, byte[]> _blobs = [];
    private readonly Lock _lock = new();
    private int _uses;

    public RegistryDouble()
    {
        Registry = new FaultServer(Serve);
        TokenServer = new FaultServer(Token);
        Store = new FaultServer(Blob);
    }

    public FaultServer Registry { get; }

    public FaultServer TokenServer { get; }

    public FaultServer Store { get; }

    /// <summary>Whether it asks for nothing.</summary>
    public bool IsOpen { get; init; }

    /// <summary>Whether it asks for the password itself.</summary>
    public bool WantsBasic { get; init; }

    /// <summary>Whether there is a user who has to be named for a token.</summary>
    public bool HasUsers { get; init; }

    /// <summary>How many requests one token is good for.</summary>
    public int TokenLives { get; init; } = int.MaxValue;

    public bool Redirects { get; init; } = true;

    /// <summary>What it sends in place of a document.</summary>
    public Func<string, byte[], byte[]> Bend { get; set; } = static (_, content) => content;

    public int TokensGiven { get; private set; }

    public string Url(string suffix = $":{Tag}") => $"docker+http://127.0.0.1:{Registry.Port}/{Repository}{suffix}";

    /// <summary>An image of these layers, the lowest first, under an index for this machine.</summary>
    public string Push(params (byte[] Blob, string Type)[] layers)
    {
        var manifest = Add(ManifestOf(layers), Manifest);
        var size = _manifests[manifest].Body.Length;
        var here = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? "amd64" : "arm64";
        AddTag($$"""
            {"schemaVersion":2,"mediaType":"{{Index}}","manifests":[
            {"mediaType":"{{Manifest}}","digest":"sha256:{{new string('0', 64)}}","size":7,"platform":{"os":"linux","architecture":"s390x"} },
            {"mediaType":"{{Manifest}}","digest":"{{manifest}}","size":{{size}},"platform":{"os":"linux","architecture":"{{here}}"} }]}
            """, Index);
        return manifest;
    }

    public string ManifestOf(params (byte[] Blob, string Type)[] layers)
    {
        foreach (var (blob, _) in layers)
            _blobs[Samples.Sha256(blob)] = blob;
        var list = string.Join(",", layers.Select(l => $$"""{"mediaType":"{{l.Type}}","digest":"{{Samples.Sha256(l.Blob)}}","size":{{l.Blob.Length}} }"""));
        return $$"""{"schemaVersion":2,"mediaType":"{{Manifest}}","config":{},"layers":[{{list}}]}""";
    }

    public string Add(string manifest, string type)
    {
        var body = Encoding.UTF8.GetBytes(manifest);
        _manifests[Samples.Sha256(body)] = (body, type);
        return Samples.Sha256(body);
    }

    public void AddTag(string manifest, string type) => _manifests[Tag] = (Encoding.UTF8.GetBytes(manifest), type);

    public async ValueTask DisposeAsync()
    {
        await Registry.DisposeAsync();
        await TokenServer.DisposeAsync();
        await Store.DisposeAsync();
    }

    private Answer Serve(Heard heard)
    {
        var authorization = heard.Headers.GetValueOrDefault("Authorization");
        if (!WantsBasic && authorization?.StartsWith("Basic", StringComparison.Ordinal) == true)
            throw new InvalidOperationException("the registry was shown the password");
        if (!IsOpen && !IsLetIn(authorization))
            return Error(401, "UNAUTHORIZED", ("WWW-Authenticate", WantsBasic ? "Basic realm=\"double\""
                : $"Bearer realm=\"{TokenServer.Url("/token?a=b")}\",service=\"double, the\",scope=\"repository:{Repository}:pull\""));
        var name = heard.Target[(heard.Target.LastIndexOf('/') + 1)..];
        if (heard.Target == $"/v2/{Repository}/manifests/{name}")
        {
            foreach (var kind in new[] { Index, Manifest, "application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.docker.distribution.manifest.v2+json" })
                heard.Headers["Accept"].ShouldContain(kind);
            return _manifests.TryGetValue(name, out var manifest)
                ? new Answer(200, Bend(name, manifest.Body), ("Content-Type", manifest.Type)) : Error(404, "MANIFEST_UNKNOWN");
        }
        if (heard.Target != $"/v2/{Repository}/blobs/{name}")
            return Error(404, "NAME_UNKNOWN");
        return Redirects ? Answer.Redirect(Store.Url($"/{name}?signature=hush"), 307) : File(heard, name);
    }

    private bool IsLetIn(string? authorization)
    {
        if (WantsBasic)
            return authorization == Basic;
        lock (_lock)
            return authorization == $"Bearer token{TokensGiven}" && TokensGiven > 0 && ++_uses <= TokenLives;
    }

    private Answer Token(Heard heard)
    {
        heard.Target.ShouldBe($"/token?a=b&service=double%2C%20the&scope=repository%3A{Repository.Replace("/", "%2F", StringComparison.Ordinal)}%3Apull");
        var authorization = heard.Headers.GetValueOrDefault("Authorization");
        if (HasUsers && authorization != Basic)
            return Error(401, "UNAUTHORIZED");
        lock (_lock)
        {
            _uses = 0;
            return Answer.Text(200, $$"""{"token":"token{{++TokensGiven}}","expires_in":60}""");
        }
    }

    private Answer Blob(Heard heard)
    {
        heard.Headers.Keys.ShouldNotContain("Authorization", "the store was shown what is the registry's");
        return File(heard, heard.Target[1..].Split('?')[0]);
    }

    private Answer File(Heard heard, string name) =>
        _blobs.TryGetValue(name, out var blob) ? Answer.File(heard, Bend(name, blob), $"\"{name}\"") : Error(404, "BLOB_UNKNOWN");

    private static string Basic => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{User}:{Password}"));

    private static Answer Error(int status, string code, params (string, string)[] headers) =>
        new(status, Encoding.UTF8.GetBytes($$"""{"errors":[{"code":"{{code}}","message":"no"}]}"""), headers);
}
