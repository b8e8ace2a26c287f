using KvmAgent.Coordinator.Store;

namespace KvmAgent.Coordinator.Alone.Store;

/// <summary><c>coordinator.db</c>: VMs, tokens, other clusters.</summary>
internal static class AloneDatabase
{
    private static readonly string[] Migrations =
    [
        """
        CREATE TABLE tokens (purpose TEXT PRIMARY KEY, hash BLOB NOT NULL) WITHOUT ROWID;
        CREATE TABLE vms (
            namespace TEXT NOT NULL, name TEXT NOT NULL, uid TEXT NOT NULL UNIQUE, token BLOB NOT NULL UNIQUE, object TEXT NOT NULL,
            PRIMARY KEY (namespace, name)) WITHOUT ROWID;
        CREATE TABLE changes (
            version INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, object TEXT NOT NULL);
        -- 0 means something else to clients.
        INSERT INTO sqlite_sequence (name, seq) VALUES ('changes', 1);
        CREATE TABLE transitions (
            id INTEGER PRIMARY KEY, uid TEXT NOT NULL, start TEXT NOT NULL, sequence INTEGER NOT NULL,
            time TEXT NOT NULL, phase TEXT NOT NULL, reason TEXT, exit_code INTEGER, UNIQUE (uid, start, sequence));
        """,
        "CREATE TABLE providers (name TEXT PRIMARY KEY, version INTEGER NOT NULL, added TEXT NOT NULL, sealed BLOB NOT NULL) WITHOUT ROWID;",
    ];

    public static SqliteFile At(string path) => new(path, Migrations, AloneSetting.DataDir.Name, "agents enrol anew, and their history is lost");
}
