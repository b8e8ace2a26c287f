using System.Buffers.Binary;
using System.Data.Common;
using System.Security.Cryptography;
using System.Text;

namespace KvmAgent.Coordinator.Store;

/// <summary>
/// Statements that SQLite and PostgreSQL understand alike: parameters are <c>@name</c>, columns TEXT, BIGINT or {BLOB}, times milliseconds since 1970
/// (<see cref="RecordTime"/>), <c>ON CONFLICT</c> and <c>RETURNING</c> are there. PostgreSQL does not guess types: no <c>@name IS NULL</c>.
/// </summary>
internal sealed class RecordSession(DbConnection connection, DbTransaction? transaction, string? lockStatement, CancellationToken cancel)
{
    /// <returns>How many rows it touched.</returns>
    public Task<int> RunAsync(string sql, params ReadOnlySpan<(string Name, object? Value)> parameters) => ExecuteAsync(Command(sql, parameters));

    /// <returns>The first row's first column; null, or a number's 0, where there is none.</returns>
    public Task<T?> ValueAsync<T>(string sql, params ReadOnlySpan<(string Name, object? Value)> parameters) => ScalarAsync<T>(Command(sql, parameters));

    public Task<List<T>> RowsAsync<T>(string sql, Func<DbDataReader, T> read, params ReadOnlySpan<(string Name, object? Value)> parameters) =>
        ReadAsync(Command(sql, parameters), read);

    /// <summary>Until its end this transaction is the only one that has the lock, of all replicas.</summary>
    /// <param name="name">What all agree upon, such as a table's.</param>
    public Task LockAsync(string name) => lockStatement is null
        ? Task.CompletedTask
        : RunAsync(lockStatement, ("@key", BinaryPrimitives.ReadInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(name)))));

    private async Task<int> ExecuteAsync(DbCommand command)
    {
        await using (command.ConfigureAwait(false))
        {
            return await command.ExecuteNonQueryAsync(cancel).ConfigureAwait(false);
        }
    }

    private async Task<T?> ScalarAsync<T>(DbCommand command)
    {
        await using (command.ConfigureAwait(false))
        {
            return await command.ExecuteScalarAsync(cancel).ConfigureAwait(false) is { } value and not DBNull ? (T)value : default;
        }
    }

    private async Task<List<T>> ReadAsync<T>(DbCommand command, Func<DbDataReader, T> read)
    {
        await using (command.ConfigureAwait(false))
        {
            var reader = await command.ExecuteReaderAsync(cancel).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                var rows = new List<T>();
                while (await reader.ReadAsync(cancel).ConfigureAwait(false))
                {
                    rows.Add(read(reader));
                }

                return rows;
            }
        }
    }

    private DbCommand Command(string sql, ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        var command = connection.CreateCommand();
        command.Transaction = transaction;
#pragma warning disable CA2100 // Every statement is made of constants.
        command.CommandText = sql;
#pragma warning restore CA2100
        foreach (var (name, value) in parameters)
        {
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = (name, value ?? DBNull.Value);
            command.Parameters.Add(parameter);
        }

        return command;
    }
}

/// <summary>Times as they are kept: milliseconds since 1970, the same in every database.</summary>
internal static class RecordTime
{
    public static long Kept(DateTimeOffset time) => time.ToUnixTimeMilliseconds();

    public static DateTimeOffset Read(DbDataReader row, int column) => DateTimeOffset.FromUnixTimeMilliseconds(row.GetInt64(column));
}
