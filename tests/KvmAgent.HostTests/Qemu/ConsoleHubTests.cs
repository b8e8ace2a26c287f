using System.Threading.Channels;
using KvmAgent.Qemu;

namespace KvmAgent.HostTests.Qemu;

/// <summary>The shared console with a real QEMU, whose firmware writes to the serial line.</summary>
public sealed class ConsoleHubTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task What_the_firmware_prints_is_in_the_log_and_on_the_console_of_one_machine_after_another()
    {
        var directory = Directory.CreateTempSubdirectory("kvm-agent-console-");
        var lines = Channel.CreateUnbounded<string>();
        try
        {
            var path = Path.Combine(directory.FullName, "console.sock");
            await using var hub = ConsoleHub.Start(path, line => lines.Writer.TryWrite(line), TimeProvider.System);
            for (var machine = 0; machine < 2; machine++)
            {
                await using var qemu = BareQemu.Start(
                    "-machine", "q35,graphics=off", "-serial", "chardev:console",
                    "-chardev", "socket,path={dir}/serial.sock,server=on,wait=off,id=console");
                await using var qmp = await qemu.ConnectAsync();
                await hub.AttachGuestAsync(Path.Combine(qemu.Directory, "serial.sock"), Limit, qemu.Exited);
                await qmp.ContinueAsync();

                (await ReadUntilAsync(lines.Reader, "SeaBIOS")).ShouldStartWith("SeaBIOS (version ");
                (await ReadUntilAsync(lines.Reader, "No bootable device.")).ShouldBe("No bootable device.");
                await qmp.QuitAsync();
                await qemu.Exited.WaitAsync(Limit);
                await hub.DetachGuestAsync();
            }
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static async Task<string> ReadUntilAsync(ChannelReader<string> lines, string text)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (true)
        {
            var line = await lines.ReadAsync(limit.Token);
            if (line.Contains(text, StringComparison.Ordinal))
            {
                return line;
            }
        }
    }
}
