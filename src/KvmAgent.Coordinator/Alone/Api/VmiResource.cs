using System.Globalization;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Agents;
using KvmAgent.Coordinator.Alone.Store;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Subresources;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Alone.Api;

/// <summary>
/// <c>kubevirt.io/v1</c> VirtualMachineInstances: get, list, watch, delete. Nothing can be made or changed, as each is what an agent tells.
/// To delete one is to shut its guest down and, once it has ended, to forget it.
/// </summary>
internal sealed partial class VmiResource(AloneStore store, AloneMachines machines, AgentRegistry agents, TimeProvider time, ILogger<VmiResource> log)
{
    private const long UsualGrace = 30, LongestGrace = 3600;

    private readonly VmiWatch _watch = new(store, machines, time);
    private readonly ILogger _log = log;

    public static ApiGroup Group { get; } = new(Kinds.Group, [Kinds.Version], static _ => new JsonArray(new JsonObject
    {
        ["name"] = Kinds.VirtualMachineInstances.Plural,
        ["singularName"] = "virtualmachineinstance",
        ["namespaced"] = true,
        ["kind"] = Kinds.VirtualMachineInstances.Kind,
        ["verbs"] = new JsonArray("delete", "get", "list", "watch"),
        ["shortNames"] = new JsonArray("vmi", "vmis"),
        ["categories"] = new JsonArray("all"),
    }));

    public void Map(IEndpointRouteBuilder routes)
    {
        const string root = $"/apis/{Kinds.Group}/{Kinds.Version}";
        const string all = $"{root}/{InstanceVerbs.Resource}", some = $"{root}/namespaces/{{ns}}/{InstanceVerbs.Resource}", one = some + "/{name}";
        routes.MapGet(all, Guarded(context => ListAsync(context, null)));
        routes.MapGet(some, Guarded(context => ListAsync(context, (string)context.GetRouteValue("ns")!)));
        routes.MapGet(one, Guarded(GetAsync));
        routes.MapDelete(one, Guarded(DeleteAsync));
    }

    private static RequestDelegate Guarded(Func<HttpContext, Task> run) => async context =>
    {
        try
        {
            await run(context).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody waits for an answer.
        }
        catch (Exception e) when (!context.Response.HasStarted && ApiStatus.Of(e) is not null)
        {
            var (code, reason, message) = ApiStatus.Of(e)!.Value;
            await ApiStatus.WriteAsync(context, code, reason, message).ConfigureAwait(false);
        }
    };

    private Task GetAsync(HttpContext context) => AnswerAsync(context, Show(context)(Find(context)));

    private Task ListAsync(HttpContext context, string? ns)
    {
        var options = ListOptions.Of(context.Request, ns);
        if (options.Watch)
        {
            return _watch.RunAsync(
                context, options, Show(context), context.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);
        }

        // All pages have the first one's version: a watch from there on tells what came to be between them.
        var (vms, now) = machines.ListAt();
        var version = options.Continue?.Version ?? now;
        var selected = vms.Where(options.Selects).OrderBy(KeyOf, StringComparer.Ordinal)
            .Where(vm => options.Continue is not var (_, behind) || string.CompareOrdinal(KeyOf(vm), behind) > 0)
            .ToList();
        var page = options.Limit is { } limit && limit < selected.Count ? selected[..limit] : selected;
        var metadata = new JsonObject { ["resourceVersion"] = version.ToString(CultureInfo.InvariantCulture) };
        if (page.Count < selected.Count)
        {
            metadata["continue"] = ListOptions.Encode(version, KeyOf(page[^1]));
            metadata["remainingItemCount"] = selected.Count - page.Count;
        }

        return AnswerAsync(context, Table(context) is { } table ? table.Of(page, metadata) : new JsonObject
        {
            ["kind"] = $"{Kinds.VirtualMachineInstances.Kind}List",
            ["apiVersion"] = Kinds.VirtualMachineInstances.ApiVersion,
            ["metadata"] = metadata,
            ["items"] = new JsonArray([.. page.Select(VmiTable.Json)]),
        });
    }

    private async Task DeleteAsync(HttpContext context)
    {
        var (vm, request) = (Find(context), new SubresourceRequest(context, AloneUser.Admin, "", ""));
        var key = new MachineKey(vm.Metadata.Namespace!, vm.Metadata.Name!);
        var body = await request.BodyAsync().ConfigureAwait(false);
        if (body["preconditions"]?["uid"] is JsonValue wanted && wanted.ToString() != vm.Metadata.Uid)
        {
            throw new CoordinatorException(FailureReason.Conflict, $"the UID of {key} is {vm.Metadata.Uid}, and not {wanted}");
        }

        var ended = VmiPhases.IsFinal(vm.Status?.Phase);
        if (!ended && agents.Find(vm.Metadata.Uid!) is null)
        {
            throw new CoordinatorException(
                FailureReason.Conflict,
                $"the agent of {key} has no link now, so its guest cannot be asked to shut down; try again when it has, or, where it is gone for good, run `kvm-coordinator forget {key}`");
        }

        if (!MachineVerbs.IsDryRun(body) && context.Request.Query["dryRun"] != "All")
        {
            LogDelete(key);
            vm = await (ended ? Task.FromResult(machines.Forget(key)) : ShutDownAsync(key, vm.Metadata.Uid!, Grace(context, body), context.RequestAborted)).ConfigureAwait(false) ?? vm;
        }

        await AnswerAsync(context, VmiTable.Json(vm)).ConfigureAwait(false);
    }

    private async Task<VirtualMachineInstance?> ShutDownAsync(MachineKey key, string uid, long? grace, CancellationToken cancel)
    {
        var link = agents.Find(uid) ?? throw new CoordinatorException(FailureReason.Unavailable, $"the link of {key} ended; try again in a moment");
        await link.ShutdownAsync(grace is { } seconds ? TimeSpan.FromSeconds(seconds) : null, cancel).ConfigureAwait(false);
        return machines.MarkDeleted(key, grace ?? UsualGrace);
    }

    private static long? Grace(HttpContext context, JsonObject body)
    {
        var text = body["gracePeriodSeconds"]?.ToString() ?? context.Request.Query["gracePeriodSeconds"].ToString();
        return text.Length == 0 ? null
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) ? Math.Min(seconds, LongestGrace)
            : throw new CoordinatorException(FailureReason.BadRequest, $"gracePeriodSeconds={text} is no number of seconds; give 0 or more");
    }

    private VirtualMachineInstance Find(HttpContext context)
    {
        var name = (string)context.GetRouteValue("name")!;
        return machines.Find(new MachineKey((string)context.GetRouteValue("ns")!, name))
            ?? throw new CoordinatorException(FailureReason.NotFound, $"virtualmachineinstances.kubevirt.io \"{name}\" not found");
    }

    /// <returns>An object as the client wants it.</returns>
    private Func<VirtualMachineInstance, JsonNode> Show(HttpContext context) => Table(context) is { } table
        ? vm => table.Of([vm], new JsonObject { ["resourceVersion"] = vm.Metadata.ResourceVersion })
        : VmiTable.Json;

    private VmiTable? Table(HttpContext context) => context.Request.Headers.Accept.ToString().Contains("as=Table", StringComparison.Ordinal)
        ? new VmiTable(context.Request.Query["includeObject"], time.GetUtcNow())
        : null;

    private static string KeyOf(VirtualMachineInstance vm) => $"{vm.Metadata.Namespace}/{vm.Metadata.Name}";

    private static Task AnswerAsync(HttpContext context, JsonNode body)
    {
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(body.ToJsonString(), context.RequestAborted);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "VM {Key} is deleted: its guest is shut down, and it is forgotten when it has ended")]
    private partial void LogDelete(MachineKey key);
}
