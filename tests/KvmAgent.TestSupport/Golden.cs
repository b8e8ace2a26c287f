using System.Runtime.CompilerServices;
using Shouldly;

namespace KvmAgent.TestSupport;

/// <summary>
/// Texts that are kept in the repository and must equal what the code makes. <c>UPDATE_SNAPSHOTS=1 dotnet test …</c> writes them anew;
/// the diff is then for a person to read.
/// </summary>
public static class Golden
{
    private static readonly bool Update = Environment.GetEnvironmentVariable("UPDATE_SNAPSHOTS") == "1";

    public static void ShouldBe(string actual, string path, [CallerMemberName] string test = "")
    {
        if (Update)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, actual);
        }

        File.Exists(path).ShouldBeTrue($"{path} is missing; UPDATE_SNAPSHOTS=1 makes it");
        actual.ShouldBe(File.ReadAllText(path), $"{test}: {path} differs; if that is meant, UPDATE_SNAPSHOTS=1 writes it anew");
    }
}
