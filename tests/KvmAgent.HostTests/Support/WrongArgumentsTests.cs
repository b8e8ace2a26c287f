using KvmAgent.Processes;

namespace KvmAgent.HostTests.Support;

/// <summary>What a person sees who has mistyped a command, of each of the programs.</summary>
public sealed class WrongArgumentsTests
{
    [Theory]
    [InlineData("kvm-agent.dll")]
    [InlineData("kvm-coordinator.dll")]
    [InlineData("kvmctl.dll")]
    public async Task They_are_named_and_the_exit_code_is_that_of_wrong_usage(string program)
    {
        var run = await ProcessRunner.TryRunAsync("dotnet", [Path.Combine(AppContext.BaseDirectory, program), "strat"]);
        run.ExitCode.ShouldBe(64, run.Output + run.Error);
        run.Error.ShouldContain("strat");
    }
}
