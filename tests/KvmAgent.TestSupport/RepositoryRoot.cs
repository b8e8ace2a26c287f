namespace KvmAgent.TestSupport;

/// <summary>Files of the repository, found from wherever the tests were built to.</summary>
public static class RepositoryRoot
{
    private static readonly string Directory = Find();

    public static string At(params ReadOnlySpan<string> parts) => Path.Combine([Directory, .. parts]);

    private static string Find()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "KvmAgent.sln")))
            {
                return directory.FullName;
            }
        }

        throw new DirectoryNotFoundException($"no KvmAgent.sln in or above {AppContext.BaseDirectory}");
    }
}
