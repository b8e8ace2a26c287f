using System.Diagnostics.CodeAnalysis;

namespace KvmAgent.Coordinator.Hosting;

/// <summary>
/// Texts that thousands of machines have in common (namespaces, nodes, versions, states), so that each is in memory once rather than with each
/// machine. Only so many are remembered, the newest of those that fall together: whoever makes them up fills nothing.
/// </summary>
internal static class RepeatedTexts
{
    private static readonly string?[] Kept = new string?[1024];

    /// <returns>An equal text.</returns>
    [return: NotNullIfNotNull(nameof(text))]
    public static string? Of(string? text)
    {
        if (text is null)
        {
            return null;
        }

        ref var place = ref Kept[(uint)text.GetHashCode(StringComparison.Ordinal) % (uint)Kept.Length];
        if (Volatile.Read(ref place) is { } kept && kept == text)
        {
            return kept;
        }

        Volatile.Write(ref place, text);
        return text;
    }
}
