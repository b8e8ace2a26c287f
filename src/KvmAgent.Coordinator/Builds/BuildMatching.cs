using KvmAgent.Contracts.Rest;

namespace KvmAgent.Coordinator.Builds;

/// <summary>
/// Which builds run: containers against builds by the whole RepoDigest, then by its digest alone (a mirror has other repositories), then by the image's
/// id. A container that asks for an image of a known name, but runs none of its builds, is unknown. A pure function.
/// </summary>
internal static class BuildMatching
{
    /// <returns>By name.</returns>
    public static IReadOnlyList<ImageUse> Match(IReadOnlyList<BuildSummary> builds, IReadOnlyList<RunningContainer> containers)
    {
        var index = new Index(builds);
        var found = containers.Select(c => (Container: c, Build: index.Find(ImageReference.Parse(c.ImageId))))
            .Select(static f => (Name: f.Build?.Name ?? (f.Container.Image is { } image ? ImageReference.NameOf(image) : null), Container: f.Container with { Revision = f.Build?.Revision }))
            .Where(static f => f.Name is not null).ToLookup(static f => f.Name!, static f => f.Container);
        return
        [
            .. builds.GroupBy(static b => b.Name).OrderBy(static g => g.Key, StringComparer.Ordinal).Select(image =>
            {
                var newest = image.Max(static b => b.Revision);
                var pods = found[image.Key].OrderBy(static c => c.Namespace, StringComparer.Ordinal).ThenBy(static c => c.Pod, StringComparer.Ordinal).ThenBy(static c => c.Container, StringComparer.Ordinal).ToList();
                var status = Status(pods, newest);
                return new ImageUse { Name = image.Key, Revision = newest, RuntimeStatus = status, Status = RuntimeStatuses.Name(status), Pods = pods };
            }),
        ];
    }

    /// <summary>One that is out of date makes all of it so; one that is unknown leaves the rest unknown.</summary>
    private static int Status(List<RunningContainer> pods, int newest) =>
        pods.Count == 0 ? RuntimeStatuses.NoInstance
        : pods.Any(p => p.Revision < newest) ? RuntimeStatuses.OutOfDate
        : pods.Any(static p => p.Revision is null) ? RuntimeStatuses.Unknown
        : RuntimeStatuses.UpToDate;

    /// <summary>Of several builds that are the same the newest counts: nothing has changed since.</summary>
    private sealed class Index
    {
        private readonly Dictionary<string, BuildSummary> _whole = [], _digests = [], _ids = [];

        public Index(IEnumerable<BuildSummary> builds)
        {
            foreach (var build in builds.OrderBy(static b => b.Revision))
            {
                foreach (var reference in build.RepoDigests.Select(ImageReference.Parse).OfType<ImageReference>())
                {
                    _whole[reference.ToString()] = build;
                    _digests[reference.Digest] = build;
                }

                if (ImageReference.Parse(build.ImageId) is { } id)
                {
                    _ids[id.Digest] = build;
                }
            }
        }

        public BuildSummary? Find(ImageReference? running) => running is null ? null
            : _whole.GetValueOrDefault(running.ToString()) ?? _digests.GetValueOrDefault(running.Digest) ?? _ids.GetValueOrDefault(running.Digest);
    }
}
