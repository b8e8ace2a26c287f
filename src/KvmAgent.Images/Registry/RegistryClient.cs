using System.Net;
using System.Security.Cryptography;
using KvmAgent.Images.Fetch;
using KvmAgent.Images.Store;

namespace KvmAgent.Images.Registry;

/// <summary>Reads manifests, and follows an index to that of this machine's platform. Every document is compared with the digest it was asked for by.</summary>
internal sealed class RegistryClient(RegistryReference reference, SourceAccess access, RegistryDialect dialect, TimeProvider time, StoreTimings timings)
{
    private readonly SourceAccess _access = access with { User = null, Password = null };

    /// <summary>A blob, as any other file on a server.</summary>
    public HttpSource Blob(Checksum digest) => At($"blobs/{digest}");

    /// <returns>The image's layers, the lowest first; and the digest of what the tag leads to, be it an index.</returns>
    /// <exception cref="ImageException">There is none for this platform, or it is refused.</exception>
    public async Task<(IReadOnlyList<Descriptor> Layers, Checksum Digest)> LayersAsync(CancellationToken ct)
    {
        using var client = At("").Client(timings);
        var (manifest, digest) = await ManifestAsync(client, reference.Name, reference.Digest, null, ct).ConfigureAwait(false);
        if (manifest.Manifests is { } index)
        {
            var mine = Choose(index);
            (manifest, _) = await ManifestAsync(client, mine.Digest.ToString(), mine.Digest, mine.Size, ct).ConfigureAwait(false);
        }
        var layers = manifest.Layers ?? throw Refuse("its index leads to another index", "name the image itself by its digest");
        foreach (var layer in layers)
            RegistryManifest.Packing(layer, reference.Shown);
        return (layers, digest);
    }

    private Descriptor Choose(IReadOnlyList<Descriptor> index)
    {
        if (index is [{ Platform: null } only])
            return only;
        return index.FirstOrDefault(entry => entry.Platform == RegistryManifest.Here) ?? throw new ImageException(ImageFailure.Unavailable,
            $"{reference.Shown} is not available for {RegistryManifest.Here}; there is {List(index)}; choose another tag");
    }

    private static string List(IReadOnlyList<Descriptor> index)
    {
        const int Most = 12;
        var platforms = index.Select(entry => entry.Platform ?? "one for no platform").Where(p => p != "unknown/unknown").Distinct().ToList();
        return platforms.Count == 0 ? "nothing" : string.Join(", ", platforms.Take(Most)) + (platforms.Count > Most ? ", …" : "");
    }

    private async Task<(RegistryManifest Manifest, Checksum Digest)> ManifestAsync(HttpClient client, string name, Checksum? digest, long? size, CancellationToken ct)
    {
        if (size > RegistryManifest.MostBytes)
            throw TooLarge();
        return await new RetryBudget(reference.Shown, time, timings)
            .PersistAsync(() => TryManifestAsync(client, name, digest, size, ct), static () => 0, null, ct).ConfigureAwait(false);
    }

    private async Task<(RegistryManifest Manifest, Checksum Digest)> TryManifestAsync(HttpClient client, string name, Checksum? digest, long? size, CancellationToken ct)
    {
        var source = At($"manifests/{name}");
        using var stall = new StallGuard(timings.Stall, time, ct);
        var trail = new RedirectTrail(source, source.Address);
        using var response = await trail.AskAsync(client, Accept, stall, false, ct).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.OK)
            throw HttpStatus.Explain(response, false, reference.Shown);
        HttpAnswer.DemandPlain(response, reference.Shown);
        var room = new byte[RegistryManifest.MostBytes];
        var filled = await HttpAnswer.FillAsync(response, room, trail.At, stall, ct).ConfigureAwait(false);
        if (filled > room.Length)
            throw TooLarge();
        if (response.Content.Headers.ContentLength is { } announced && announced != filled)
            throw new PassingFault($"the body ended at {filled} of {announced} bytes");

        var bytes = room.AsMemory(0, filled);
        if (size is not null && size != filled)
            throw Refuse($"its index tells of a manifest of {size} bytes, and {filled} came", "do not trust the registry");
        // A tag has no digest but the one the registry tells: that finds out a broken transfer.
        if (digest is null && response.Headers.TryGetValues("Docker-Content-Digest", out var told) && Checksum.TryParse(told.First(), out var tagged) && RegistryManifest.IsStrong(tagged))
            digest = tagged;
        var algorithm = digest?.Algorithm ?? HashAlgorithmName.SHA256;
        var came = Checksum.Of(algorithm, CryptographicOperations.HashData(algorithm, bytes.Span));
        digest?.Demand(came, $"{reference.Shown}: its manifest", "do not trust the registry");
        return (RegistryManifest.Parse(bytes, response.Content.Headers.ContentType?.MediaType, reference.Shown), came);

        static void Accept(HttpRequestMessage request)
        {
            foreach (var kind in RegistryManifest.Accepted)
                request.Headers.Accept.ParseAdd(kind);
        }
    }

    private HttpSource At(string path) => new(new Uri(reference.Server, $"v2/{reference.Repository}/{path}"), _access, reference.Shown, dialect);

    private ImageException TooLarge() => Refuse($"its manifest is larger than {RegistryManifest.MostBytes} bytes", "check the address");

    private ImageException Refuse(string why, string remedy) => new(ImageFailure.Refused, $"{reference.Shown} is refused: {why}; {remedy}");
}
