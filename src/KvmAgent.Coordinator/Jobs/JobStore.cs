using System.Data.Common;
using System.Globalization;
using System.Text;
using System.Text.Json;
using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Store;

namespace KvmAgent.Coordinator.Jobs;

/// <param name="Version">Another with each change.</param>
internal sealed record StoredJob(JobSummary Job, long Version);

/// <summary>A job as far as who may see it depends on it.</summary>
internal sealed record JobLine(string Id, string Provider, string Namespace, string Owner);

/// <summary>Jobs as they are kept: <c>job</c> is all of one, as JSON; the other columns are what is asked for. The newest of those that are over are kept.</summary>
internal sealed class JobStore(RecordStore records)
{
    public const int MostOver = 5000;

    public const string Migration =
        """
        CREATE TABLE jobs (
            id TEXT PRIMARY KEY, version BIGINT NOT NULL, kind TEXT NOT NULL, status TEXT NOT NULL, provider TEXT NOT NULL, namespace TEXT NOT NULL, owner TEXT NOT NULL,
            created BIGINT NOT NULL, job TEXT NOT NULL);
        CREATE INDEX jobs_created ON jobs (created);
        CREATE INDEX jobs_status ON jobs (status);
        """;

    private const string Open = "status IN ('pending', 'running')";

    public Task AddAsync(JobSummary job, CancellationToken cancel) => records.WriteAsync(
        async session =>
        {
            await session.RunAsync(
                """
                INSERT INTO jobs (id, version, kind, status, provider, namespace, owner, created, job)
                VALUES (@id, 1, @kind, @status, @provider, @namespace, @owner, @created, @job)
                """,
                ("@id", job.Id), ("@kind", job.Kind), ("@status", job.Status), ("@provider", job.Provider), ("@namespace", job.Namespace), ("@owner", job.Owner),
                ("@created", RecordTime.Kept(job.CreatedAt)), ("@job", Text(job))).ConfigureAwait(false);
            return await session.RunAsync(
                $"DELETE FROM jobs WHERE NOT {Open} AND created <= (SELECT created FROM jobs ORDER BY created DESC LIMIT 1 OFFSET @most)", ("@most", (long)MostOver)).ConfigureAwait(false);
        },
        cancel);

    public Task<StoredJob?> FindAsync(string id, CancellationToken cancel) => records.ReadAsync(
        async session => (await session.RowsAsync("SELECT job, version FROM jobs WHERE id = @id", Read, ("@id", id)).ConfigureAwait(false)).SingleOrDefault(), cancel);

    /// <returns>As it is kept then; null where it has been changed since, or is gone.</returns>
    public Task<StoredJob?> ReplaceAsync(StoredJob former, JobSummary next, CancellationToken cancel) => records.WriteAsync(
        async session => await session.RunAsync(
            "UPDATE jobs SET version = version + 1, status = @status, job = @job WHERE id = @id AND version = @version",
            ("@status", next.Status), ("@job", Text(next)), ("@id", next.Id), ("@version", former.Version)).ConfigureAwait(false) == 1 ? new StoredJob(next, former.Version + 1) : null,
        cancel);

    /// <param name="change">Of what it is; null: nothing is to be changed any more. It may be asked more than once.</param>
    /// <returns>As it is kept then; null where there is none.</returns>
    public async Task<StoredJob?> ChangeAsync(string id, Func<JobSummary, JobSummary?> change, CancellationToken cancel)
    {
        while (true)
        {
            if (await FindAsync(id, cancel).ConfigureAwait(false) is not { } job || change(job.Job) is not { } next)
            {
                return await FindAsync(id, cancel).ConfigureAwait(false);
            }

            if (await ReplaceAsync(job, next, cancel).ConfigureAwait(false) is { } changed)
            {
                return changed;
            }
        }
    }

    public Task RemoveAsync(string id, CancellationToken cancel) => records.WriteAsync(session => session.RunAsync("DELETE FROM jobs WHERE id = @id", ("@id", id)), cancel);

    /// <summary>Those that are not over, the oldest first.</summary>
    public Task<List<StoredJob>> OpenAsync(CancellationToken cancel) =>
        records.ReadAsync(static session => session.RowsAsync($"SELECT job, version FROM jobs WHERE {Open} ORDER BY created, id", Read), cancel);

    /// <summary>Those that are asked for, the newest first.</summary>
    /// <param name="statuses">Empty: all.</param>
    /// <param name="ids">Empty: all.</param>
    public Task<List<JobLine>> LinesAsync(IReadOnlyList<string> statuses, string? provider, string? kind, IReadOnlyList<string> ids, CancellationToken cancel)
    {
        var sql = new StringBuilder("SELECT id, provider, namespace, owner FROM jobs WHERE 1 = 1");
        var parameters = new List<(string, object?)>();
        In("status", statuses);
        In("provider", provider is null ? [] : [provider]);
        In("kind", kind is null ? [] : [kind]);
        In("id", ids);
        sql.Append(" ORDER BY created DESC, id DESC");
        return records.ReadAsync(session => session.RowsAsync(sql.ToString(), static row => new JobLine(row.GetString(0), row.GetString(1), row.GetString(2), row.GetString(3)), [.. parameters]), cancel);

        void In(string column, IReadOnlyList<string> values)
        {
            if (values.Count > 0)
            {
                sql.Append(CultureInfo.InvariantCulture, $" AND {column} IN ({Names(column, values, parameters)})");
            }
        }
    }

    /// <summary>Those that are there yet, in the order of their ids.</summary>
    public async Task<IReadOnlyList<JobSummary>> ReadAsync(IReadOnlyList<string> ids, CancellationToken cancel)
    {
        if (ids.Count == 0)
        {
            return [];
        }

        var parameters = new List<(string, object?)>();
        var sql = $"SELECT job, version FROM jobs WHERE id IN ({Names("id", ids, parameters)})";
        var all = (await records.ReadAsync(session => session.RowsAsync(sql, Read, [.. parameters]), cancel).ConfigureAwait(false)).ToDictionary(static j => j.Job.Id);
        return [.. ids.Where(all.ContainsKey).Select(id => all[id].Job)];
    }

    private static string Names(string column, IReadOnlyList<string> values, List<(string, object?)> parameters)
    {
        var names = values.Select((_, number) => string.Create(CultureInfo.InvariantCulture, $"@{column}{number}")).ToList();
        parameters.AddRange(names.Zip(values, static (name, value) => (name, (object?)value)));
        return string.Join(", ", names);
    }

    private static string Text(JobSummary job) => JsonSerializer.Serialize(job, RestJson.Default.JobSummary);

    private static StoredJob Read(DbDataReader row) => new(JsonSerializer.Deserialize(row.GetString(0), RestJson.Default.JobSummary)!, row.GetInt64(1));
}
