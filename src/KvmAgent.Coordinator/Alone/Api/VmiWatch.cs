using System.Text;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Alone.Store;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Subresources;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Alone.Api;

/// <summary>A watch: the changes behind a version as the store has them, a JSON object a line, and each further one as it comes.</summary>
internal sealed class VmiWatch(AloneStore store, AloneMachines machines, TimeProvider time)
{
    private const int AtOnce = 100;

    private static readonly TimeSpan Usual = TimeSpan.FromMinutes(30);

    /// <param name="show">An object as the client wants it.</param>
    /// <param name="stop">The coordinator ends.</param>
    /// <exception cref="CoordinatorException">What was behind that version is no longer kept.</exception>
    public async Task RunAsync(HttpContext context, ListOptions options, Func<VirtualMachineInstance, JsonNode> show, CancellationToken stop)
    {
        using var timeout = new CancellationTokenSource(options.Timeout ?? Usual, time);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, context.RequestAborted, stop);
        var (oldest, latest) = store.Versions;
        if (options.Version is { } asked && (asked < oldest || asked > latest))
        {
            throw new CoordinatorException(FailureReason.Expired, $"resource version {asked} is not kept: {oldest} to {latest} are; list anew");
        }

        context.Response.ContentType = "application/json";
        try
        {
            // Clients take a watch for begun when they have its headers, however long nothing happens.
            await context.Response.Body.FlushAsync(end.Token).ConfigureAwait(false);
            if (options.Version is null)
            {
                foreach (var vm in machines.List().Where(options.Selects))
                {
                    await SendAsync(context, KeptChange.Added, show(vm), end.Token).ConfigureAwait(false);
                }
            }

            await FollowAsync(context, options, options.Version ?? latest, show, end.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // Its time is over; clients watch again from where they are.
        }
    }

    private async Task FollowAsync(HttpContext context, ListOptions options, long version, Func<VirtualMachineInstance, JsonNode> show, CancellationToken end)
    {
        while (true)
        {
            var changed = machines.NextChange();
            var changes = store.ChangesAfter(version, AtOnce);
            if (changes.Count > 0 && changes[0].Version != version + 1)
            {
                await SendAsync(context, "ERROR", ApiStatus.Failure(410, "Expired", "the watch was too slow; list anew"), end).ConfigureAwait(false);
                return;
            }

            foreach (var change in changes)
            {
                if (options.Selects(change.Object))
                {
                    await SendAsync(context, change.Type, show(change.Object), end).ConfigureAwait(false);
                }

                version = change.Version;
            }

            if (changes.Count == 0)
            {
                await changed.WaitAsync(end).ConfigureAwait(false);
            }
        }
    }

    private static async Task SendAsync(HttpContext context, string type, JsonNode obj, CancellationToken end)
    {
        var line = new JsonObject { ["type"] = type, ["object"] = obj }.ToJsonString() + "\n";
        await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(line), end).ConfigureAwait(false);
        await context.Response.Body.FlushAsync(end).ConfigureAwait(false);
    }
}
