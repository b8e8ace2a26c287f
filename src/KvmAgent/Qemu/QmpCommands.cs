using KvmAgent.Contracts.Link;

namespace KvmAgent.Qemu;

/// <summary>What the agent says to QEMU (docs/interop/qemu-qmp-ref); all fail as <see cref="QmpClient.ExecuteAsync"/> does.</summary>
internal static class QmpCommands
{
    /// <summary>Lets the guest run, from <c>-S</c> or a pause.</summary>
    public static Task ContinueAsync(this QmpClient qmp, CancellationToken cancel = default) => qmp.ExecuteAsync("cont", cancel: cancel);

    /// <summary>Pauses the guest.</summary>
    public static Task PauseAsync(this QmpClient qmp, CancellationToken cancel = default) => qmp.ExecuteAsync("stop", cancel: cancel);

    /// <summary>Presses the power button; the guest may take its time, or not listen.</summary>
    public static Task PowerDownAsync(this QmpClient qmp, CancellationToken cancel = default) =>
        qmp.ExecuteAsync("system_powerdown", cancel: cancel);

    /// <summary>Presses the reset button.</summary>
    public static Task ResetAsync(this QmpClient qmp, CancellationToken cancel = default) =>
        qmp.ExecuteAsync("system_reset", cancel: cancel);

    /// <summary>Pulls the plug: QEMU writes its disks' caches back and ends.</summary>
    public static async Task QuitAsync(this QmpClient qmp, TimeSpan? limit = null, CancellationToken cancel = default)
    {
        try
        {
            await qmp.ExecuteAsync("quit", limit: limit, cancel: cancel).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // It was quicker with ending than with its answer.
        }
    }

    public static async Task<QmpStatus> QueryStatusAsync(this QmpClient qmp, CancellationToken cancel = default) => QmpMessage.Shape(
        await qmp.ExecuteAsync("query-status", cancel: cancel).ConfigureAwait(false),
        static answer => new QmpStatus(QmpMessage.Text(answer, "status"), answer.GetProperty("running").GetBoolean()));

    /// <returns>Whether the guest runs under KVM.</returns>
    public static async Task<bool> QueryKvmAsync(this QmpClient qmp, CancellationToken cancel = default) => QmpMessage.Shape(
        await qmp.ExecuteAsync("query-kvm", cancel: cancel).ConfigureAwait(false),
        static answer => answer.GetProperty("enabled").GetBoolean());

    /// <summary>
    /// Whether the guest has opened the port behind a character device: for the guest agent's, whether the agent runs. The same is told
    /// by the event <c>VSERPORT_CHANGE</c> (<c>id</c>: the port's device, <c>open</c>), at most once a second.
    /// </summary>
    public static async Task<bool> QueryPortOpenAsync(this QmpClient qmp, string chardev, CancellationToken cancel = default) =>
        QmpMessage.Shape(
            await qmp.ExecuteAsync("query-chardev", cancel: cancel).ConfigureAwait(false),
            answer => answer.EnumerateArray().Any(
                device => device.GetProperty("label").GetString() == chardev && device.GetProperty("frontend-open").GetBoolean()));

    /// <returns>What all block devices together have read and written: a guest that boots makes it grow.</returns>
    public static async Task<BlockUsage> QueryBlockUsageAsync(this QmpClient qmp, TimeSpan? limit = null, CancellationToken cancel = default) => QmpMessage.Shape(
        await qmp.ExecuteAsync("query-blockstats", limit: limit, cancel: cancel).ConfigureAwait(false),
        static answer =>
        {
            var devices = answer.EnumerateArray().Select(static device => device.GetProperty("stats")).ToArray();
            long Sum(string name) => devices.Sum(stats => stats.GetProperty(name).GetInt64());
            return new BlockUsage(Sum("rd_bytes"), Sum("rd_operations"), Sum("wr_bytes"), Sum("wr_operations"));
        });

    /// <summary>Writes a picture of the screen to a file that QEMU's user may make.</summary>
    public static Task ScreenshotAsync(this QmpClient qmp, string path, CancellationToken cancel = default) => qmp.ExecuteAsync(
        "screendump",
        arguments =>
        {
            arguments.WriteString("filename", path);
            arguments.WriteString("format", "png");
        },
        cancel: cancel);

    /// <returns>The threads of the virtual CPUs, by CPU: /proc/PID/task/THREAD/stat says what they use.</returns>
    public static async Task<IReadOnlyList<int>> QueryCpuThreadsAsync(this QmpClient qmp, CancellationToken cancel = default) =>
        QmpMessage.Shape(
            await qmp.ExecuteAsync("query-cpus-fast", cancel: cancel).ConfigureAwait(false),
            static answer => answer.EnumerateArray().Select(static cpu => cpu.GetProperty("thread-id").GetInt32()).ToArray());
}

/// <summary>QEMU's run state, such as <c>running</c>, <c>paused</c>, <c>prelaunch</c>, <c>shutdown</c>, <c>guest-panicked</c>.</summary>
internal readonly record struct QmpStatus(string Status, bool Running);
