using System.Net.Security;
using System.Reflection;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Hosting;

/// <summary>
/// OpenSSL keeps its two record buffers with each connection although nothing goes over it: of their 34 KiB a link touches 9, which are 90 MiB
/// of 10,000 links. With <c>SSL_MODE_RELEASE_BUFFERS</c> it gives them back whenever they are empty. .NET has no way to ask for that, and no option
/// or environment variable of OpenSSL's does. So the connection's own handle is looked for in <see cref="SslStream"/>, and each part of what
/// is found must be what it was when this was written; otherwise nothing is touched, and the buffers stay.
///
/// Tickets, by which a client could begin its next session sooner, leave 1.2 KiB more with each connection. A link lasts for days and needs none; .NET
/// leaves them out only where each connection has a context of its own, which costs more. So the listener's context is told here, by its first connection.
/// </summary>
internal static partial class TlsBuffers
{
    /// <summary>From OpenSSL's ssl.h, alike in 1.1 and 3.x.</summary>
    private const int ControlMode = 33;
    private const nint ReleaseBuffers = 0x10;

    private static readonly FieldInfo? HandleOf = typeof(SslStream).GetField("_securityContext", BindingFlags.Instance | BindingFlags.NonPublic);
    private static readonly Lazy<Functions?> OpenSsl = new(Find);

    private static int _isTold;

    private delegate nint SslControl(SafeHandle connection, int command, nint number, nint pointer);

    private delegate nint ContextOf(SafeHandle connection);

    private delegate int SetTickets(nint context, nuint count);

    /// <summary>For the connections of a listener, once they are secure.</summary>
    public static void Around(ListenOptions listen, ILogger log) => listen.Use(next => connection =>
    {
        if (connection.Features.Get<ISslStreamFeature>() is { } secure && !Release(secure.SslStream) && Interlocked.Exchange(ref _isTold, 1) == 0)
        {
            LogKept(log);
        }

        return next(connection);
    });

    /// <summary>Nothing may be read from the stream or written to it meanwhile.</summary>
    /// <returns>Whether OpenSSL gives the buffers back from now on.</returns>
    public static bool Release(SslStream stream) =>
        HandleOf?.GetValue(stream) is SafeHandle { IsInvalid: false, IsClosed: false } handle
        && handle.GetType().FullName == "Microsoft.Win32.SafeHandles.SafeSslHandle"
        && OpenSsl.Value is { } openSsl
        && openSsl.SetTickets(openSsl.ContextOf(handle), 0) == 1
        && (openSsl.Control(handle, ControlMode, ReleaseBuffers, 0) & ReleaseBuffers) != 0;

    /// <summary>Of the library that .NET has loaded: by its path, for another version of it would take the handle for something else.</summary>
    private static Functions? Find()
    {
        string[] loaded;
        try
        {
            loaded = [.. File.ReadLines("/proc/self/maps").Select(static line => line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries))
                .Where(static parts => parts.Length == 6 && Path.GetFileName(parts[5]).StartsWith("libssl.so", StringComparison.Ordinal))
                .Select(static parts => parts[5]).Distinct()];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        return loaded is [var only] && NativeLibrary.TryLoad(only, out var library)
            && NativeLibrary.TryGetExport(library, "SSL_ctrl", out var control)
            && NativeLibrary.TryGetExport(library, "SSL_get_SSL_CTX", out var context)
            && NativeLibrary.TryGetExport(library, "SSL_CTX_set_num_tickets", out var tickets)
            ? new Functions(
                Marshal.GetDelegateForFunctionPointer<SslControl>(control),
                Marshal.GetDelegateForFunctionPointer<ContextOf>(context),
                Marshal.GetDelegateForFunctionPointer<SetTickets>(tickets))
            : null;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "OpenSSL keeps its buffers with each connection: this version of .NET or OpenSSL is not the one that is known; give 100 MiB more for 10,000 VMs")]
    private static partial void LogKept(ILogger log);

    private sealed record Functions(SslControl Control, ContextOf ContextOf, SetTickets SetTickets);
}
