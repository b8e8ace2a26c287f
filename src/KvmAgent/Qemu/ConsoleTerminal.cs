using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace KvmAgent.Qemu;

/// <summary>A terminal in raw mode: every key goes through as it is. What it was before comes back when this is disposed.</summary>
internal sealed unsafe partial class ConsoleTerminal : IDisposable
{
    /// <summary>More than any libc's <c>struct termios</c> (glibc: 60 bytes), whose inside is none of our business.</summary>
    private const int TermiosSize = 256;

    /// <summary>TCSANOW: a terminal that has been stopped with Ctrl-S would never drain.</summary>
    private const int Now = 0;

    private readonly int _descriptor;
    private readonly byte[] _before = new byte[TermiosSize];

    private ConsoleTerminal(int descriptor) => _descriptor = descriptor;

    /// <summary>Standard input, byte by byte: on a terminal the runtime's own stream of it reads, edits and echoes lines, however raw that is.</summary>
    public static FileStream OpenInput() => new(new SafeFileHandle(0, ownsHandle: false), FileAccess.Read, bufferSize: 0);

    /// <returns>Null where the descriptor is no terminal.</returns>
    public static ConsoleTerminal? TryMakeRaw(int descriptor)
    {
        var terminal = new ConsoleTerminal(descriptor);
        fixed (byte* before = terminal._before)
        {
            if (GetAttributes(descriptor, before) != 0)
            {
                return null;
            }
        }

        var raw = stackalloc byte[TermiosSize];
        terminal._before.CopyTo(new Span<byte>(raw, TermiosSize));
        MakeRaw(raw);
        return SetAttributes(descriptor, Now, raw) == 0
            ? terminal
            : throw new IOException($"cannot make the terminal raw: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    public void Dispose()
    {
        fixed (byte* before = _before)
        {
            _ = SetAttributes(_descriptor, Now, before);
        }
    }

    [LibraryImport("libc", EntryPoint = "tcgetattr", SetLastError = true)]
    private static partial int GetAttributes(int descriptor, byte* attributes);

    [LibraryImport("libc", EntryPoint = "tcsetattr", SetLastError = true)]
    private static partial int SetAttributes(int descriptor, int when, byte* attributes);

    [LibraryImport("libc", EntryPoint = "cfmakeraw")]
    private static partial void MakeRaw(byte* attributes);
}
