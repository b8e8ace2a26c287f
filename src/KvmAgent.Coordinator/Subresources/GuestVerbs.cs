using System.Text.Json;
using System.Text.Json.Nodes;
using KvmAgent.Contracts.Link;
using KvmAgent.Coordinator.Agents;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Subresources;

/// <summary>
/// What the guest says of itself by its agent, in KubeVirt's shapes, and a picture of its screen: every text is the guest's. And what it uses,
/// for which KubeVirt has no subresource.
/// </summary>
internal sealed class GuestVerbs(InstanceLinks links)
{
    public IReadOnlyList<Subresource> All =>
    [
        Get("guestosinfo", async (link, cancel) => Info(await link.GuestInfoAsync(cancel).ConfigureAwait(false))),
        Get("userlist", async (link, cancel) => List("VirtualMachineInstanceGuestOSUserList", (await link.UserListAsync(cancel).ConfigureAwait(false)).Select(User))),
        Get("filesystemlist", async (link, cancel) =>
            List("VirtualMachineInstanceFileSystemList", (await link.FilesystemListAsync(cancel).ConfigureAwait(false)).Select(FileSystem))),
        Get("usage", async (link, cancel) => Usage(await link.UsageAsync(cancel).ConfigureAwait(false))),
        new(HttpMethods.Get, InstanceVerbs.Resource, "vnc", ScreenshotAsync, "/screenshot"),
    ];

    private Subresource Get(string name, Func<AgentLink, CancellationToken, Task<JsonObject>> ask) =>
        new(HttpMethods.Get, InstanceVerbs.Resource, name, async request => await request.AnswerAsync(
            await ask(await LinkAsync(request).ConfigureAwait(false), request.Cancel).ConfigureAwait(false)).ConfigureAwait(false));

    private async Task ScreenshotAsync(SubresourceRequest request)
    {
        var link = await LinkAsync(request).ConfigureAwait(false);
        var picture = await link.ScreenshotAsync(request.Cancel).ConfigureAwait(false);
        request.Http.Response.ContentType = "image/png";
        request.Http.Response.ContentLength = picture.Length;
        await request.Http.Response.Body.WriteAsync(picture, request.Cancel).ConfigureAwait(false);
    }

    private Task<AgentLink> LinkAsync(SubresourceRequest request) =>
        links.OfRunningAsync(request, FailureReason.Conflict);

    private static JsonObject Info(GuestInfo info) => new()
    {
        ["apiVersion"] = Api.Kinds.VirtualMachineInstances.ApiVersion,
        ["kind"] = "VirtualMachineInstanceGuestAgentInfo",
        ["guestAgentVersion"] = info.AgentVersion,
        ["supportedCommands"] = new JsonArray([.. info.Commands.Select(static c => new JsonObject { ["name"] = c, ["enabled"] = true })]),
        ["hostname"] = info.HostName,
        ["os"] = new JsonObject
        {
            ["name"] = info.Os?.Name,
            ["kernelRelease"] = info.Os?.KernelRelease,
            ["version"] = info.Os?.Version,
            ["prettyName"] = info.Os?.PrettyName,
            ["versionId"] = info.Os?.VersionId,
            ["kernelVersion"] = info.Os?.KernelVersion,
            ["machine"] = info.Os?.Machine,
            ["id"] = info.Os?.Id,
        },
        ["timezone"] = info.TimeZone,
        ["fsFreezeStatus"] = info.FreezeStatus,
    };

    private static JsonObject User(GuestUser user) => new() { ["userName"] = user.Name, ["domain"] = user.Domain, ["loginTime"] = user.LoginTime };

    private static JsonObject FileSystem(GuestFilesystem filesystem) => new()
    {
        ["diskName"] = filesystem.Name,
        ["mountPoint"] = filesystem.MountPoint,
        ["fileSystemType"] = filesystem.Type,
        ["usedBytes"] = filesystem.UsedBytes ?? 0,
        ["totalBytes"] = filesystem.TotalBytes ?? 0,
        ["disk"] = new JsonArray([.. filesystem.Disks.Select(static d => new JsonObject { ["serial"] = d.Serial, ["busType"] = d.BusType })]),
    };

    private static JsonObject Usage(VmUsage? usage)
    {
        var told = JsonSerializer.SerializeToNode(
            usage ?? throw new CoordinatorException(FailureReason.Unavailable, "the agent has told nothing yet of what the guest uses; try again in a moment"), LinkJson.Default.VmUsage)!.AsObject();
        told.Insert(0, "apiVersion", Api.Kinds.VirtualMachineInstances.ApiVersion);
        told.Insert(1, "kind", "VirtualMachineInstanceUsage");
        return told;
    }

    private static JsonObject List(string kind, IEnumerable<JsonObject> items) => new()
    {
        ["apiVersion"] = Api.Kinds.VirtualMachineInstances.ApiVersion,
        ["kind"] = kind,
        ["metadata"] = new JsonObject(),
        ["items"] = new JsonArray([.. items]),
    };
}
