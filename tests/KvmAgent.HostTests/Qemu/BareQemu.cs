using System.Diagnostics;
using KvmAgent.Qemu;

namespace KvmAgent.HostTests.Qemu;

/// <summary>A QEMU without a disk, its CPU not started, in a directory of its own.</summary>
internal sealed class BareQemu : IAsyncDisposable
{
    private readonly Process _process;

    private BareQemu(DirectoryInfo directory, Process process)
    {
        Directory = directory.FullName;
        _process = process;
        Exited = process.WaitForExitAsync();
    }

    public string Directory { get; }

    public string Qmp => Path.Combine(Directory, "qmp.sock");

    public int Pid => _process.Id;

    public Task Exited { get; }

    /// <summary><c>{dir}</c> in an argument stands for the directory.</summary>
    public static BareQemu Start(params string[] arguments)
    {
        var directory = System.IO.Directory.CreateTempSubdirectory("kvm-agent-qemu-");
        string[] all =
        [
            "-nodefaults", "-no-user-config", "-display", "none", "-accel", "tcg", "-S",
            "-qmp", "unix:{dir}/qmp.sock,server=on,wait=off", .. arguments,
        ];
        var process = Process.Start("qemu-system-x86_64", all.Select(argument => argument.Replace("{dir}", directory.FullName)));
        return new BareQemu(directory, process);
    }

    public Task<QmpClient> ConnectAsync() => QmpClient.ConnectAsync(Qmp, TimeSpan.FromSeconds(20), Exited, TimeProvider.System);

    public void Kill() => _process.Kill();

    public async ValueTask DisposeAsync()
    {
        if (!Exited.IsCompleted)
        {
            Kill();
            await Exited;
        }

        _process.Dispose();
        System.IO.Directory.Delete(Directory, recursive: true);
    }
}
