using KvmAgent.Processes;

namespace KvmAgent.Documents;

/// <summary>
/// A mounted ConfigMap or Secret as a whole: its keys are files. The kubelet keeps them in a directory of their own, to which the link
/// <c>..data</c> leads, and switches that link when they change; so the link is followed once, and all files are of one version.
/// No other link is followed, and nothing is looked for below: what is not a file right there is none of the keys.
/// </summary>
internal static class MountedDirectory
{
    /// <summary>etcd holds 1 MiB for each of them, but a projected volume joins several, and a volume may hold anything.</summary>
    private const int MostFiles = 1000, MostBytes = 16 << 20;

    private const string KubeletsOwn = "..", Current = "..data";

    /// <returns>The files in the order of their names; none where there is no such directory, as with an optional ConfigMap.</returns>
    /// <exception cref="AgentException">There is too much in it, or something cannot be read.</exception>
    public static IReadOnlyList<SourceFile> Read(string directory) =>
        // The kubelet removes the former version; it does so once a minute at most.
        TryRead(directory) ?? TryRead(directory)
        ?? throw new AgentException(FailureReason.TryAgain, $"the files in {directory} change while they are read; start again");

    private static List<SourceFile>? TryRead(string directory)
    {
        if (!Directory.Exists(directory))
        {
            return [];
        }

        var files = new List<SourceFile>();
        var room = MostBytes;
        try
        {
            foreach (var path in Directory.EnumerateFiles(Data(directory)).Where(IsKey).Order(StringComparer.Ordinal))
            {
                if (files.Count == MostFiles)
                {
                    throw new AgentException(FailureReason.Refused, $"{directory} has more than {MostFiles} files; take some out");
                }

                if (SourceFile.Read(path, room) is not { } file)
                {
                    return null;
                }

                files.Add(file with { Path = Path.Combine(directory, Path.GetFileName(path)) });
                room -= file.Content.Length;
            }

            return files;
        }
        catch (DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AgentException(FailureReason.Refused, $"cannot read {directory}: {e.Message}", e);
        }
    }

    private static string Data(string directory)
    {
        var link = new DirectoryInfo(Path.Combine(directory, Current));
        if (!link.Exists)
        {
            return directory;
        }

        var data = link.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? link.FullName;
        return Path.GetDirectoryName(data) == Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory))
            ? data
            : throw new AgentException(FailureReason.Refused, $"{link.FullName} leads out of its directory; mount a ConfigMap or Secret there");
    }

    private static bool IsKey(string path) =>
        !Path.GetFileName(path).StartsWith(KubeletsOwn, StringComparison.Ordinal)
        && new FileInfo(path).LinkTarget is null
        && Native.Stat(path) is { IsRegularFile: true };
}
