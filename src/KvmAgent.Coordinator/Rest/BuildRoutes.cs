using System.Globalization;
using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Builds;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Rest.Access;
using KvmAgent.Coordinator.Rest.Images;
using KvmAgent.Coordinator.Store;
using KvmAgent.Kubernetes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace KvmAgent.Coordinator.Rest;

/// <summary>
/// <c>/kubevirt/builds</c>: container images that somebody has built, and where they run. Builds are the coordinator's own, and the virtual resource
/// <c>builds.kvmagent.io</c> of its cluster says who may see and add them; what runs is asked of a provider's cluster in the caller's name.
/// </summary>
/// <param name="records">Null: there is no database.</param>
internal sealed class BuildRoutes(ProviderSet providers, IAccess access, RecordStore? records, TimeProvider time)
{
    private const string Root = "/kubevirt/builds", Builds = "builds";

    private const int Longest = 1024, MostDigests = 100;

    private static readonly RestJson Json = RestJson.Strict;

    public IReadOnlyList<RestRoute> All =>
    [
        RestRoute.Of(HttpMethods.Post, Root, "Registers a build of an image; its revision is counted up.", Json.BuildRequest, Json.BuildSummary, AddAsync) with { Status = 201 },
        RestRoute.Of(HttpMethods.Get, Root, "Lists builds.", Json.BuildList, ListAsync) with { Query = [("name", "Of this image alone.")] },
        RestRoute.Of(HttpMethods.Get, Root + "/{id}", "Tells a build.", Json.BuildSummary, GetAsync),
        RestRoute.Of(HttpMethods.Get, Root + "/running", "Tells for each image that has builds which pods run it, and whether they run the newest.", Json.ImageUseList, RunningAsync) with { Query = VolumeRoutes.Scope },
    ];

    private async Task<BuildSummary> AddAsync(RestRequest request, BuildRequest asked)
    {
        var store = await DemandAsync(request, "create").ConfigureAwait(false);
        DemandSense(asked);
        return await store.WriteAsync(session => BuildTable.AddAsync(session, asked, time.GetUtcNow()), request.Cancel).ConfigureAwait(false);
    }

    private async Task<BuildList> ListAsync(RestRequest request)
    {
        var store = await DemandAsync(request, "list").ConfigureAwait(false);
        var builds = await store.ReadAsync(session => BuildTable.ListAsync(session, request.Query("name")), request.Cancel).ConfigureAwait(false);
        return new BuildList(builds, builds.Count, time.GetUtcNow());
    }

    private async Task<BuildSummary> GetAsync(RestRequest request)
    {
        var store = await DemandAsync(request, "get").ConfigureAwait(false);
        var text = (string)request.Http.GetRouteValue("id")!;
        var found = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            ? await store.ReadAsync(session => BuildTable.FindAsync(session, id), request.Cancel).ConfigureAwait(false)
            : null;
        return found ?? throw new CoordinatorException(FailureReason.NotFound, $"build {text} not found; {Root} lists those that there are");
    }

    private async Task<ImageUseList> RunningAsync(RestRequest request)
    {
        var store = await DemandAsync(request, "list").ConfigureAwait(false);
        var builds = await store.ReadAsync(static session => BuildTable.ListAsync(session, null), request.Cancel).ConfigureAwait(false);
        return await VolumeRoutes.UseAsync(providers, request, async (_, ns, client) =>
        {
            var containers = await RunningContainers.ReadAsync(client, ns, request.Cancel).ConfigureAwait(false);
            var images = BuildMatching.Match(builds, containers);
            return new ImageUseList(images, images.Count, time.GetUtcNow());
        }).ConfigureAwait(false);
    }

    private async Task<RecordStore> DemandAsync(RestRequest request, string verb)
    {
        await access.DemandAsync(request.Caller, new ResourceAttributes { Verb = verb, Group = "kvmagent.io", Resource = Builds }, request.Cancel).ConfigureAwait(false);
        return records.Demand("image builds");
    }

    private static void DemandSense(BuildRequest asked)
    {
        if (asked.Name.Length is 0 or > Longest || ImageReference.NameOf(asked.Name) != asked.Name)
        {
            throw Wrong($"name=\"{asked.Name}\" is no image without a tag; give one such as registry.example.com/web");
        }

        var digests = asked.RepoDigests ?? [];
        if (digests.Count > MostDigests)
        {
            throw Wrong($"repo_digests has {digests.Count}; give {MostDigests} at most");
        }

        foreach (var digest in digests.Where(static d => d is null || d.Length > Longest || ImageReference.Parse(d) is not { Repository: not null }))
        {
            throw Wrong($"repo_digests has \"{digest}\", which is none; give such as registry.example.com/web@sha256: and 64 hexadecimal digits");
        }

        if (asked.ImageId is { } id && ImageReference.Parse(id) is not { Repository: null })
        {
            throw Wrong($"image_id=\"{id}\" is none; give sha256: and 64 hexadecimal digits");
        }

        if (digests.Count == 0 && asked.ImageId is null)
        {
            throw Wrong("there is nothing to know the build by; give repo_digests, or image_id");
        }

        if (asked.BuildHost?.Length > Longest || asked.ActionId?.Length > Longest)
        {
            throw Wrong($"build_host or action_id is longer than {Longest} characters; give shorter ones");
        }
    }

    private static CoordinatorException Wrong(string text) => new(FailureReason.BadRequest, text);
}
