using System.Runtime.CompilerServices;
using KvmAgent.Processes;

namespace KvmAgent.HostTests.Containers;

/// <summary>The agent's container image: that of <c>KVM_AGENT_IMAGE</c>, or built from the tree.</summary>
internal static class AgentImage
{
    private static readonly Lazy<Task<string>> Found = new(FindAsync);

    public static Task<string> NameAsync() => Found.Value;

    private static async Task<string> FindAsync() => Environment.GetEnvironmentVariable("KVM_AGENT_IMAGE") is { Length: > 0 } name
        ? name
        : (await ProcessRunner.RunAsync(Path.Combine(RepositoryRoot(), "images", "agent", "build"), [], limit: TimeSpan.FromMinutes(20))).Trim();

    private static string RepositoryRoot([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", ".."));
}

/// <summary>A test that runs the agent's image.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ContainerFactAttribute : FactAttribute
{
    public ContainerFactAttribute()
    {
        var built = Environment.GetEnvironmentVariable("KVM_AGENT_IMAGE") is { Length: > 0 };
        string[] needed = built ? ["podman", "runc"] : ["podman", "runc", "buildah", "debootstrap"];
        var missing = needed.Where(program => !(Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(d => File.Exists(Path.Combine(d, program)))).ToArray();
        if (missing.Length > 0)
        {
            Skip = $"a container is run by podman and runc, its image built by buildah and debootstrap; missing: {string.Join(", ", missing)}";
        }
    }
}
