using System.Globalization;
using Microsoft.Data.Sqlite;

namespace KvmAgent.Coordinator.Store;

/// <summary>
/// A database in a file: SQLite in WAL mode, so that commands and people's own queries read and write beside the coordinator. The form of it is
/// counted in <c>user_version</c>, and only goes forward: a program opens what is its own or older, and refuses what is newer.
/// </summary>
/// <param name="path">Its file; the directory must be there.</param>
/// <param name="migrations">Each makes the next version of the one before; what has been released is not changed any more.</param>
/// <param name="setting">What says where it is.</param>
/// <param name="loss">What is the consequence of moving it away.</param>
internal sealed class SqliteFile(string path, IReadOnlyList<string> migrations, string setting, string loss)
{
    private const int BusySeconds = 10;

    private const UnixFileMode OwnerReads = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>For the coordinator: makes the database where there is none, and brings it to this program's version.</summary>
    /// <exception cref="CoordinatorException">It is damaged, of a newer program, or cannot be written.</exception>
    public SqliteConnection OpenOrCreate() => Guard(() =>
    {
        if (!File.Exists(path))
        {
            Create();
        }

        return Open(Migrate);
    });

    /// <summary>For a command beside a coordinator: only what is there, and of this program's version.</summary>
    /// <exception cref="CoordinatorException">There is none, it is damaged, or of another version.</exception>
    public SqliteConnection OpenExisting() => Guard(() => File.Exists(path)
        ? Open(connection =>
        {
            if (VersionOf(connection) is var version && version != migrations.Count)
            {
                throw WrongVersion(version, "start the coordinator once, which brings it up to date");
            }
        })
        : throw new CoordinatorException(FailureReason.NotFound, $"there is no {path}; set {setting} to where the coordinator's is"));

    /// <summary>Under another name first: an empty file of the right name is then always damage, and never a new database.</summary>
    private void Create()
    {
        var temporary = path + ".new";
        File.Delete(temporary);
        // Of a database that was moved away: SQLite would take them for this one's.
        File.Delete(path + "-wal");
        File.Delete(path + "-shm");
        using (File.Open(temporary, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerReads }))
        {
        }

        using (var connection = Connect(temporary))
        {
            Migrate(connection);
        }

        File.Move(temporary, path);
    }

    private SqliteConnection Open(Action<SqliteConnection> prepare)
    {
        if (new FileInfo(path).Length == 0)
        {
            throw Damaged("it is empty", null);
        }

        var connection = Connect(path);
        try
        {
            connection.Run("PRAGMA journal_mode = WAL");
            // Nothing else need be writable.
            connection.Run("PRAGMA temp_store = MEMORY");
            if (connection.Value<string>("PRAGMA quick_check(1)") is var check && check != "ok")
            {
                throw Damaged(check ?? "", null);
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

    private void Migrate(SqliteConnection connection)
    {
        var version = VersionOf(connection);
        if (version > migrations.Count)
        {
            throw WrongVersion(version, "run the newer kvm-coordinator that wrote it, or put back a copy from before");
        }

        for (; version < migrations.Count; version++)
        {
            using var transaction = connection.BeginTransaction(deferred: false);
            connection.Run(migrations[(int)version]);
            connection.Run(string.Create(CultureInfo.InvariantCulture, $"PRAGMA user_version = {version + 1}"));
            transaction.Commit();
        }
    }

    private static long VersionOf(SqliteConnection connection) => connection.Value<long>("PRAGMA user_version");

    private SqliteConnection Guard(Func<SqliteConnection> open)
    {
        try
        {
            return open();
        }
        catch (SqliteException e) when (e.SqliteErrorCode is SQLitePCL.raw.SQLITE_NOTADB or SQLitePCL.raw.SQLITE_CORRUPT)
        {
            throw Damaged(e.Message, e);
        }
        catch (Exception e) when (e is SqliteException or IOException or UnauthorizedAccessException)
        {
            throw new CoordinatorException(FailureReason.Data, $"{path} cannot be opened: {e.Message}; see that it is the coordinator's own, and that its disk is not full", e);
        }
    }

    private CoordinatorException Damaged(string why, Exception? inner) => new(
        FailureReason.Data, $"{path} is no database, or a damaged one: {why}; put back a copy of it, or move it away: then {loss}", inner);

    private CoordinatorException WrongVersion(long version, string remedy) => new(
        FailureReason.Data, $"{path} is of version {version}, and this program's is {migrations.Count}; {remedy}");
}
