using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace KvmAgent.Tests.Qemu;

/// <summary>A terminal (pts(4)): <see cref="Terminal"/> is what a program has, the rest what the person before it does and sees.</summary>
internal sealed class PseudoTerminal : IDisposable
{
    private const int ReadWrite = 2, NoControllingTerminal = 0x100;

    private readonly FileStream _person;
    private readonly StringBuilder _screen = new();

    private PseudoTerminal(FileStream person, FileStream terminal)
    {
        _person = person;
        Terminal = terminal;
    }

    public FileStream Terminal { get; }

    public int Descriptor => (int)Terminal.SafeFileHandle.DangerousGetHandle();

    public static PseudoTerminal Open()
    {
        var person = OpenPt(ReadWrite | NoControllingTerminal);
        var name = new byte[64];
        if (person < 0 || UnlockPt(person) != 0 || PtsName(person, name, name.Length) != 0)
        {
            throw new IOException(Marshal.GetLastPInvokeErrorMessage());
        }

        var path = Encoding.ASCII.GetString(name).TrimEnd('\0');
        return new PseudoTerminal(
            new FileStream(new SafeFileHandle(person, ownsHandle: true), FileAccess.ReadWrite, 0),
            new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, 0));
    }

    /// <summary>What stty says of it.</summary>
    public string Settings()
    {
        using var stty = Process.Start(new ProcessStartInfo("stty", ["-F", Terminal.Name, "-a"]) { RedirectStandardOutput = true })!;
        var settings = stty.StandardOutput.ReadToEnd();
        stty.WaitForExit();
        stty.ExitCode.ShouldBe(0);
        return settings;
    }

    public async Task TypeAsync(string keys) => await _person.WriteAsync(Encoding.Latin1.GetBytes(keys));

    /// <returns>What came on the screen up to and with that text.</returns>
    public async Task<string> SeeAsync(string text)
    {
        var buffer = new byte[4096];
        int at;
        while ((at = _screen.ToString().IndexOf(text, StringComparison.Ordinal)) < 0)
        {
            var count = await Task.Run(() => _person.Read(buffer)).WaitAsync(Peer.Limit);
            _screen.Append(Encoding.Latin1.GetString(buffer, 0, count));
        }

        var seen = _screen.ToString(0, at + text.Length);
        _screen.Remove(0, seen.Length);
        return seen;
    }

    /// <summary>The person hangs up first, which ends the program's reading.</summary>
    public void Dispose()
    {
        _person.Dispose();
        Terminal.Dispose();
    }

    [DllImport("libc", EntryPoint = "posix_openpt", SetLastError = true)]
    private static extern int OpenPt(int flags);

    [DllImport("libc", EntryPoint = "unlockpt", SetLastError = true)]
    private static extern int UnlockPt(int descriptor);

    [DllImport("libc", EntryPoint = "ptsname_r", SetLastError = true)]
    private static extern int PtsName(int descriptor, byte[] name, nint size);
}
