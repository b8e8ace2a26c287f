using System.Globalization;
using KvmAgent.HostTests.Support;
using KvmAgent.Processes;

namespace KvmAgent.HostTests.Guests;

/// <summary>A distribution as people run it: what the agent hands over is what its cloud-init acts upon.</summary>
public class DebianGuestTests
{
    private const long GiB = 1L << 30;

    [Fact]
    public async Task Debians_cloud_init_acts_upon_the_config_drive_once_and_the_power_button_ends_it()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        var key = Path.Combine(pod.Directory, "key");
        await ProcessRunner.RunAsync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", key]);
        var publicKey = (await File.ReadAllTextAsync($"{key}.pub")).Trim();
        var userdata = Path.Combine(pod.Directory, "userdata");
        // One host key only: the others take emulation long to make.
        await File.WriteAllTextAsync(userdata, $"""
            #cloud-config
            ssh_genkeytypes: [ed25519]
            ssh_authorized_keys:
              - {publicKey}
            runcmd:
              - echo "ran on $(hostname)" >>/var/lib/runcmd

            """);
        var environment = new Dictionary<string, string> { ["VM_NAME"] = "bookworm", ["VM_DISK_SIZE"] = "3Gi", ["USERDATA_FILE"] = userdata };

        string hostKey, instance;
        await using (var first = await DebianGuest.StartAsync(pod, key, environment))
        {
            await first.ReadyAsync();
            (await first.SshAsync("hostname")).ShouldBe("bookworm", first.Said);
            (await first.SshAsync("cat /var/lib/runcmd")).ShouldBe("ran on bookworm", first.Said);
            (await first.SshAsync("cat ~/.ssh/authorized_keys")).ShouldBe(publicKey, first.Said);
            (await first.SshAsync("cat /run/systemd/resolve/resolv.conf")).Split('\n').ShouldContain("nameserver 10.96.0.10", first.Said);
            long.Parse(await first.SshAsync("df -B1 --output=size / | tail -n 1"), CultureInfo.InvariantCulture).ShouldBeGreaterThan(2 * GiB, first.Said);
            (hostKey, instance) = await IdentityAsync(first);
            (await first.StopAsync()).ShouldBe(0, first.Said);
        }

        await using var second = await DebianGuest.StartAsync(pod, key, environment);
        await second.ReadyAsync();
        (await IdentityAsync(second)).ShouldBe((hostKey, instance), second.Said);
        (await second.SshAsync("cat /var/lib/runcmd")).ShouldBe("ran on bookworm", second.Said);
        (await second.StopAsync()).ShouldBe(0, second.Said);
    }

    private static async Task<(string HostKey, string Instance)> IdentityAsync(DebianGuest guest) =>
        (await guest.SshAsync("cat /etc/ssh/ssh_host_ed25519_key.pub"), await guest.SshAsync("cat /var/lib/cloud/data/instance-id"));
}
