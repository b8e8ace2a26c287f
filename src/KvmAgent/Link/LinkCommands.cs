using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using KvmAgent.Contracts;
using KvmAgent.Contracts.Link;
using KvmAgent.Lifecycle;
using KvmAgent.Qemu;
using KvmAgent.Status;

namespace KvmAgent.Link;

/// <summary>
/// What a coordinator may do to the VM, and nothing else. The machine is not touched before its guest first ran: until then the network's
/// rules may not be in place.
/// </summary>
internal sealed class LinkCommands(StatusBoard board, GuestAccess access, StopSignal stop, GuestFreeze freeze, UsageReader usage)
{
    public static readonly IReadOnlyList<string> Methods =
    [
        LinkMethods.Pause, LinkMethods.Unpause, LinkMethods.Shutdown, LinkMethods.Reset, LinkMethods.SoftReboot,
        LinkMethods.GuestInfo, LinkMethods.UserList, LinkMethods.FilesystemList,
        LinkMethods.Freeze, LinkMethods.Unfreeze, LinkMethods.Usage, LinkMethods.OpenStream,
    ];

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);
    private static readonly JsonElement Done = JsonSerializer.SerializeToElement(LinkAck.Done, LinkJson.Default.LinkAck);

    public async Task<JsonElement> AnswerAsync(string method, JsonElement parameters, CancellationToken cancel)
    {
        try
        {
            return method switch
            {
                LinkMethods.Pause => await DoneAsync(Running().Qmp.PauseAsync(cancel)).ConfigureAwait(false),
                LinkMethods.Unpause => await DoneAsync(Unpause(cancel)).ConfigureAwait(false),
                LinkMethods.Shutdown => Shutdown(Read(parameters, LinkJson.Default.ShutdownRequest)),
                LinkMethods.Reset => await DoneAsync(Running().Qmp.ResetAsync(cancel)).ConfigureAwait(false),
                LinkMethods.SoftReboot => await DoneAsync(GuestAgent().RebootAsync(Limit, cancel)).ConfigureAwait(false),
                LinkMethods.GuestInfo => Result(await GuestInfoAsync(GuestAgent(), cancel).ConfigureAwait(false), LinkJson.Default.GuestInfo),
                LinkMethods.UserList => Result(await GuestAgent().GetUsersAsync(Limit, cancel).ConfigureAwait(false), LinkJson.Default.GuestUsers),
                LinkMethods.FilesystemList => Result(await GuestAgent().GetFilesystemsAsync(Limit, cancel).ConfigureAwait(false), LinkJson.Default.GuestFilesystems),
                LinkMethods.Freeze => await DoneAsync(FreezeAsync(Deadline(parameters), cancel)).ConfigureAwait(false),
                LinkMethods.Unfreeze => await DoneAsync(freeze.ThawAsync(GuestAgent(), cancel)).ConfigureAwait(false),
                LinkMethods.Usage => Result(await UsageAsync(cancel).ConfigureAwait(false), LinkJson.Default.VmUsage),
                _ => throw new JsonRpcException(LinkErrors.MethodNotFound, $"this agent does not know {ConsoleText.Clean(method, 64)}"),
            };
        }
        catch (QmpException e)
        {
            throw new JsonRpcException(e.ErrorClass == "CommandNotFound" ? LinkErrors.NotSupported : LinkErrors.Internal, ConsoleText.Clean(e.Message, 256));
        }
        catch (TimeoutException e)
        {
            throw new JsonRpcException(LinkErrors.TimedOut, e.Message);
        }
        catch (IOException e)
        {
            throw new JsonRpcException(LinkErrors.NotRunning, e.Message);
        }
    }

    /// <summary>As SIGTERM would; a second time does not hurry, unless no time at all is given.</summary>
    private JsonElement Shutdown(ShutdownRequest? request)
    {
        var grace = request?.GracePeriodSeconds is { } seconds ? TimeSpan.FromSeconds(Math.Clamp(seconds, 0, 3600)) : (TimeSpan?)null;
        if (!stop.Requested.IsCancellationRequested || grace == TimeSpan.Zero)
        {
            stop.Raise(grace);
        }

        return Done;
    }

    private Task Unpause(CancellationToken cancel) => board.Current.Phase switch
    {
        VmPhase.Paused => Machine().Qmp.ContinueAsync(cancel),
        _ => Task.FromResult(Running()),
    };

    private Task FreezeAsync(TimeSpan deadline, CancellationToken cancel) => freeze.FreezeAsync(GuestAgent(), deadline, cancel);

    private static TimeSpan Deadline(JsonElement parameters)
    {
        var seconds = Read(parameters, LinkJson.Default.FreezeRequest)?.DeadlineSeconds ?? throw new JsonException("deadlineSeconds is missing");
        return seconds is > 0 and <= 3600 ? TimeSpan.FromSeconds(seconds) : throw new JsonException($"deadlineSeconds={seconds} is not from 1 to 3600");
    }

    private async Task<VmUsage> UsageAsync(CancellationToken cancel) => await usage.ReadAsync(cancel).ConfigureAwait(false)
        ?? throw new JsonRpcException(access.Current is null ? LinkErrors.NotRunning : LinkErrors.TimedOut, "nothing can be told of what the VM uses now: QEMU does not run, or does not answer");

    private static async Task<GuestInfo> GuestInfoAsync(GuestAgentClient agent, CancellationToken cancel)
    {
        var info = await agent.GetInfoAsync(Limit, cancel).ConfigureAwait(false);
        var os = await AskAsync("guest-get-osinfo", agent.GetOsAsync).ConfigureAwait(false);
        return new GuestInfo(
            info.Version,
            [.. info.Commands.Order(StringComparer.Ordinal)],
            await AskAsync("guest-get-host-name", agent.GetHostNameAsync).ConfigureAwait(false),
            os is null ? null : new GuestOsInfo(os.Id, os.Name, os.PrettyName, os.Version, os.VersionId, os.KernelRelease, os.KernelVersion, os.Machine),
            await AskAsync("guest-get-timezone", agent.GetTimeZoneAsync).ConfigureAwait(false),
            [
                .. (await AskAsync("guest-network-get-interfaces", agent.GetInterfacesAsync).ConfigureAwait(false) ?? [])
                    .Select(static nic => new Contracts.GuestInterface(nic.Name, nic.Mac, [.. nic.Addresses.Select(static a => $"{a.Address}/{a.Prefix}")])),
            ],
            await AskAsync("guest-fsfreeze-status", agent.GetFreezeStatusAsync).ConfigureAwait(false));

        async Task<T?> AskAsync<T>(string command, Func<TimeSpan, CancellationToken, Task<T>> ask)
            where T : class? => info.Commands.Contains(command) ? await ask(Limit, cancel).ConfigureAwait(false) : null;
    }

    private RunningMachine Running() => board.Current.Phase is VmPhase.Running or VmPhase.Paused
        ? Machine()
        : throw new JsonRpcException(LinkErrors.NotRunning, $"the guest does not run: it is {board.Current.Phase}");

    private RunningMachine Machine() => access.Current ?? throw new JsonRpcException(LinkErrors.NotRunning, "QEMU does not run");

    private GuestAgentClient GuestAgent() => Running().Agent is { Answers: true } agent
        ? agent.Client
        : throw new JsonRpcException(LinkErrors.NoGuestAgent, "no guest agent answers in the guest");

    private static async Task<JsonElement> DoneAsync(Task task)
    {
        await task.ConfigureAwait(false);
        return Done;
    }

    private static JsonElement Result<T>(T value, JsonTypeInfo<T> type) => JsonSerializer.SerializeToElement(value, type);

    /// <returns>Null where there are no parameters.</returns>
    private static T? Read<T>(JsonElement parameters, JsonTypeInfo<T> type)
        where T : class => parameters.ValueKind == JsonValueKind.Null ? null : parameters.Deserialize(type);
}
