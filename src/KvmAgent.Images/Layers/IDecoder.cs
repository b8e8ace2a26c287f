namespace KvmAgent.Images.Layers;

/// <summary>One kind of unpacking, step by step.</summary>
internal interface IDecoder : IDisposable
{
    /// <summary>Unpacks as much as both buffers allow.</summary>
    /// <param name="packed">What comes next.</param>
    /// <param name="last">Whether nothing comes behind it.</param>
    /// <param name="plain">Where it goes.</param>
    /// <returns>Null for what is not of this kind. Otherwise bytes read, bytes written, and whether the end may be here.</returns>
    (int Read, int Written, bool Ends)? Step(ReadOnlySpan<byte> packed, bool last, Span<byte> plain);
}
