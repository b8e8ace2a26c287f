using System.Globalization;
using Microsoft.Data.Sqlite;

namespace KvmAgent.Coordinator.Alone.Store;

/// <summary>
/// Opens <c>coordinator.db</c>: SQLite in WAL mode, so that <c>forget</c> and people's own queries read and write beside the coordinator. The
/// form of it is counted in <c>user_version</c>, and only goes forward: a program opens what is its own or older, and refuses what is newer.
/// </summary>
internal static class Database
{
    private const int BusySeconds = 10;

    /// <summary>Each makes the next version of the one before; what has been released is not changed any more.</summary>
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

    public static int Version => Migrations.Length;

    /// <summary>For the coordinator: makes the database where there is none, and brings it to this program's version.</summary>
    /// <exception cref="CoordinatorException">It is damaged, of a newer program, or cannot be written.</exception>
    public static SqliteConnection OpenOrCreate(string path) => Guard(path, () =>
    {
        if (!File.Exists(path))
        {
            Create(path);
        }

        return Open(path, Migrate);
    });

    /// <summary>For a command beside a coordinator: only what is there, and of this program's version.</summary>
    /// <exception cref="CoordinatorException">There is none, it is damaged, or of another version.</exception>
    public static SqliteConnection OpenExisting(string path) => Guard(path, () => File.Exists(path)
        ? Open(path, connection =>
        {
            if (VersionOf(connection) is var version && version != Version)
            {
                throw WrongVersion(path, version, "start kvm-coordinator alone once, which brings it up to date");
            }
        })
        : throw new CoordinatorException(FailureReason.NotFound, $"there is no {path}; set {AloneSetting.DataDir.Name} to the directory of the coordinator"));

    /// <summary>Under another name first: an empty file of the right name is then always damage, and never a new database.</summary>
    private static void Create(string path)
    {
        var temporary = path + ".new";
        File.Delete(temporary);
        // Of a database that was moved away: SQLite would take them for this one's.
        File.Delete(path + "-wal");
        File.Delete(path + "-shm");
        using (File.Open(temporary, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = DataDirectory.OwnerReads }))
        {
        }

        using (var connection = Connect(temporary))
        {
            Migrate(connection);
        }

        File.Move(temporary, path);
    }

    private static SqliteConnection Open(string path, Action<SqliteConnection> prepare)
    {
        if (new FileInfo(path).Length == 0)
        {
            throw Damaged(path, "it is empty", null);
        }

        var connection = Connect(path);
        try
        {
            connection.Run("PRAGMA journal_mode = WAL");
            if (connection.Value<string>("PRAGMA quick_check(1)") is var check && check != "ok")
            {
                throw Damaged(path, check ?? "", null);
            }

            prepare(connection);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private static SqliteConnection Connect(string path)
    {
        // A pool would keep the file open when its connection is closed.
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false, DefaultTimeout = BusySeconds }.ConnectionString);
        connection.Open();
        return connection;
    }

    private static void Migrate(SqliteConnection connection)
    {
        var version = VersionOf(connection);
        if (version > Version)
        {
            throw WrongVersion(connection.DataSource, version, "run the newer kvm-coordinator that wrote it, or put back a copy from before");
        }

        for (; version < Version; version++)
        {
            using var transaction = connection.BeginTransaction(deferred: false);
            connection.Run(Migrations[version]);
            connection.Run(string.Create(CultureInfo.InvariantCulture, $"PRAGMA user_version = {version + 1}"));
            transaction.Commit();
        }
    }

    private static long VersionOf(SqliteConnection connection) => connection.Value<long>("PRAGMA user_version");

    private static SqliteConnection Guard(string path, Func<SqliteConnection> open)
    {
        try
        {
            return open();
        }
        catch (SqliteException e) when (e.SqliteErrorCode is SQLitePCL.raw.SQLITE_NOTADB or SQLitePCL.raw.SQLITE_CORRUPT)
        {
            throw Damaged(path, e.Message, e);
        }
        catch (Exception e) when (e is SqliteException or IOException or UnauthorizedAccessException)
        {
            throw new CoordinatorException(FailureReason.Data, $"{path} cannot be opened: {e.Message}; see that it is the coordinator's own, and that its disk is not full", e);
        }
    }

    private static CoordinatorException Damaged(string path, string why, Exception? inner) => new(
        FailureReason.Data, $"{path} is no database, or a damaged one: {why}; put back a copy of it, or move it away: then agents enrol anew, and their history is lost", inner);

    private static CoordinatorException WrongVersion(string path, long version, string remedy) => new(
        FailureReason.Data, $"{path} is of version {version}, and this program's is {Version}; {remedy}");
}
