using System.CommandLine;
using KvmAgent.Cli.Management;

namespace KvmAgent.Cli.Login;

/// <summary><c>kvmctl login</c>: keeps where the coordinator is, once it has been seen to answer.</summary>
internal static class LoginCommand
{
    public static Command Create()
    {
        var server = new Argument<string>("url") { Description = "Of the coordinator's management API, such as https://vms.example.org." };
        var tokenFile = new Option<string?>("--token-file") { Description = "A file with the token, or - for the standard input. Without it the token of the kubeconfig's user is used, anew each time." };
        var authority = new Option<string?>("--ca-file") { Description = "PEM of the authority that the coordinator's certificate is of; without it the system's are trusted." };
        var serverName = new Option<string?>("--tls-server-name") { Description = "The name in the coordinator's certificate, where it is not the URL's host, as behind a port-forward." };
        var kubeconfig = new Option<string?>("--kubeconfig") { Description = "Without it KUBECONFIG, or the usual one." };
        var context = new Option<string?>("--context") { Description = "Instead of the kubeconfig's current one." };
        var command = new Command("login", "Keep where the coordinator is, and how you are known there.") { server, tokenFile, authority, serverName, kubeconfig, context };
        command.Guard(async (result, cancel) =>
        {
            var login = new LoginFile(result.GetValue(server)!)
            {
                CertificateAuthority = result.GetValue(authority) is { } file ? await Files.ReadAsync("--ca-file", file, cancel).ConfigureAwait(false) : null,
                TlsServerName = result.GetValue(serverName),
                Token = result.GetValue(tokenFile) is { } from ? (await Files.ReadAsync("--token-file", from, cancel).ConfigureAwait(false)).Trim() : null,
                Kubeconfig = result.GetValue(kubeconfig) is { } path ? Path.GetFullPath(path) : null,
                Context = result.GetValue(context),
            };
            using var client = await ManagementClient.OfAsync(login, cancel).ConfigureAwait(false);
            await client.CheckAsync(cancel).ConfigureAwait(false);
            var kept = LoginFile.Path(EnvironmentVariables.All());
            login.Write(kept);
            await result.InvocationConfiguration.Output.WriteLineAsync($"logged in to {login.Server}; {kept} has it").ConfigureAwait(false);
        });
        return command;
    }
}
