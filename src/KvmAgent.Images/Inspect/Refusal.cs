using System.Runtime.CompilerServices;

namespace KvmAgent.Images.Inspect;

/// <summary>How a parser says no: damaged bytes, or sound ones that we do not want.</summary>
/// <param name="Name">What errors call the image.</param>
/// <param name="Kind">What it claims to be, as "VHD".</param>
internal readonly record struct Refusal(string Name, string Kind)
{
    public ImageException Damaged(string what) =>
        new(ImageFailure.Refused, $"{Name} is a damaged {Kind} image: {what}; make or fetch it anew");

    public ImageException Because(string why) => new(ImageFailure.Refused, $"{Name} is refused as a disk image: {why}");

    public void Demand(bool sound, [InterpolatedStringHandlerArgument(nameof(sound))] ref Otherwise otherwise)
    {
        if (!sound)
            throw Damaged(otherwise.ToStringAndClear());
    }

    public void Demand(bool sound, string otherwise)
    {
        if (!sound)
            throw Damaged(otherwise);
    }

    /// <summary>Text that is put together only where it is needed: tables have thousands of entries, nearly all of them sound.</summary>
    [InterpolatedStringHandler]
    internal ref struct Otherwise
    {
        private DefaultInterpolatedStringHandler _text;

        public Otherwise(int literalLength, int formattedCount, bool sound, out bool isWanted)
        {
            isWanted = !sound;
            if (isWanted)
                _text = new(literalLength, formattedCount);
        }

        public void AppendLiteral(string text) => _text.AppendLiteral(text);

        public void AppendFormatted<T>(T value, string? format = null) => _text.AppendFormatted(value, format);

        public string ToStringAndClear() => _text.ToStringAndClear();
    }
}
