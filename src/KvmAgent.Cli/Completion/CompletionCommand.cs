using System.CommandLine;

namespace KvmAgent.Cli.Completion;

/// <summary>
/// <c>kvmctl completion</c>: what a shell reads to complete this program's verbs and options. It asks the program itself, by System.CommandLine's
/// directive <c>[suggest:POSITION]</c>, which offers also what only contains the word: shells choose from that.
/// </summary>
internal static class CompletionCommand
{
    private const string Bash =
        """
        _kvmctl() {
            local line="kvmctl ${COMP_LINE:0:COMP_POINT}"
            line="kvmctl ${line#kvmctl * }"
            COMPREPLY=($(compgen -W "$(kvmctl "[suggest:${#line}]" "$line" 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
        }
        complete -o default -F _kvmctl kvmctl
        """;

    private const string Zsh =
        """
        _kvmctl() {
            local line="kvmctl ${(j: :)${(@)words[2,CURRENT]}}"
            compadd -- ${(f)"$(kvmctl "[suggest:${#line}]" "$line" 2>/dev/null)"} || _files
        }
        compdef _kvmctl kvmctl
        """;

    private const string Fish =
        """
        function __kvmctl_complete
            set -l line (commandline -cp | string collect)
            kvmctl "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null
        end
        complete -c kvmctl -f -a '(__kvmctl_complete)'
        """;

    public static Command Create() => new("completion", "Print what a shell completes this program's verbs and options by.")
    {
        Of("bash", "For bash: `source <(kvmctl completion bash)`.", Bash),
        Of("zsh", "For zsh, after compinit: `source <(kvmctl completion zsh)`.", Zsh),
        Of("fish", "For fish: `kvmctl completion fish | source`.", Fish),
    };

    private static Command Of(string shell, string description, string script)
    {
        var command = new Command(shell, description);
        command.Guard((result, _) => result.InvocationConfiguration.Output.WriteLineAsync(script));
        return command;
    }
}
