namespace KvmAgent.Coordinator.Jobs;

/// <summary>Jobs as they are kept: <c>job</c> is all of one, as JSON; the other columns are what is asked for.</summary>
internal static class JobTable
{
    public const string Migration =
        """
        CREATE TABLE jobs (
            id TEXT PRIMARY KEY, version BIGINT NOT NULL, status TEXT NOT NULL, provider TEXT NOT NULL, namespace TEXT NOT NULL, owner TEXT NOT NULL,
            created BIGINT NOT NULL, job TEXT NOT NULL);
        CREATE INDEX jobs_created ON jobs (created);
        CREATE INDEX jobs_status ON jobs (status);
        """;
}
