using System.Globalization;
using System.IO.MemoryMappedFiles;
using KvmAgent.Coordinator.Hosting;

namespace KvmAgent.Coordinator.Tests.Hosting;

public sealed class ProgramPagesTests : IDisposable
{
    private const int Mebibytes = 32;

    /// <summary>Beside the tests, and not where temporary files are kept in memory: those have no file to come back from.</summary>
    private readonly string _file = Path.Combine(AppContext.BaseDirectory, $"pages-{Guid.NewGuid():N}");

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void WhatIsReadOfAFileIsNotResidentAnyMoreAndComesBack()
    {
        using (var file = File.Create(_file))
        {
            file.Write(Enumerable.Repeat((byte)7, Mebibytes << 20).ToArray());
            file.Flush(flushToDisk: true);
        }

        using var mapped = MemoryMappedFile.CreateFromFile(_file, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        using var view = mapped.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        Sum(view).ShouldBe(7L * Mebibytes * 256);
        var before = Resident();

        ProgramPages.GiveBack();

        Resident().ShouldBeLessThan(before - (Mebibytes / 2));
        Sum(view).ShouldBe(7L * Mebibytes * 256);
    }

    [Theory]
    [InlineData("7f0a1000-7f0a3000 r-xp 00002000 fe:00 1234                 /usr/bin/kvm-coordinator", 0x7f0a1000, 0x2000)]
    [InlineData("7f0a1000-7f0a3000 r--s 00002000 fe:00 1234                 /srv/a name with spaces", 0x7f0a1000, 0x2000)]
    [InlineData("7f0a1000-7f0a3000 rw-p 00002000 fe:00 1234                 /usr/bin/kvm-coordinator", 0x7f0a1000L, 0x2000L)]
    public void AFileThatIsOnlyReadOrPrivateIsGivenBack(string mapping, long start, long length) => ProgramPages.Parse(mapping).ShouldBe(((nint)start, (nint)length));

    [Theory]
    [InlineData("7f0a1000-7f0a3000 rw-s 00002000 fe:00 1234                 /usr/bin/kvm-coordinator")]
    [InlineData("7f0a1000-7f0a3000 r--p 00000000 00:00 0")]
    [InlineData("7f0a1000-7f0a3000 r-xp 00000000 00:00 0                    [vdso]")]
    [InlineData("7f0a1000-7f0a3000 r-xs 00000000 00:01 77                   /memfd:doublemapper (deleted)")]
    [InlineData("nonsense")]
    [InlineData("")]
    public void NothingElseIs(string mapping) => ProgramPages.Parse(mapping).ShouldBeNull();

    private static long Sum(MemoryMappedViewAccessor view)
    {
        var sum = 0L;
        for (var at = 0L; at < (long)Mebibytes << 20; at += 4096)
        {
            sum += view.ReadByte(at);
        }

        return sum;
    }

    private static long Resident() => long.Parse(
        File.ReadLines("/proc/self/status").First(static l => l.StartsWith("RssFile:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture) >> 10;
}
