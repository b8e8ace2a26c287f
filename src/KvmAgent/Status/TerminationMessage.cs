using System.Text;
using KvmAgent.Contracts;

namespace KvmAgent.Status;

/// <summary>The last state and reason where <c>kubectl describe pod</c> shows them. The kubelet makes the file; where it is not, nobody reads it.</summary>
internal static class TerminationMessage
{
    // terminationMessagePath is read up to 4096 bytes.
    public const int Longest = 4096;

    public static void Write(HostPaths paths, VmStatus status)
    {
        if (!File.Exists(paths.TerminationLog))
        {
            return;
        }

        var text = Encoding.UTF8.GetBytes(status.Reason is null ? $"{status.Phase}\n" : $"{status.Phase}: {status.Reason}\n");
        File.WriteAllBytes(paths.TerminationLog, text[..WholeCharacters(text)]);
    }

    /// <summary>How much of a text fits without cutting a character in two: 10xxxxxx goes on with the one before it.</summary>
    private static int WholeCharacters(byte[] text)
    {
        var length = Math.Min(text.Length, Longest);
        while (length < text.Length && (text[length] & 0xC0) == 0x80)
        {
            length--;
        }

        return length;
    }
}
