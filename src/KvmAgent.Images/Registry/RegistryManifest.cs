using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using KvmAgent.Images.Layers;

namespace KvmAgent.Images.Registry;

/// <summary>What a manifest says of something else in the registry.</summary>
internal sealed record Descriptor(string MediaType, Checksum Digest, long Size)
{
    /// <summary><c>linux/amd64</c>, where it is told.</summary>
    public string? Platform { get; init; }
}

/// <summary>The two kinds of document that describe an image: the manifest of one, and an index of several for many platforms.</summary>
/// <param name="Manifests">Of an index.</param>
/// <param name="Layers">Of a manifest, the lowest first.</param>
internal sealed record RegistryManifest(IReadOnlyList<Descriptor>? Manifests, IReadOnlyList<Descriptor>? Layers)
{
    /// <summary>What the specification has registries take at least, and what they mostly take at the most.</summary>
    public const int MostBytes = 4 << 20;

    private const int MostEntries = 1024, MostLayers = 127;

    private const string OciIndex = "application/vnd.oci.image.index.v1+json";
    private const string OciManifest = "application/vnd.oci.image.manifest.v1+json";
    private const string DockerList = "application/vnd.docker.distribution.manifest.list.v2+json";
    private const string DockerManifest = "application/vnd.docker.distribution.manifest.v2+json";

    /// <summary>The kinds that are asked for.</summary>
    public static readonly IReadOnlyList<string> Accepted = [OciIndex, OciManifest, DockerList, DockerManifest];

    /// <summary>What the images of this machine are for.</summary>
    public static string Here => "linux/" + RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => "amd64",
        Architecture.X86 => "386",
        var other => other.ToString().ToLowerInvariant(),
    };

    /// <summary>Whether nobody can make another document to a digest of this kind.</summary>
    public static bool IsStrong(Checksum digest) => digest.Algorithm == HashAlgorithmName.SHA256 || digest.Algorithm == HashAlgorithmName.SHA512;

    /// <param name="bytes">The document.</param>
    /// <param name="contentType">What the server calls it.</param>
    /// <param name="name">What errors call it.</param>
    /// <exception cref="ImageException">It is refused.</exception>
    public static RegistryManifest Parse(ReadOnlyMemory<byte> bytes, string? contentType, string name)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
                throw Refuse("its manifest is no object", "check the address");
            if (root.TryGetProperty("schemaVersion", out var version) && version.ValueKind == JsonValueKind.Number && version.TryGetInt32(out var number) && number == 1)
                throw Refuse("its manifest is of schema 1, which has no digests that can be believed", "push it anew by a tool of this decade");
            var type = root.TryGetProperty("mediaType", out var own) ? own.GetString() : contentType;
            if (type is null || !Accepted.Contains(type))
                throw Refuse($"its manifest is of the kind '{type}'", "a container disk is an OCI image or a Docker image of version 2, schema 2");
            // A document that is both can be one thing for who signs it and another for who runs it (CVE-2021-41190).
            var isIndex = type is OciIndex or DockerList;
            if (root.TryGetProperty(isIndex ? "layers" : "manifests", out _))
                throw Refuse("its manifest is an index and an image at once", "do not trust whoever made it");
            var entries = root.GetProperty(isIndex ? "manifests" : "layers");
            if (entries.GetArrayLength() > (isIndex ? MostEntries : MostLayers))
                throw Refuse($"its manifest has {entries.GetArrayLength()} entries", $"{MostEntries} platforms and {MostLayers} layers are the most");
            Descriptor[] parsed = [.. entries.EnumerateArray().Select(entry => Entry(entry, isIndex))];
            return isIndex ? new(parsed, null) : new(null, parsed);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw Refuse($"its manifest cannot be understood ({e.Message})", "check the address, and whether the registry is one");
        }

        Descriptor Entry(JsonElement entry, bool isIndex)
        {
            var type = entry.GetProperty("mediaType").GetString() ?? "";
            var size = entry.GetProperty("size").GetInt64();
            if (!Checksum.TryParse(entry.GetProperty("digest").GetString(), out var digest) || !IsStrong(digest) || size < 0)
                throw Refuse("its manifest has an entry without a digest of sha256 or sha512, or with a negative size", "push it anew");
            // Who follows such an address shows it credentials (CVE-2020-15157), and fetches from where the registry wants.
            if (entry.TryGetProperty("urls", out var urls) && urls.ValueKind == JsonValueKind.Array && urls.GetArrayLength() > 0)
                throw Refuse("it has an entry that lies at another address than the registry's", "push it with all its layers");
            return new(type, digest, size) { Platform = isIndex ? PlatformOf(entry) : null };
        }

        ImageException Refuse(string why, string remedy) => new(ImageFailure.Refused, $"{name} is refused: {why}; {remedy}");
    }

    /// <summary>What a layer is packed in; null for a plain tar.</summary>
    /// <exception cref="ImageException">It is none that is read here.</exception>
    public static Layer? Packing(Descriptor layer, string name) => layer.MediaType switch
    {
        "application/vnd.oci.image.layer.v1.tar" or "application/vnd.docker.image.rootfs.diff.tar" => null,
        "application/vnd.oci.image.layer.v1.tar+gzip" or "application/vnd.docker.image.rootfs.diff.tar.gzip" => Layer.Gzip,
        "application/vnd.oci.image.layer.v1.tar+zstd" or "application/vnd.docker.image.rootfs.diff.tar.zstd" => Layer.Zstd,
        var foreign when foreign.Contains("foreign", StringComparison.Ordinal) || foreign.Contains("nondistributable", StringComparison.Ordinal) =>
            throw new ImageException(ImageFailure.Refused, $"{name} is refused: it has a layer that no registry may hold ('{foreign}'); push it with all its layers"),
        var other => throw new ImageException(ImageFailure.Refused,
            $"{name} is refused: it has a layer of the kind '{other}'; layers of a container disk are tar, tar+gzip or tar+zstd"),
    };

    private static string? PlatformOf(JsonElement entry)
    {
        if (!entry.TryGetProperty("platform", out var platform))
            return null;
        return $"{platform.GetProperty("os").GetString()}/{platform.GetProperty("architecture").GetString()}";
    }
}
