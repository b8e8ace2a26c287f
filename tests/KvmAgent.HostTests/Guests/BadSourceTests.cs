using System.Text;
using KvmAgent.HostTests.Support;

namespace KvmAgent.HostTests.Guests;

/// <summary>Images that cannot be had, or must not be used.</summary>
public sealed class BadSourceTests : IAsyncLifetime
{
    private const string Remote = HttpPage.Url;

    private PodNamespace _pod = null!;
    private byte[] _image = [];

    public async Task InitializeAsync()
    {
        _pod = await PodNamespace.CreateAsync(new PodOptions());
        _image = await File.ReadAllBytesAsync(await Refusal.ImageAsync(_pod));
    }

    public async Task DisposeAsync() => await _pod.DisposeAsync();

    [Fact]
    public async Task None_at_all() => await _pod.ShouldFailAsync(
        FailureReason.Settings, ["IMG_SOURCE is not set", "set it to the URL or the full path", "IMG_TARGET", "VM_CDROM"], []);

    [Fact]
    public async Task One_that_is_not_found_until_it_is()
    {
        await using var page = await HttpPage.ServeAsync(_pod, "404 Not Found", []);
        await _pod.ShouldFailAsync(FailureReason.SourceUnavailable, [Remote, "404", "check"], [("IMG_SOURCE", Remote)]);

        page.Answer("200 OK", _image);
        await _pod.ShouldStartAsync([("IMG_SOURCE", Remote)], "made the VM's disk");
    }

    [Fact]
    public async Task A_web_page()
    {
        await using var page = await HttpPage.ServeAsync(_pod, "200 OK", Encoding.ASCII.GetBytes("<!DOCTYPE html><html><body>Please log in</body></html>"));
        await _pod.ShouldFailAsync(FailureReason.Refused, [Remote, "HTML", "check the address"], [("IMG_SOURCE", Remote)]);
    }

    [Fact]
    public async Task A_body_that_always_ends_too_early()
    {
        await using var page = await HttpPage.ServeAsync(_pod, "200 OK", _image[..1000], _image.Length);
        await _pod.ShouldFailAsync(FailureReason.SourceUnavailable, [Remote, $"{_image.Length - 1000} additional bytes expected", "1000 bytes had come"], [("IMG_SOURCE", Remote)]);

        page.Answer("200 OK", _image);
        await _pod.ShouldStartAsync([("IMG_SOURCE", Remote)], "made the VM's disk");
    }

    [Fact]
    public async Task A_content_that_is_not_the_one_of_the_checksum()
    {
        var wanted = $"sha256:{new string('a', 64)}";
        await using var page = await HttpPage.ServeAsync(_pod, "200 OK", _image);
        await _pod.ShouldFailAsync(FailureReason.Refused, [Remote, wanted], [("IMG_SOURCE", Remote), ("IMG_CHECKSUM", wanted)]);

        var right = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(_image));
        await _pod.ShouldStartAsync([("IMG_SOURCE", Remote), ("IMG_CHECKSUM", $"sha256:{right}")], "made the VM's disk");
    }

    [Fact]
    public async Task A_redirect_in_a_loop()
    {
        await using var page = await HttpPage.ServeAsync(_pod, "302 Found", [], header: "Location: /base.qcow2");
        await _pod.ShouldFailAsync(FailureReason.SourceUnavailable, [Remote, "redirects in a loop"], [("IMG_SOURCE", Remote)]);
    }

    [Fact]
    public async Task A_name_that_does_not_resolve()
    {
        // Nobody listens there, so the resolver knows at once.
        _pod.Pod.SetResolvConf("nameserver 127.0.0.1\n");
        await _pod.ShouldFailAsync(
            FailureReason.SourceUnavailable, ["images.invalid", "does not resolve"], [("IMG_SOURCE", "http://images.invalid/base.qcow2")]);
    }

    [Fact]
    public async Task A_shared_volume_without_room()
    {
        await using var page = await HttpPage.ServeAsync(_pod, "200 OK", _image);
        await using var volume = await SmallVolume.MountAsync(Path.Combine(_pod.Directory, "image"), "64k");
        await _pod.ShouldFailAsync(FailureReason.Unwritable, [volume.Path, "bytes free"], [("IMG_SOURCE", Remote)]);

        await volume.ResizeAsync("16m");
        await _pod.ShouldStartAsync([("IMG_SOURCE", Remote)], "made the VM's disk");
    }
}
