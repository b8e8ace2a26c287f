using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.HostTests.Guests;
using KvmAgent.HostTests.Support;
using KvmAgent.Processes;
using static KvmAgent.HostTests.Cluster.RealServer;

namespace KvmAgent.HostTests.Cluster;

/// <summary>
/// The same with an API server that is not ours and an unmodified virtctl: KVM_TEST_KUBECONFIG names an administrator's kubeconfig of a
/// cluster without nodes that has nothing of ours but of these tests, and virtctl and kubectl are on the PATH. The server must reach localhost.
/// </summary>
[Collection(Name)]
public class RealServerTests
{
    [RealServerFact]
    public async Task Virtctl_starts_a_machine_drives_it_and_stops_it()
    {
        await using var cluster = await StartAsync();
        await cluster.CreateGuestClaimAsync("web-disk");
        await cluster.Client.CreateAsync(Kinds.VirtualMachines, GuestMachine.Of("web", "web-disk") with { Spec = GuestMachine.Of("web", "web-disk").Spec! with { RunStrategy = "Halted" } }, CancellationToken.None);
        await cluster.PrintsAsync("web", "Stopped");

        (await VirtctlAsync(cluster, "start", "web")).ShouldContain("scheduled to start");
        await cluster.PrintsAsync("web", "Running");
        (await KubectlAsync(cluster, "get", "vm,vmi")).ShouldContain("Running");

        await using (var console = Console(cluster, "web"))
        {
            await console.WaitForLineAsync("test-guest: ready");
            await console.Input.WriteAsync("echo $((6*7))-is-the-answer\n");
            await console.Input.FlushAsync();
            await console.WaitForLineAsync("42-is-the-answer");
        }

        await using (var screen = Screen(cluster, "web"))
        {
            (await BannerAsync(screen)).ShouldBe("RFB 003.008\n");
        }

        await using (var port = Background.Start("env", [$"KUBECONFIG={cluster.Kubeconfig}", "virtctl", "port-forward", "--stdio", "vm/web", "80"]))
        {
            await port.Input.WriteAsync("GET /status.json HTTP/1.0\r\n\r\n");
            await port.Input.FlushAsync();
            await port.WaitForLineAsync("boot_id");
        }

        await Until.TrueAsync(async () => Conditions.IsTrue((await cluster.InstanceAsync("web"))!.Status!.Conditions, "AgentConnected"), AgentProcess.Patience);
        (await VirtctlAsync(cluster, "guestosinfo", "web")).ShouldContain("guestAgentVersion");
        (await VirtctlAsync(cluster, "fslist", "web")).ShouldContain("/data");
        (await VirtctlAsync(cluster, "userlist", "web")).ShouldContain("\"items\": []");
        (await VirtctlAsync(cluster, "expand", "--vm", "web")).ShouldContain("kind: VirtualMachine");
        (await VirtctlAsync(cluster, "vnc", "screenshot", "web", "--file", "-")).ShouldContain("PNG");
        await using (var console = Console(cluster, "web"))
        {
            await VirtctlAsync(cluster, "soft-reboot", "web");
            await console.WaitForLineAsync("test-guest: rebooting");
            await console.WaitForLineAsync("test-guest: ready");
        }

        (await VirtctlAsync(cluster, "pause", "vm", "web")).ShouldContain("scheduled to pause");
        await cluster.PrintsAsync("web", "Paused");
        (await VirtctlAsync(cluster, "unpause", "vm", "web")).ShouldContain("scheduled to unpause");
        await cluster.PrintsAsync("web", "Running");
        var first = (await cluster.InstanceAsync("web"))!.Metadata.Uid;
        (await VirtctlAsync(cluster, "restart", "web")).ShouldContain("scheduled to restart");
        await Until.TrueAsync(async () => await cluster.InstanceAsync("web") is { } again && again.Metadata.Uid != first, AgentProcess.Patience);
        await cluster.PrintsAsync("web", "Running");
        (await VirtctlAsync(cluster, "stop", "web")).ShouldContain("scheduled to stop");
        await cluster.PrintsAsync("web", "Stopped");
        await KubectlAsync(cluster, "delete", "vm", "web", "--timeout=60s");
    }

    [RealServerFact]
    public async Task Virtctl_uploads_images_and_archives()
    {
        var files = Directory.CreateTempSubdirectory("kvmtest-upload-");
        try
        {
            var (raw, image, tar) = (Path.Combine(files.FullName, "disk.raw"), Path.Combine(files.FullName, "disk.qcow2"), Path.Combine(files.FullName, "tree.tar"));
            var disk = new byte[12 << 20];
            new Random(5).NextBytes(disk.AsSpan(1 << 20, 9 << 20));
            await File.WriteAllBytesAsync(raw, disk);
            await ProcessRunner.RunAsync("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", raw, image]);
            await ProcessRunner.RunAsync("tar", ["-C", files.FullName, "-cf", tar, "disk.qcow2"]);
            await using var cluster = await StartAsync();
            var url = $"https://127.0.0.1:{cluster.UploadPort}";

            await UploadAsync("pvc", "by-claim", "--image-path", image, "--uploadproxy-url", url);
            (await DiskAsync("by-claim")).ShouldBe(disk);

            // Where it is sent says CDIConfig from here on.
            (await KubectlAsync(cluster, "get", "cdiconfig", "config")).ShouldContain(TestCluster.UploadUrl);
            await KubectlAsync(cluster, "patch", "cdiconfig", "config", "--type=merge", $$$"""--patch={"spec":{"uploadProxyURLOverride":"{{{url}}}"} }""");
            await UploadAsync("dv", "by-volume", "--image-path", image, "--force-bind", "--datasource");
            (await DiskAsync("by-volume")).ShouldBe(disk);
            (await KubectlAsync(cluster, "get", "dv", "by-volume")).ShouldContain("Succeeded");
            await Until.TrueAsync(async () => (await KubectlAsync(cluster, "get", "datasource", "by-volume")).Contains("True", StringComparison.Ordinal));
            await UploadAsync("dv", "tree", "--archive-path", tar);
            (await File.ReadAllBytesAsync(Path.Combine(cluster.Storage.Claim(TestCluster.Namespace, "tree"), "disk.qcow2"))).ShouldBe(await File.ReadAllBytesAsync(image));

            // In two parts, as charts/kvm-coordinator/README.md has it.
            var (volume, request) = (Path.Combine(files.FullName, "volume.json"), Path.Combine(files.FullName, "token.json"));
            await File.WriteAllTextAsync(volume, """
                {"apiVersion": "cdi.kubevirt.io/v1beta1", "kind": "DataVolume", "metadata": {"name": "in-parts"},
                 "spec": {"source": {"upload": {} }, "storage": {"resources": {"requests": {"storage": "64Mi"} } } } }
                """);
            await File.WriteAllTextAsync(request, """
                {"apiVersion": "upload.cdi.kubevirt.io/v1beta1", "kind": "UploadTokenRequest", "metadata": {"name": "mine"}, "spec": {"pvcName": "in-parts"} }
                """);
            await KubectlAsync(cluster, "create", "-f", volume);
            await KubectlAsync(cluster, "wait", "dv/in-parts", "--for=jsonpath={.status.phase}=UploadReady", "--timeout=60s");
            var token = await KubectlAsync(cluster, "create", "-o", "jsonpath={.status.token}", "-f", request);
            await File.WriteAllBytesAsync(tar, (await File.ReadAllBytesAsync(image))[..(5 << 20)]);
            await PatchAsync(0, tar);
            (await TusAsync("-I")).ShouldContain($"Upload-Offset: {5 << 20}");
            await PatchAsync(5 << 20, image);
            await KubectlAsync(cluster, "wait", "dv/in-parts", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s");
            (await DiskAsync("in-parts")).ShouldBe(disk);
            await KubectlAsync(cluster, "delete", "dv,datasource,pvc", "--all", "--timeout=60s");
            await KubectlAsync(cluster, "delete", "cdiconfig", "config");

            async Task UploadAsync(string kind, string name, params string[] more) =>
                (await VirtctlAsync(cluster, ["image-upload", kind, name, "--size=64Mi", "--insecure", .. more])).ShouldContain("completed successfully");

            Task<string> TusAsync(params string[] more) => RunAsync(
                cluster, "curl", ["-sSk", "--fail-with-body", "-H", $"Authorization: Bearer {token}", "-H", "Tus-Resumable: 1.0.0", .. more, $"{url}/v1beta1/upload-resumable"]);

            Task<string> PatchAsync(int offset, string file) => TusAsync(
                "-X", "PATCH", "-H", $"Upload-Offset: {offset}", "-H", $"Upload-Length: {new FileInfo(image).Length}", "-H", "Content-Type: application/offset+octet-stream",
                "-C", $"{offset}", "-T", file);

            async Task<byte[]> DiskAsync(string claim) =>
                (await File.ReadAllBytesAsync(Path.Combine(cluster.Storage.Claim(TestCluster.Namespace, claim), "disk.img")))[..disk.Length];
        }
        finally
        {
            files.Delete(recursive: true);
        }
    }
}
