using FsCheck;
using FsCheck.Fluent;
using KvmAgent.Images.Inspect;
using KvmAgent.Images.Tests.Support;

namespace KvmAgent.Images.Tests.Inspect;

/// <summary>Bytes bent and cut at random: only the one refusal may come out, after few and small reads inside the file.</summary>
public sealed class DiskFormatsProperties
{
    private const int Rounds = 2_000;
    private const long MostBytes = 256 * 1024;

    // Two more than for an honest image: the metadata of a VHDX may lie far from each other.
    private const int MostReads = 8;
    private const long MostMemory = 1 << 20;

    private static readonly ulong[] Numbers =
        [0, 1, 2, 3, 4, 7, 21, 0x1ff, 0x200, 0x201, 0x10000, 0x100000, 0x300000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 0x7fffffffffffffff, 0x8000000000000000, ulong.MaxValue];

    private static readonly Dictionary<string, (Func<byte[]> Make, int[] Places)> Formats = new()
    {
        // Where the fields are; a footer is told by its distance from the end.
        ["vmdk"] = (() => DiskSamples.Vmdk, [0, 512, 26 * 512]),
        ["stream"] = (() => DiskSamples.Stream, [0, 512, -1536, -1024]),
        ["vdi"] = (() => DiskSamples.Vdi, [0, 0x140, 0x200]),
        ["vhd"] = (() => DiskSamples.Vhd, [0, 512, 1024, 1536, -512]),
        ["fixed vhd"] = (() => DiskSamples.FixedVhd, [0, -512]),
        ["vhdx"] = (() => DiskSamples.Vhdx, [0x10000, 0x20000, 0x30000, 0x200000, 0x210000, 0x300000, 0x310000]),
        ["gpt"] = (() => DiskSamples.Gpt(1 << 20), [446, 512, 1024]),
        ["gpt of 4 KiB"] = (() => DiskSamples.Gpt(1 << 20, 4096), [446, 4096, 8192]),
    };

    public static TheoryData<string> Names => [.. Formats.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Bent_bytes_are_accepted_or_refused_and_nothing_else(string format)
    {
        var (make, places) = Formats[format];
        var (sound, sample) = (make(), make());
        // Nearly always in a place with fields; what a checksum covers is sometimes summed anew, to come behind it.
        var change =
            from place in Gen.Elements(places)
            from within in Gen.Choose(0, 127)
            from anywhere in Gen.Choose(0, sample.Length - 8)
            from isAnywhere in Gen.Frequency((19, Gen.Constant(false)), (1, Gen.Constant(true)))
            from value in Gen.OneOf(Gen.Elements(Numbers), Gen.Choose(0, int.MaxValue).Select(n => (ulong)n))
            from width in Gen.Elements(1, 2, 4, 8)
            from isBigEndian in Gen.Elements(true, false)
            select (At: isAnywhere ? anywhere : Math.Min((place + sample.Length) % sample.Length + within, sample.Length - 8), value, width, isBigEndian);
        var changes = from count in Gen.Choose(1, 4) from all in change.ArrayOf(count) from isSummed in Gen.Elements(true, true, false) select (all, isSummed);

        var refused = 0;
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(Rounds).WithReplay(1, 1),
            Prop.ForAll(Arb.From(changes), bend =>
            {
                foreach (var (at, value, width, isBigEndian) in bend.all)
                    for (var i = 0; i < width; i++)
                        sample[at + i] = (byte)(value >> (8 * (isBigEndian ? width - 1 - i : i)));
                if (bend.isSummed)
                    Sum(format, sample);
                refused += Try(new MemoryStream(sample)) ? 0 : 1;
                foreach (var at in places.Select(p => (p + sample.Length) % sample.Length).Concat(bend.all.Select(b => b.At)).Concat([0, 0x10000, 0x20000, 0x30000, sample.Length - 512]))
                    if (at < sample.Length)
                        sound.AsSpan(at, Math.Min(1024, sample.Length - at)).CopyTo(sample.AsSpan(at));
            }));
        refused.ShouldBeInRange(Rounds / 4, Rounds - Rounds / 50);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Cut_images_are_accepted_or_refused_and_nothing_else(string format)
    {
        var sample = Formats[format].Make();
        var lengths = Gen.OneOf(Gen.Choose(1, 2048), Gen.Choose(1, sample.Length), Gen.Choose(sample.Length - 4096, sample.Length));
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(Rounds / 2).WithReplay(2, 1),
            Prop.ForAll(Arb.From(lengths), length =>
            {
                Try(new MemoryStream(sample, 0, length));
            }));
    }

    [Theory]
    [InlineData("KDMV", 0)]
    [InlineData("\u007f\u0010\u00da\u00be", 64)]
    [InlineData("conectix", 0)]
    [InlineData("vhdxfile", 0)]
    [InlineData("EFI PART", 512)]
    public void Noise_around_a_magic_is_refused_and_nothing_else(string magic, int at)
    {
        Check.One(
            Config.QuickThrowOnFailure.WithMaxTest(Rounds / 4).WithReplay(3, 1),
            Prop.ForAll(Arb.From(Gen.Choose(at + 8, 4096)), Arb.From(Gen.Choose(0, int.MaxValue)), (length, seed) =>
            {
                var noise = new byte[length];
                new Random(seed).NextBytes(noise);
                for (var i = 0; i < magic.Length; i++)
                    noise[at + i] = (byte)magic[i];
                Try(new MemoryStream(noise)).ShouldBeFalse();
            }));
    }

    private static void Sum(string format, byte[] image)
    {
        if (format.EndsWith("vhd", StringComparison.Ordinal))
            image.BendFooter(0);
        if (format == "vhd")
            image.BendHeader(0);
        if (format == "vhdx")
            image.Summed();
        if (format == "gpt")
            image.GptSummed();
        if (format == "gpt of 4 KiB")
            image.GptSummed(4096);
    }

    private static bool Try(MemoryStream image)
    {
        using var stream = new WatchedStream(image);
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            var info = ImageInspector.Inspect(stream, "the image");
            info.VirtualSize.ShouldBeGreaterThan(0);
            return true;
        }
        catch (ImageException e)
        {
            e.Reason.ShouldBe(ImageFailure.Refused);
            return false;
        }
        finally
        {
            (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(MostMemory);
            stream.BytesRead.ShouldBeLessThanOrEqualTo(MostBytes);
            stream.Reads.ShouldBeLessThanOrEqualTo(MostReads);
        }
    }
}
