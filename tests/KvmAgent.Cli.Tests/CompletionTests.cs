using System.Diagnostics;

namespace KvmAgent.Cli.Tests;

public sealed class CompletionTests
{
    [Theory]
    [InlineData("kvmctl vm un", "unpause")]
    [InlineData("kvmctl vm list --all", "--all-namespaces")]
    [InlineData("kvmctl comp", "completion")]
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
    [InlineData("zsh", "compdef _kvmctl kvmctl")]
    [InlineData("fish", "complete -c kvmctl")]
    public async Task Other_shells_have_theirs(string shell, string text)
    {
        using var kvmctl = Kvmctl.Create();
        (await kvmctl.DoAsync("completion", shell)).ShouldContain(text);
    }
}
