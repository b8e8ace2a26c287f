using System.Data.Common;
using System.Text.Json;
using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Store;

namespace KvmAgent.Coordinator.Builds;

/// <summary>Builds as they are kept: <c>build</c> is what was registered, as JSON; the other columns are what is counted and asked for.</summary>
internal static class BuildTable
{
    public const string Migration =
        """
        CREATE TABLE builds (id {COUNTED}, name TEXT NOT NULL, revision BIGINT NOT NULL, created BIGINT NOT NULL, build TEXT NOT NULL, UNIQUE (name, revision));
        """;

    private const string Select = "SELECT id, name, revision, created, build FROM builds";

    /// <summary>The next revision of its name.</summary>
    public static async Task<BuildSummary> AddAsync(RecordSession session, BuildRequest build, DateTimeOffset now)
    {
        await session.LockAsync($"builds {build.Name}").ConfigureAwait(false);
        var revision = 1 + await session.ValueAsync<long>("SELECT MAX(revision) FROM builds WHERE name = @name", ("@name", build.Name)).ConfigureAwait(false);
        var id = await session.ValueAsync<long>(
            "INSERT INTO builds (name, revision, created, build) VALUES (@name, @revision, @created, @build) RETURNING id",
            ("@name", build.Name), ("@revision", revision), ("@created", RecordTime.Kept(now)), ("@build", JsonSerializer.Serialize(build, RestJson.Default.BuildRequest))).ConfigureAwait(false);
        return Summary(id, revision, now, build);
    }

    /// <param name="name">Null: of all names.</param>
    /// <returns>By name, the newest first.</returns>
    public static Task<List<BuildSummary>> ListAsync(RecordSession session, string? name) => name is null
        ? session.RowsAsync($"{Select} ORDER BY name, revision DESC", Read)
        : session.RowsAsync($"{Select} WHERE name = @name ORDER BY revision DESC", Read, ("@name", name));

    public static async Task<BuildSummary?> FindAsync(RecordSession session, long id) =>
        await session.RowsAsync($"{Select} WHERE id = @id", Read, ("@id", id)).ConfigureAwait(false) is [var found] ? found : null;

    private static BuildSummary Read(DbDataReader row) =>
        Summary(row.GetInt64(0), row.GetInt64(2), RecordTime.Read(row, 3), JsonSerializer.Deserialize(row.GetString(4), RestJson.Default.BuildRequest)!);

    private static BuildSummary Summary(long id, long revision, DateTimeOffset created, BuildRequest build) => new()
    {
        Id = id,
        Name = build.Name,
        Revision = (int)revision,
        BuildHost = build.BuildHost,
        ActionId = build.ActionId,
        RepoDigests = build.RepoDigests ?? [],
        ImageId = build.ImageId,
        CreatedAt = created,
    };
}
