using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Registry;

/// <summary>Against the registry that most registries are made of.</summary>
public sealed class DockerRegistryTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_container_disk_that_skopeo_pushed_is_imported_byte_for_byte(bool hasUsers)
    {
        var disk = Samples.Raw(20 << 20);
        await using var registry = await DockerRegistry.StartAsync(_scratch.Root, hasUsers);
        await registry.PushAsync("disks/raw:1", ("disk/disk.img", disk));
        await registry.PushAsync("disks/qcow2", ("disk/", null), ("disk/disk.qcow2", Qcow2Sample.Bytes));
        var access = hasUsers ? Quick.Loopback with { User = DockerRegistry.User, Password = DockerRegistry.Password } : Quick.Loopback;

        (await ImportAsync($"docker+http://127.0.0.1:{registry.Port}/disks/raw:1", access)).ShouldBe(disk);
        (await ImportAsync($"oci+http://127.0.0.1:{registry.Port}/disks/qcow2", access)).ShouldBe(Samples.Raw(2 << 20));
        var fetched = await Quick.EnsureAsync(_scratch.Request($"docker+http://127.0.0.1:{registry.Port}/disks/qcow2") with { Access = access });
        fetched.Digest.ShouldBe(Samples.Sha256(Qcow2Sample.Bytes));

        await ImportAsync($"docker+http://127.0.0.1:{registry.Port}/disks/raw:2", access).ShouldFailAsync(ImageFailure.Unavailable, "404 MANIFEST_UNKNOWN");
        if (hasUsers)
            await ImportAsync($"docker+http://127.0.0.1:{registry.Port}/disks/raw:1", Quick.Loopback).ShouldFailAsync(ImageFailure.Unavailable, "401 UNAUTHORIZED", "give user and password");
    }

    private async Task<byte[]> ImportAsync(string source, SourceAccess access)
    {
        var target = Path.Combine(_scratch.Volume, "disk.img");
        await DiskImport.RunAsync(new DiskImportRequest { Source = source, Target = target, Access = access }, null, TimeProvider.System, Quick.Timings, CancellationToken.None);
        return await File.ReadAllBytesAsync(target);
    }
}
