using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Imports;
using KvmAgent.Coordinator.Imports.Uploads;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Rest.Access;
using KvmAgent.Kubernetes;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Rest.Images;

/// <summary>
/// <c>/kubevirt/images</c>: volumes are made of images in the caller's name, and images are sent to importers that wait at this replica, by
/// whoever may create an UploadTokenRequest in the namespace.
/// </summary>
/// <param name="uploads">Null: no claims are filled by this coordinator.</param>
internal sealed class ImageRoutes(ProviderSet providers, IAccess access, UploadSink? uploads, TimeProvider time)
{
    private const string Root = "/kubevirt/images", Upload = Root + "/{namespace}/{name}/upload";

    private static readonly RestJson Json = RestJson.Strict;

    public IReadOnlyList<RestRoute> All =>
    [
        RestRoute.Of(HttpMethods.Post, Root, "Makes a volume of a URL's image, or of one that is sent to it then.", Json.ImageRequest, Json.VmAnswer, CreateAsync) with { Status = 201 },
        RestRoute.Of(HttpMethods.Get, Root, "Lists the images that machines and volumes are made of.", Json.ImageList, ListAsync) with { Query = VolumeRoutes.Scope },
        RestRoute.Raw(HttpMethods.Head, Upload, "Tells how many bytes of an upload are there: tus 1.0.0, Upload-Offset.", StatusCodes.Status200OK, request => SendAsync(request, static u => u.TellAsync)),
        RestRoute.Raw(HttpMethods.Patch, Upload, "Sends an image, or what is missing of it: tus 1.0.0, with Upload-Offset and Upload-Length.", StatusCodes.Status204NoContent, request => SendAsync(request, static u => u.GoOnAsync), changes: true) with
        {
            RequestMedia = ResumableUpload.Media,
        },
    ];

    private Task<VmAnswer> CreateAsync(RestRequest request, ImageRequest asked) => providers.UseAsync(request.Caller, asked.Provider, async provider =>
    {
        if (asked.Url is null)
        {
            DemandUploads(provider);
        }

        var (ns, client) = (asked.Namespace ?? provider.Namespace, provider.ClientFor(request.Caller));
        var volume = ImageVolume.Of(asked, ns, provider.StorageClass);
        try
        {
            await client.SendRawAsync(HttpMethod.Post, Kinds.DataVolumes.Path(ns) + "?fieldManager=kvm-coordinator", volume, request.Cancel).ConfigureAwait(false);
        }
        catch (KubernetesException e) when (e.Code == StatusCodes.Status404NotFound)
        {
            throw new CoordinatorException(
                FailureReason.NotFound, $"provider \"{provider.Name}\" has no DataVolumes, or no namespace \"{ns}\": {e.Status.Message}; where there is no cluster, give the agent its image", e);
        }

        return new VmAnswer($"{ns}/{asked.Name}", $"{ns}/{asked.Name} is created", time.GetUtcNow());
    }, request.Cancel);

    private Task<ImageList> ListAsync(RestRequest request) => VolumeRoutes.UseAsync(providers, request, async (provider, ns, client) =>
    {
        var use = await VolumeUse.ReadAsync(client, ns, request.Cancel).ConfigureAwait(false);
        var images = use.Images(provider.Name);
        return new ImageList(images, images.Count, time.GetUtcNow());
    });

    private async Task SendAsync(RestRequest request, Func<ResumableUpload, Func<HttpContext, Func<UploadGrant>, Task>> verb)
    {
        var key = request.Machine;
        if (uploads is null)
        {
            throw NoUploads();
        }

        await access.DemandAsync(
            request.Caller,
            new ResourceAttributes { Verb = "create", Group = UploadTokenApi.GroupName, Version = UploadTokenApi.Version, Namespace = key.Namespace, Resource = UploadTokenApi.Resource },
            request.Cancel).ConfigureAwait(false);
        await verb(new ResumableUpload(uploads))(request.Http, () => uploads.GrantOf(new ClaimKey(key.Namespace, key.Name))).ConfigureAwait(false);
    }

    private void DemandUploads(Provider provider)
    {
        if (!provider.IsOwn)
        {
            throw new CoordinatorException(FailureReason.NotSupported, $"nothing is sent through this coordinator to provider \"{provider.Name}\"; send it to that cluster itself, or give a url");
        }

        if (uploads is null)
        {
            throw NoUploads();
        }
    }

    private static CoordinatorException NoUploads() => new(
        FailureReason.NotSupported, "no volumes are filled by this coordinator: there is no cluster, or another importer in it (IMPORT_CONCURRENCY=0); send the image there");
}
