using System.Data.Common;
using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Store;

namespace KvmAgent.Coordinator.History;

/// <summary>
/// The history as it is kept. <c>recorded</c> is when it was written, by which it is pruned; <c>source</c> the UID of the cluster's Event that a row
/// is. Of each machine there is its last state, and of all who writes: see <see cref="HistoryWriter"/>.
/// </summary>
internal static class HistoryTable
{
    public const string Migration =
        """
        CREATE TABLE history (
            id {COUNTED}, type TEXT NOT NULL, at BIGINT NOT NULL, recorded BIGINT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, uid TEXT,
            status TEXT, power_state TEXT, former TEXT, severity TEXT, reason TEXT, object TEXT, count BIGINT, message TEXT, missed BIGINT NOT NULL, source TEXT UNIQUE);
        CREATE INDEX history_machine ON history (namespace, name, id);
        CREATE INDEX history_recorded ON history (recorded);
        CREATE TABLE history_machines (
            namespace TEXT NOT NULL, name TEXT NOT NULL, uid TEXT, instance_uid TEXT, status TEXT NOT NULL, power_state TEXT NOT NULL,
            PRIMARY KEY (namespace, name));
        CREATE TABLE history_writer (name TEXT PRIMARY KEY, session TEXT NOT NULL, written BIGINT NOT NULL, pruned BIGINT NOT NULL);
        """;

    /// <summary>In this order.</summary>
    private const string Columns = "id, type, at, namespace, name, uid, status, power_state, former, severity, reason, object, count, message, missed";

    /// <summary>Whoever writes has it: ids are in the order in which they can be read, whoever leads.</summary>
    private const string Lock = "history";

    private const string Insert = """
        INSERT INTO history (type, at, recorded, namespace, name, uid, status, power_state, former, severity, reason, object, count, message, missed, source)
        VALUES (@type, @at, @recorded, @namespace, @name, @uid, @status, @power_state, @former, @severity, @reason, @object, @count, @message, @missed, @source)
        """;

    /// <summary>First in each transaction that writes.</summary>
    public static Task LockAsync(RecordSession session) => session.LockAsync(Lock);

    /// <summary>Makes somebody the one that writes: whoever did before writes nothing any more.</summary>
    public static async Task TakeAsync(RecordSession session, string writer)
    {
        await LockAsync(session).ConfigureAwait(false);
        await session.RunAsync(
            "INSERT INTO history_writer (name, session, written, pruned) VALUES (@name, @session, 0, 0) ON CONFLICT (name) DO UPDATE SET session = excluded.session, written = 0",
            ("@name", Lock), ("@session", writer)).ConfigureAwait(false);
    }

    /// <returns>How far the writer's own writing is; null where another writes now.</returns>
    public static async Task<long?> WrittenAsync(RecordSession session, string writer) =>
        await session.RowsAsync("SELECT written FROM history_writer WHERE name = @name AND session = @session", static row => row.GetInt64(0), ("@name", Lock), ("@session", writer)).ConfigureAwait(false)
            is [var written] ? written : null;

    public static Task SetWrittenAsync(RecordSession session, long written) =>
        session.RunAsync("UPDATE history_writer SET written = @written WHERE name = @name", ("@name", Lock), ("@written", written));

    public static Task AddAsync(RecordSession session, Happening what, DateTimeOffset now) => session.RunAsync(
        Insert,
        ("@type", what.Type), ("@at", RecordTime.Kept(what.At)), ("@recorded", RecordTime.Kept(now)), ("@namespace", what.Key.Namespace), ("@name", what.Key.Name), ("@uid", what.Uid),
        ("@status", what.Status), ("@power_state", what.PowerState), ("@former", what.Former), ("@severity", null), ("@reason", null), ("@object", null), ("@count", null),
        ("@message", what.Message), ("@missed", what.Missed ? 1L : 0L), ("@source", null));

    /// <summary>An Event of the cluster's, once for each time that it happened; the newest is kept.</summary>
    public static async Task AddAsync(RecordSession session, ClusterEvent what, DateTimeOffset now)
    {
        var known = await session.RowsAsync("SELECT count FROM history WHERE source = @source", static row => row.GetInt64(0), ("@source", what.Source)).ConfigureAwait(false);
        if (known is [var count] && count >= what.Count)
        {
            return;
        }

        await session.RunAsync("DELETE FROM history WHERE source = @source", ("@source", what.Source)).ConfigureAwait(false);
        await session.RunAsync(
            Insert,
            ("@type", HistoryTypes.Event), ("@at", RecordTime.Kept(what.At)), ("@recorded", RecordTime.Kept(now)), ("@namespace", what.Key.Namespace), ("@name", what.Key.Name), ("@uid", null),
            ("@status", null), ("@power_state", null), ("@former", null), ("@severity", what.Severity), ("@reason", what.Reason), ("@object", what.Object), ("@count", (long)what.Count),
            ("@message", what.Message), ("@missed", 0L), ("@source", what.Source)).ConfigureAwait(false);
    }

    public static async Task<Dictionary<MachineKey, MachineState>> MachinesAsync(RecordSession session) =>
        (await session.RowsAsync("SELECT namespace, name, uid, instance_uid, status, power_state FROM history_machines", ReadMachine).ConfigureAwait(false)).ToDictionary(static m => m.Key);

    public static async Task<MachineState?> MachineAsync(RecordSession session, MachineKey key) =>
        await session.RowsAsync(
            "SELECT namespace, name, uid, instance_uid, status, power_state FROM history_machines WHERE namespace = @namespace AND name = @name", ReadMachine,
            ("@namespace", key.Namespace), ("@name", key.Name)).ConfigureAwait(false) is [var found] ? found : null;

    /// <param name="state">Null: it is gone.</param>
    public static Task SetMachineAsync(RecordSession session, MachineKey key, MachineState? state) => state is null
        ? session.RunAsync("DELETE FROM history_machines WHERE namespace = @namespace AND name = @name", ("@namespace", key.Namespace), ("@name", key.Name))
        : session.RunAsync(
            """
            INSERT INTO history_machines (namespace, name, uid, instance_uid, status, power_state) VALUES (@namespace, @name, @uid, @instance_uid, @status, @power_state)
            ON CONFLICT (namespace, name) DO UPDATE SET uid = excluded.uid, instance_uid = excluded.instance_uid, status = excluded.status, power_state = excluded.power_state
            """,
            ("@namespace", key.Namespace), ("@name", key.Name), ("@uid", state.Uid), ("@instance_uid", state.InstanceUid), ("@status", state.Status), ("@power_state", state.PowerState));

    /// <summary>Forgets what was written before, and remembers up to which id.</summary>
    /// <returns>How many events it was.</returns>
    public static async Task<int> PruneAsync(RecordSession session, DateTimeOffset before)
    {
        await LockAsync(session).ConfigureAwait(false);
        var last = await session.ValueAsync<long>("SELECT MAX(id) FROM history WHERE recorded < @before", ("@before", RecordTime.Kept(before))).ConfigureAwait(false);
        if (last == 0)
        {
            return 0;
        }

        await session.RunAsync("UPDATE history_writer SET pruned = @last WHERE name = @name", ("@name", Lock), ("@last", last)).ConfigureAwait(false);
        return await session.RunAsync("DELETE FROM history WHERE id <= @last", ("@last", last)).ConfigureAwait(false);
    }

    /// <returns>The last id, and up to which id they are no longer kept.</returns>
    public static async Task<(long Last, long Pruned)> EndsAsync(RecordSession session)
    {
        var pruned = await session.ValueAsync<long>("SELECT pruned FROM history_writer WHERE name = @name", ("@name", Lock)).ConfigureAwait(false);
        var last = await session.ValueAsync<long>("SELECT MAX(id) FROM history").ConfigureAwait(false);
        return (Math.Max(last, pruned), pruned);
    }

    /// <returns>In order of their ids.</returns>
    public static async Task<List<HistoryEvent>> FindAsync(RecordSession session, HistoryQuery query)
    {
        var (condition, parameters) = query.Condition();
        // Without a place to begin at it is the newest that are wanted.
        var order = query.After is null ? "DESC" : "ASC";
        var found = await session.RowsAsync(
            $"SELECT {Columns} FROM history{condition} ORDER BY id {order} LIMIT @limit", ReadEvent, [.. parameters, ("@limit", (long)query.Limit)]).ConfigureAwait(false);
        if (query.After is null)
        {
            found.Reverse();
        }

        return found;
    }

    private static MachineState ReadMachine(DbDataReader row) =>
        new(new MachineKey(row.GetString(0), row.GetString(1)), Text(row, 2), Text(row, 3), row.GetString(4), row.GetString(5));

    private static HistoryEvent ReadEvent(DbDataReader row) => new()
    {
        Id = row.GetInt64(0),
        Type = row.GetString(1),
        At = RecordTime.Read(row, 2),
        Namespace = row.GetString(3),
        Name = row.GetString(4),
        Uid = Text(row, 5),
        Status = Text(row, 6),
        PowerState = Text(row, 7),
        Former = Text(row, 8),
        Severity = Text(row, 9),
        Reason = Text(row, 10),
        Object = Text(row, 11),
        Count = row.IsDBNull(12) ? null : (int)row.GetInt64(12),
        Message = Text(row, 13),
        Missed = row.GetInt64(14) != 0,
    };

    private static string? Text(DbDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);
}
