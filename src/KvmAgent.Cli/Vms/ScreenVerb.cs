using System.CommandLine;
using System.Globalization;
using KvmAgent.Cli.Management;
using KvmAgent.Contracts.Rest;

namespace KvmAgent.Cli.Vms;

/// <summary>What verbs have in common that give a viewer on this computer a screen.</summary>
internal static class ScreenVerb
{
    public static Option<int> Port()
    {
        var port = new Option<int>("--port") { Description = "Of 127.0.0.1, for the viewer; 0, as without it: any that is free." };
        port.Validators.Add(static result =>
        {
            if (result.Tokens is [var token] && !ushort.TryParse(token.Value, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            {
                result.AddError($"--port {token.Value} is none; give 0 to 65535");
            }
        });
        return port;
    }

    /// <summary>Has it run until Ctrl-C, which is no failure of it.</summary>
    public static void Run(this Command command, Func<ParseResult, VmTarget, CancellationToken, Task> run) => command.Guard(async (result, cancel) =>
    {
        try
        {
            await run(result, VmTarget.Of(result), cancel).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // That is how it ends.
        }
    });

    /// <summary>Before anybody waits at a port: whether there is such a machine.</summary>
    public static async Task DemandAsync(VmTarget target, CancellationToken cancel)
    {
        using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
        await client.GetAsync(target.Path + target.ProviderQuery, RestJson.Default.VmDetails, cancel).ConfigureAwait(false);
    }
}
