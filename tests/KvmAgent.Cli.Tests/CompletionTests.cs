using System.Diagnostics;

namespace KvmAgent.Cli.Tests;

public sealed class CompletionTests
{
    [Theory]
    [InlineData("kvmctl vm un", "unpause")]
    [InlineData("kvmctl vm list --all", "--all-namespaces")]
    [InlineData("kvmctl comp", "completion")]
    [InlineData("kvmctl build reg", "register")]
    [InlineData("kvmctl vm ref", "refresh")]
    public async Task Bash_completes_verbs_and_options(string line, string completed)
    {
        using var kvmctl = Kvmctl.Create();
        var script = kvmctl.Write("completion.bash", await kvmctl.DoAsync("completion", "bash"));
        var start = new ProcessStartInfo("bash", ["--norc", "-c", """kvmctl() { $KVMCTL "$@"; }; source "$1"; COMP_LINE=$2; COMP_POINT=${#2}; COMP_WORDS=($2); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _kvmctl; echo "${COMPREPLY[@]}" """, "bash", script, line])
        {
            RedirectStandardOutput = true,
        };
        start.Environment["KVMCTL"] = $"dotnet {Path.Combine(AppContext.BaseDirectory, "kvmctl.dll")}";
        using var bash = Process.Start(start)!;
        (await bash.StandardOutput.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(60))).Trim().ShouldBe(completed);
    }

    [Theory]
    [InlineData("kvmctl vm un", "unpause")]
    [InlineData("kvmctl vm list --all", "--all-namespaces")]
    public async Task Fish_does(string line, string completed)
    {
        using var kvmctl = Kvmctl.Create();
        (await OfferedAsync(kvmctl, "fish", ["--no-config", "-c", "source $argv[1]; complete -C $argv[2]"], line)).ShouldContain(completed);
    }

    /// <summary>What zsh's own part does with what is offered (compadd) needs a terminal, and is left to it.</summary>
    [Theory]
    [InlineData("kvmctl vm un", "unpause")]
    [InlineData("kvmctl vm list --all", "--all-namespaces")]
    public async Task Zsh_does(string line, string completed)
    {
        using var kvmctl = Kvmctl.Create();
        const string script = """compdef() { : }; compadd() { shift; print -l -- "$@" }; source $1; words=(${(z)2}); CURRENT=$#words; _kvmctl""";
        (await OfferedAsync(kvmctl, "zsh", ["-f", "-c", script, "zsh"], line)).ShouldContain(completed);
    }

    private static async Task<string[]> OfferedAsync(Kvmctl kvmctl, string shell, string[] arguments, string line)
    {
        var script = kvmctl.Write($"completion.{shell}", await kvmctl.DoAsync("completion", shell));
        var program = kvmctl.Write("kvmctl", $"#!/bin/sh\nexec dotnet {Path.Combine(AppContext.BaseDirectory, "kvmctl.dll")} \"$@\"\n");
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var start = new ProcessStartInfo(shell, [.. arguments, script, line]) { RedirectStandardOutput = true };
        start.Environment["PATH"] = $"{Path.GetDirectoryName(program)}:{Environment.GetEnvironmentVariable("PATH")}";
        start.Environment["HOME"] = Path.GetDirectoryName(program);
        using var run = Process.Start(start)!;
        return (await run.StandardOutput.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(60))).Split('\n', StringSplitOptions.TrimEntries);
    }
}
