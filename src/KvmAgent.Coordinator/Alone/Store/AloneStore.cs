using System.Text.Json;
using KvmAgent.Contracts.Link;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Store;
using Microsoft.Data.Sqlite;

namespace KvmAgent.Coordinator.Alone.Store;

/// <summary>A VM as it is kept: its object, and the hash of its agent's token.</summary>
internal sealed record KeptVm(VirtualMachineInstance Object, byte[] TokenHash)
{
    public MachineKey Key => new(Object.Metadata.Namespace!, Object.Metadata.Name!);
}

/// <summary>One line of what happened to objects, for those who watch.</summary>
internal sealed record KeptChange(long Version, string Type, VirtualMachineInstance Object)
{
    public const string Added = "ADDED", Modified = "MODIFIED", Deleted = "DELETED";
}

/// <summary>
/// What a coordinator without a cluster knows, in SQLite. Each change is one transaction, on the disk when its call returns: the object with
/// its new resource version, a line for watches, and the transition that made it. The <see cref="MostChanges"/> last lines are kept.
/// </summary>
internal sealed class AloneStore(SqliteConnection connection) : IDisposable
{
    public const int MostChanges = 1000, MostTransitions = 1000;

    /// <summary>Purposes of tokens that are no VM's.</summary>
    public const string People = "people", Enrolment = "enrolment";

    private readonly Lock _gate = new();

    /// <summary>Changes when another process has written.</summary>
    public long DataVersion => Locked(() => connection.Value<long>("PRAGMA data_version"));

    /// <summary>The resource version of the last change, and the oldest from which on all changes are known.</summary>
    public (long Oldest, long Latest) Versions => Locked(() =>
    {
        var latest = Latest();
        return (connection.Value<long?>("SELECT MIN(version) FROM changes") - 1 ?? latest, latest);
    });

    public void Dispose() => connection.Dispose();

    public byte[]? HashOf(string purpose) =>
        Locked(() => connection.Value<byte[]>("SELECT hash FROM tokens WHERE purpose = $purpose", ("$purpose", purpose)));

    public void SetHash(string purpose, byte[] hash) => Locked(() => connection.Run(
        "INSERT INTO tokens (purpose, hash) VALUES ($purpose, $hash) ON CONFLICT DO UPDATE SET hash = $hash", ("$purpose", purpose), ("$hash", hash)));

    public IReadOnlyList<KeptVm> Vms() => Locked(() => connection.Rows(
        "SELECT object, token FROM vms ORDER BY namespace, name", static row => new KeptVm(Object(row.GetString(0)), row.GetFieldValue<byte[]>(1))));

    /// <returns>The VM as it is kept; null where its name is another's already.</returns>
    public KeptVm? Add(VirtualMachineInstance vm, byte[] tokenHash) => Change(KeptChange.Added, vm, kept => connection.Run(
        "INSERT INTO vms (namespace, name, uid, token, object) VALUES ($namespace, $name, $uid, $token, $object) ON CONFLICT (namespace, name) DO NOTHING",
        ("$namespace", kept.Metadata.Namespace), ("$name", kept.Metadata.Name), ("$uid", kept.Metadata.Uid), ("$token", tokenHash), ("$object", Text(kept))) > 0)
        is { } added ? new KeptVm(added, tokenHash) : null;

    /// <param name="transition">What made it so; one that is known already is not kept twice.</param>
    /// <returns>The object as it is kept; null where there is no such VM any more.</returns>
    public VirtualMachineInstance? Save(VirtualMachineInstance vm, TransitionReport? transition = null) => Change(KeptChange.Modified, vm, kept =>
    {
        if (connection.Run(
            "UPDATE vms SET object = $object WHERE namespace = $namespace AND name = $name AND uid = $uid",
            ("$object", Text(kept)), ("$namespace", kept.Metadata.Namespace), ("$name", kept.Metadata.Name), ("$uid", kept.Metadata.Uid)) == 0)
        {
            return false;
        }

        if (transition is not null)
        {
            Keep(kept.Metadata.Uid!, transition);
        }

        return true;
    });

    /// <summary>Its name is free then, and its token no longer good.</summary>
    /// <returns>The object as it was; null where there is none.</returns>
    public VirtualMachineInstance? Remove(MachineKey key)
    {
        var text = Locked(() => connection.Value<string>(
            "SELECT object FROM vms WHERE namespace = $namespace AND name = $name", ("$namespace", key.Namespace), ("$name", key.Name)));
        return text is null ? null : Change(KeptChange.Deleted, Object(text), kept =>
        {
            connection.Run("DELETE FROM transitions WHERE uid = $uid", ("$uid", kept.Metadata.Uid));
            return connection.Run("DELETE FROM vms WHERE uid = $uid", ("$uid", kept.Metadata.Uid)) > 0;
        });
    }

    /// <summary>The changes behind a version, in their order.</summary>
    public IReadOnlyList<KeptChange> ChangesAfter(long version, int most) => Locked(() => connection.Rows(
        "SELECT version, type, object FROM changes WHERE version > $version ORDER BY version LIMIT $most",
        static row => new KeptChange(row.GetInt64(0), row.GetString(1), Object(row.GetString(2))),
        ("$version", version), ("$most", most)));

    /// <summary>A VM's history, the oldest first.</summary>
    public IReadOnlyList<TransitionReport> TransitionsOf(string uid) => Locked(() => connection.Rows(
        "SELECT start, sequence, time, phase, reason, exit_code FROM transitions WHERE uid = $uid ORDER BY id",
        static row => new TransitionReport(
            new AgentStart(row.GetString(0), default),
            row.GetInt64(1),
            row.GetDateTimeOffset(2),
            Enum.Parse<Contracts.VmPhase>(row.GetString(3)),
            row.IsDBNull(4) ? null : row.GetString(4),
            row.IsDBNull(5) ? null : row.GetInt32(5)),
        ("$uid", uid)));

    private void Keep(string uid, TransitionReport transition)
    {
        connection.Run(
            """
            INSERT INTO transitions (uid, start, sequence, time, phase, reason, exit_code)
            VALUES ($uid, $start, $sequence, $time, $phase, $reason, $exit) ON CONFLICT DO NOTHING
            """,
            ("$uid", uid), ("$start", transition.Start.Id), ("$sequence", transition.Sequence), ("$time", transition.Time),
            ("$phase", transition.Phase.ToString()), ("$reason", transition.Reason), ("$exit", transition.ExitCode));
        connection.Run(
            "DELETE FROM transitions WHERE uid = $uid AND id <= (SELECT id FROM transitions WHERE uid = $uid ORDER BY id DESC LIMIT 1 OFFSET $most)",
            ("$uid", uid), ("$most", MostTransitions));
    }

    /// <returns>The object with its version; null where there was nothing to write.</returns>
    private VirtualMachineInstance? Change(string type, VirtualMachineInstance vm, Func<VirtualMachineInstance, bool> write) => Locked(() =>
    {
        using var transaction = connection.BeginTransaction(deferred: false);
        var version = Latest() + 1;
        var kept = vm with { Metadata = vm.Metadata with { ResourceVersion = version.ToString(System.Globalization.CultureInfo.InvariantCulture) } };
        if (!write(kept))
        {
            return null;
        }

        connection.Run(
            "INSERT INTO changes (version, type, namespace, name, object) VALUES ($version, $type, $namespace, $name, $object)",
            ("$version", version), ("$type", type), ("$namespace", kept.Metadata.Namespace), ("$name", kept.Metadata.Name), ("$object", Text(kept)));
        connection.Run("DELETE FROM changes WHERE version <= $old", ("$old", version - MostChanges));
        transaction.Commit();
        return kept;
    });

    private long Latest() => connection.Value<long>("SELECT seq FROM sqlite_sequence WHERE name = 'changes'");

    private T Locked<T>(Func<T> run)
    {
        try
        {
            lock (_gate)
            {
                return run();
            }
        }
        catch (SqliteException e)
        {
            throw new CoordinatorException(
                FailureReason.Unavailable, $"{connection.DataSource} cannot be read or written: {e.Message}; see that its disk is there and not full", e);
        }
    }

    private static string Text(VirtualMachineInstance vm) => JsonSerializer.Serialize(vm, ApiJson.Default.VirtualMachineInstance);

    private static VirtualMachineInstance Object(string text) => JsonSerializer.Deserialize(text, ApiJson.Default.VirtualMachineInstance)!;
}
