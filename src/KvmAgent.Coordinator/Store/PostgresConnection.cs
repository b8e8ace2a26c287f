using System.Text.RegularExpressions;
using Npgsql;

namespace KvmAgent.Coordinator.Store;

/// <summary>Connection strings: Npgsql's <c>Host=…;Username=…</c>, and the URIs of libpq that most Secrets have.</summary>
internal static partial class PostgresConnection
{
    /// <exception cref="CoordinatorException">It is neither; nothing of it is told, for it has a password.</exception>
    public static string Of(string text, string setting, string file)
    {
        try
        {
            var builder = LibpqUri().Match(text) is { Success: true } uri ? OfUri(uri) : new NpgsqlConnectionStringBuilder(text);
            if (string.IsNullOrEmpty(builder.Host))
            {
                throw new FormatException("it names no host");
            }

            Default(builder, "Application Name", "kvm-coordinator");
            // A database that says nothing holds a request up no longer than that.
            Default(builder, "Timeout", 5);
            Default(builder, "Command Timeout", 10);
            Default(builder, "Maximum Pool Size", 10);
            Default(builder, "Keepalive", 30);
            Default(builder, "GSS Encryption Mode", GssEncryptionMode.Disable);
            return builder.ConnectionString;
        }
        catch (Exception e) when (e is ArgumentException or FormatException or OverflowException or InvalidCastException or KeyNotFoundException)
        {
            // Npgsql names keywords, and of values none but those of keywords; what it might quote of a text without any is left out.
            var why = e is FormatException { InnerException: null } ? e.Message : "its form is unknown";
            throw new CoordinatorException(
                FailureReason.Data,
                $"{setting}=\"{file}\" has no connection string of PostgreSQL: {why}; write there postgresql://USER:PASSWORD@HOST:PORT/DATABASE or Host=HOST;Username=USER;Password=PASSWORD;Database=DATABASE");
        }
    }

    private static NpgsqlConnectionStringBuilder OfUri(Match uri)
    {
        var builder = new NpgsqlConnectionStringBuilder();
        Set("Username", "user");
        Set("Password", "password");
        Set("Host", "host");
        Set("Port", "port");
        Set("Database", "database");
        foreach (var pair in uri.Groups["query"].Value.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, value) = pair.Split('=', 2) is [var n, var v] ? (n, Uri.UnescapeDataString(v)) : throw new FormatException("one of its parameters is no NAME=VALUE");
            builder[Keyword(name)] = name == "sslmode" ? value.Replace("-", "", StringComparison.Ordinal) : value;
        }

        return builder;

        void Set(string keyword, string group)
        {
            if (uri.Groups[group] is { Length: > 0 } part)
            {
                builder[keyword] = Uri.UnescapeDataString(part.Value);
            }
        }
    }

    /// <summary>libpq's, where Npgsql has another.</summary>
    private static string Keyword(string name) => name switch
    {
        "sslmode" => "SSL Mode",
        "sslrootcert" => "Root Certificate",
        "sslcert" => "SSL Certificate",
        "sslkey" => "SSL Key",
        "host" => "Host",
        "port" => "Port",
        "user" => "Username",
        "password" => "Password",
        "dbname" => "Database",
        "application_name" => "Application Name",
        "connect_timeout" => "Timeout",
        "options" => "Options",
        "target_session_attrs" => "Target Session Attributes",
        _ => throw new FormatException($"its parameter {name} is not known"),
    };

    private static void Default(NpgsqlConnectionStringBuilder builder, string keyword, object value)
    {
        if (!builder.ContainsKey(keyword) || !builder.ShouldSerialize(keyword))
        {
            builder[keyword] = value;
        }
    }

    /// <summary>It may name several hosts, by commas, or none: then a parameter does.</summary>
    [GeneratedRegex(@"^postgres(ql)?://((?<user>[^:@/?]*)(:(?<password>[^@/?]*))?@)?(\[(?<host>[0-9a-fA-F:.]+)\]|(?<host>[^/?\[\]:,]*|[^/?\[\],]+(,[^/?\[\],]+)+))(:(?<port>[0-9]+))?(/(?<database>[^?]*))?(\?(?<query>.*))?\z", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex LibpqUri();
}
