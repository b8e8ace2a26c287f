using System.Security.Cryptography;
using KvmAgent.Images.Inspect;

namespace KvmAgent.Images.Store;

/// <summary>What the request demands of an image, fetched or found.</summary>
internal static class Demands
{
    public static void Format(ImageInfo info, BaseImageRequest request, string name)
    {
        if (request.Accepted is var formats && !formats.Contains(info.Format))
            throw new ImageException(ImageFailure.Refused,
                $"{name} is refused: it is {info.Content}, and only {string.Join(", ", formats.Select(f => f.Name()))} is accepted here");
    }

    public static void Checksum(BaseImageRequest request, string sha256, string? sha512, string name, string remedy)
    {
        if (request.Checksum is not { } wanted)
            return;
        var found = wanted.Algorithm == HashAlgorithmName.SHA512 ? sha512 : sha256;
        if (found != wanted.ToString())
            throw new ImageException(ImageFailure.Refused, $"{name} is refused: its digest is {found}, but {wanted} is wanted; {remedy}");
    }
}
