using KvmAgent.Coordinator.Builds;
using KvmAgent.Coordinator.History;
using KvmAgent.Coordinator.Jobs;

namespace KvmAgent.Coordinator.Store;

/// <summary>
/// The form of what is recorded. Each makes the next version of the one before; what has been released is not changed any more. Where the databases
/// differ there is a word in braces.
/// </summary>
internal static class RecordMigrations
{
    private static readonly string[] All =
    [
        JobStore.Migration,
        HistoryTable.Migration,
        BuildTable.Migration,
    ];

    public static IReadOnlyList<string> ForSqlite { get; } = Of("INTEGER PRIMARY KEY AUTOINCREMENT", "BLOB");

    public static IReadOnlyList<string> ForPostgres { get; } = Of("BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "BYTEA");

    /// <param name="counted">A key that the database counts up by itself.</param>
    /// <param name="blob">Bytes.</param>
    private static string[] Of(string counted, string blob) =>
        [.. All.Select(sql => sql.Replace("{COUNTED}", counted, StringComparison.Ordinal).Replace("{BLOB}", blob, StringComparison.Ordinal))];
}
