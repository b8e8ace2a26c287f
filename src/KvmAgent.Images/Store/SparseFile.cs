using Microsoft.Win32.SafeHandles;

namespace KvmAgent.Images.Store;

/// <summary>Writes what is not zeroes: a file that is new, or a device that was zeroed, has zeroes where nothing is written.</summary>
internal static class SparseFile
{
    /// <param name="file">The file.</param>
    /// <param name="data">What shall be there.</param>
    /// <param name="offset">Where.</param>
    /// <param name="block">In how large pieces to look for zeroes, in bytes; they are aligned in the file.</param>
    public static void Write(SafeFileHandle file, ReadOnlySpan<byte> data, long offset, int block)
    {
        for (var (start, at) = (0, 0); start < data.Length; start = at)
        {
            var zero = IsZero(data[at..End(at, data.Length)]);
            while (at < data.Length && IsZero(data[at..End(at, data.Length)]) == zero)
                at = End(at, data.Length);
            if (!zero)
                RandomAccess.Write(file, data[start..at], offset + start);
        }

        int End(int at, int length) => Math.Min(at + block - (int)((offset + at) % block), length);
    }

    private static bool IsZero(ReadOnlySpan<byte> data) => !data.ContainsAnyExcept((byte)0);
}
