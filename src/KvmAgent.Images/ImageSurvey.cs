using KvmAgent.Images.Import;
using KvmAgent.Images.Inspect;
using KvmAgent.Images.Layers;
using KvmAgent.Images.Registry;

namespace KvmAgent.Images;

/// <summary>What is known of an image before it is fetched.</summary>
/// <param name="Revision">What is another when the content is; null where the server tells nothing of the kind.</param>
/// <param name="Format">Of the disk, whatever it is wrapped in; null where that shows only in all of it.</param>
/// <param name="VirtualSize">The disk's size in bytes.</param>
/// <param name="Unknown">Why there is no size; null where there is one.</param>
public sealed record ImageSurvey(string? Revision, ImageFormat? Format, long? VirtualSize, string? Unknown)
{
    /// <summary>Of a container disk so much may come before the disk, and of a wrapped one be read until it shows.</summary>
    internal const int MostRead = 64 << 20;

    internal static async Task<ImageSurvey> OfAsync(IImageStream image, CancellationToken ct)
    {
        if (image is IImageData data && !await data.IsWrappedAsync(ct).ConfigureAwait(false))
        {
            var info = await data.InspectAsync(ImageFormatNames.All, ct).ConfigureAwait(false);
            return new(image.Revision, info.Format, info.VirtualSize, null);
        }
        return await OwnThread.RunAsync(() => OfBeginning(image, ct), ct).ConfigureAwait(false) with { Revision = image.Revision };
    }

    private static ImageSurvey OfBeginning(IImageStream image, CancellationToken ct)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(ct);
        try
        {
            var budget = new ReadBudget(MostRead);
            var registry = (image as RegistryImage)?.ReadBeginning(budget, end.Token);
            var source = registry ?? new BudgetedImage(image, budget).ReadThrough(1, end.Token);
            var (disk, layers) = Wrapping.Remove(source, image.Name, ImageInspector.BeginningSize);
            using (disk)
            {
                var survey = Judge(disk, layers, layers.Count > 0 ? disk.ToldLength : registry?.DiskLength ?? image.TotalLength, image.Name);
                // What reads ahead is not waited for.
                end.Cancel();
                return survey;
            }
        }
        catch (BudgetSpentException e)
        {
            return new(null, null, null, e.Message);
        }
    }

    private static ImageSurvey Judge(PeekStream disk, IReadOnlyList<Layer> layers, long? length, string name)
    {
        var whole = disk.Beginning.Length < ImageInspector.BeginningSize;
        var info = ImageInspector.JudgeBeginning(disk.Beginning, whole, name);
        var size = info is null ? null : whole || info.Format == ImageFormat.Qcow2 ? info.VirtualSize : length;
        var wrapped = layers.Count == 0 ? "" : $" in {string.Join(" in ", layers.Reverse().Select(static l => l.Name()))}";
        return new(null, info?.Format, size, size is not null ? null : $"it is a {info?.Format.Name() ?? "disk whose tables lie anywhere"}{wrapped}, which has to be read whole to know it");
    }
}
