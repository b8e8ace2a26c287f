using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Import;

/// <summary>Bent images: either they are refused, or a disk of the right size comes out; never another exception, and never a half one.</summary>
public sealed class DecoderFuzzTests : IDisposable
{
    private const int Rounds = 400, Size = 1 << 20;

    private readonly Scratch _scratch = new();

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [InlineData(1, "compat=1.1")]
    [InlineData(2, "cluster_size=512")]
    [InlineData(3, "extended_l2=on")]
    [InlineData(4, "compression_type=zstd")]
    public async Task Bits_that_flipped(int seed, string options)
    {
        var image = await File.ReadAllBytesAsync(await Qcow2Async(options));
        var random = new Random(seed);
        var target = Path.Combine(_scratch.Volume, "disk.img");
        for (var round = 0; round < Rounds; round++)
        {
            var bent = (byte[])image.Clone();
            for (var flips = random.Next(1, 6); flips > 0; flips--)
                bent[random.Next(4) == 0 ? random.Next(bent.Length) : random.Next(Math.Min(bent.Length, 512 << 10))] ^= (byte)(1 << random.Next(8));
            if (random.Next(4) == 0)
                bent = bent[..random.Next(bent.Length)];
            var source = _scratch.File("bent.qcow2", bent);
            try
            {
                var done = await DiskImport.RunAsync(new DiskImportRequest { Source = source, Target = target, Size = Size }, null, CancellationToken.None);
                new FileInfo(target).Length.ShouldBe(done.Size);
                File.Delete(target);
            }
            catch (ImageException e)
            {
                e.Reason.ShouldBeOneOf(ImageFailure.Refused, ImageFailure.NoSpace);
            }
            _scratch.Names.ShouldBeEmpty($"seed {seed}, round {round}");
        }
    }

    private async Task<string> Qcow2Async(string options)
    {
        var path = Path.Combine(_scratch.Root, "disk.qcow2");
        var disk = Samples.Raw(Size);
        for (var i = Size / 2; i < Size; i++)
            disk[i] = (byte)(i / 1000);
        await Programs.RunAsync("qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", "-o", options, _scratch.File("disk.raw", disk), path);
        return path;
    }
}
