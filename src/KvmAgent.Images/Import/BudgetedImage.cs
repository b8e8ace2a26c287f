using KvmAgent.Images.Layers;

namespace KvmAgent.Images.Import;

/// <summary>How much may be read for a look at an image's beginning.</summary>
/// <param name="most">In bytes.</param>
internal sealed class ReadBudget(long most)
{
    private long _read;

    /// <exception cref="BudgetSpentException">It is more than that by now.</exception>
    public void Spend(int count)
    {
        if ((_read += count) > most)
            throw new BudgetSpentException(most);
    }
}

/// <summary>A look at an image's beginning would be a reading of most of it.</summary>
internal sealed class BudgetSpentException(long most) : Exception($"its beginning is not within the first {most} bytes that were read");

/// <summary>An image of which only so much is read.</summary>
/// <param name="image">Disposed with it.</param>
/// <param name="budget">Shared with what else is read for the same look.</param>
internal sealed class BudgetedImage(IImageStream image, ReadBudget budget) : IImageStream
{
    public string Name => image.Name;

    public long? TotalLength => image.TotalLength;

    public Stream ReadThrough(int ahead, CancellationToken ct) => new Budgeted(image.ReadThrough(ahead, ct), budget);

    public void Dispose() => image.Dispose();

    private sealed class Budgeted(Stream inner, ReadBudget budget) : ReadOnlyStream
    {
        public override int Read(Span<byte> buffer)
        {
            var count = inner.Read(buffer);
            budget.Spend(count);
            return count;
        }

        protected override void Release() => inner.Dispose();
    }
}
