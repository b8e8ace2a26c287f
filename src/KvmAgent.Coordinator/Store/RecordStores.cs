using KvmAgent.Coordinator.Alone;
using KvmAgent.Coordinator.Hosting;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Store;

/// <summary>Which database it is, by the settings.</summary>
internal static class RecordStores
{
    /// <returns>Null where none is set.</returns>
    public static RecordStore? Of(CoordinatorSettings settings, ILoggerFactory logs) => settings switch
    {
        { DatabaseFile: { } file } => new SqliteRecords(file, Setting.DatabaseFile.Name, logs.CreateLogger<RecordStore>()),
        { DatabaseConnectionFile: { } file } => new PostgresRecords(file, Setting.DatabaseConnectionFile.Name, logs.CreateLogger<RecordStore>()),
        _ => null,
    };

    /// <summary>Alone it is always there.</summary>
    public static RecordStore Of(DataDirectory directory, ILoggerFactory logs) =>
        new SqliteRecords(directory.Records, AloneSetting.DataDir.Name, logs.CreateLogger<RecordStore>());

    /// <param name="what">What needs it, in the plural.</param>
    /// <exception cref="CoordinatorException">There is none.</exception>
    public static RecordStore Demand(this RecordStore? records, string what) => records ?? throw new CoordinatorException(
        FailureReason.NotImplemented,
        $"{what} need a database, and this coordinator has none; set {Setting.DatabaseFile.Name} or {Setting.DatabaseConnectionFile.Name} (the chart's database.type)");
}
