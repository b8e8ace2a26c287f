using System.Buffers.Binary;
using System.Text;
using KvmAgent.Documents;

namespace KvmAgent.ConfigDrive;

/// <summary>
/// A line of an authorized_keys file (sshd(8)): options where there are any, the key's type, the key in base64, and a comment. What is none
/// is refused by its place alone: it may be a private key that somebody mounted by mistake.
/// </summary>
/// <param name="Line">All of it.</param>
/// <param name="Blob">The key itself, which is the same whatever stands around it.</param>
internal sealed record SshPublicKey(string Line, string Blob)
{
    private static readonly char[] Blanks = [' ', '\t'];

    /// <exception cref="AgentException">A line is no public key.</exception>
    public static IEnumerable<SshPublicKey> ReadAll(SourceFile file)
    {
        foreach (var (index, line) in file.Text().Split('\n').Index())
        {
            var text = line.Trim();
            if (text.Length == 0 || text[0] == '#')
            {
                continue;
            }

            if (text.Contains("PRIVATE KEY", StringComparison.Ordinal) || text.StartsWith("PuTTY-User-Key-File", StringComparison.Ordinal))
            {
                throw Refused("this is a private key, which no guest shall get; put the public one there, which `ssh-keygen -y` shows");
            }

            yield return FindBlob(text) is { } blob
                ? new SshPublicKey(text, blob)
                : throw Refused("this is no SSH public key; write one a line: its type, the key in base64, and a comment, as in a .pub file");

            AgentException Refused(string what) => new(FailureReason.Refused, $"{file.Path}, line {index + 1}: {what}");
        }
    }

    /// <summary>Whether a line of somebody else's is the same key.</summary>
    public bool IsIn(string line) => line.Split(Blanks).Contains(Blob);

    /// <summary>Behind the options, which may have blanks in quotes: a type, and a key that begins with the same type (RFC 4253, 6.6).</summary>
    private static string? FindBlob(string line)
    {
        var words = line.Split(Blanks, StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i + 1 < words.Length; i++)
        {
            if (IsKey(words[i], words[i + 1]))
            {
                return words[i + 1];
            }
        }

        return null;
    }

    private static bool IsKey(string type, string base64)
    {
        var bytes = new byte[base64.Length];
        return Convert.TryFromBase64String(base64, bytes, out var length)
            && length > sizeof(uint) + type.Length
            && BinaryPrimitives.ReadUInt32BigEndian(bytes) == type.Length
            && bytes.AsSpan(sizeof(uint), type.Length).SequenceEqual(Encoding.ASCII.GetBytes(type));
    }
}
