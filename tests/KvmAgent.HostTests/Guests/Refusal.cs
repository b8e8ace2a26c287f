using KvmAgent.HostTests.Support;
using KvmAgent.Processes;

namespace KvmAgent.HostTests.Guests;

/// <summary>What every failed start has in common: one clear line, the right exit code, a pod as it was before, nothing half-made.</summary>
internal static class Refusal
{
    /// <summary>A disk that holds nothing: these starts do not come as far as a guest.</summary>
    public static async Task<string> ImageAsync(PodNamespace pod)
    {
        var path = Path.Combine(pod.Directory, "source.qcow2");
        await ProcessRunner.RunAsync("qemu-img", ["create", "-q", "-f", "qcow2", path, "1M"]);
        return path;
    }

    public static async Task ShouldFailAsync(
        this PodNamespace pod, FailureReason reason, string[] says, (string Name, string Value)[] environment, params string[] wrapper)
    {
        var before = await pod.SnapshotAsync();
        await using var agent = Start(pod, environment, wrapper);

        (await agent.ExitAsync()).ShouldBe((int)reason, string.Join('\n', agent.Lines));

        agent.Lines.Count(line => says.All(text => line.Contains(text, StringComparison.Ordinal)))
            .ShouldBeGreaterThan(0, $"{string.Join(", ", says)}\n{string.Join('\n', agent.Lines)}");
        agent.Lines.ShouldNotContain(line => line.Contains("   at ", StringComparison.Ordinal), "a stack trace is no error message");
        (await pod.SnapshotAsync()).ShouldBe(before);
        HalfMade(agent).ShouldBeEmpty();
    }

    /// <summary>The same start with the fault mended comes to where the disk is made and QEMU is started.</summary>
    public static async Task ShouldStartAsync(this PodNamespace pod, (string Name, string Value)[] environment, params string[] says)
    {
        await using var agent = Start(pod, environment, []);
        foreach (var text in says.Append("Running"))
        {
            await agent.WaitForLineAsync(text);
        }
    }

    private static AgentProcess Start(PodNamespace pod, (string Name, string Value)[] environment, string[] wrapper) =>
        AgentProcess.Start(pod, environment.ToDictionary(v => v.Name, v => v.Value), wrapper);

    /// <summary>What a failed or interrupted start has no business to leave.</summary>
    public static IEnumerable<string> HalfMade(AgentProcess agent)
    {
        foreach (var directory in new[] { agent.Environment["IMAGE_DIR"], agent.Environment["VM_DIR"] }.Where(Directory.Exists))
        {
            foreach (var path in Directory.EnumerateFileSystemEntries(directory))
            {
                var name = Path.GetFileName(path);
                if (name[0] == '.' || name.Contains("part", StringComparison.Ordinal) || name.EndsWith("tmp", StringComparison.Ordinal))
                {
                    yield return path;
                }
            }
        }

        if (Directory.Exists(agent.RunDir))
        {
            foreach (var path in Directory.EnumerateFileSystemEntries(agent.RunDir).Where(p => Path.GetFileName(p) is not ("journal" or "lock")))
            {
                yield return path;
            }
        }
    }
}
