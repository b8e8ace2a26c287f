using KvmAgent.Images.Store;
using Microsoft.Win32.SafeHandles;

namespace KvmAgent.Images.Import;

/// <summary>
/// Writes data but for its blocks of zeroes, and bounds what is written but not on the disk yet: every piece is sent on its way, and when too much is on its way the oldest is waited
/// for. Else a fast source fills the memory limit of its container with dirty pages.
/// </summary>
internal sealed class WriteBehind(SafeFileHandle file)
{
    private const long Most = 64 << 20;
    private const int Block = 4096;

    private readonly Queue<(long Offset, long Length)> _pieces = [];
    private long _sum;

    /// <summary>From several threads at once.</summary>
    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        SparseFile.Write(file, data, offset, Block);
        Wrote(offset, data.Length);
    }

    private void Wrote(long offset, long length)
    {
        if (length == 0)
            return;
        Libc.StartWriting(file, offset, length);
        while (Next(offset, length) is { } oldest)
        {
            Libc.WaitForWriting(file, oldest.Offset, oldest.Length);
            (offset, length) = (0, 0);
        }
    }

    /// <summary>Notes a piece, if it is one, and takes out the oldest where there are too many.</summary>
    private (long Offset, long Length)? Next(long offset, long length)
    {
        lock (_pieces)
        {
            if (length > 0)
                _pieces.Enqueue((offset, length));
            _sum += length;
            if (_sum <= Most)
                return null;
            var oldest = _pieces.Dequeue();
            _sum -= oldest.Length;
            return oldest;
        }
    }
}
