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
}
