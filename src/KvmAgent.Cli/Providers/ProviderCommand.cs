using System.CommandLine;
using System.Text.Json;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Contracts.Rest;

namespace KvmAgent.Cli.Providers;

/// <summary><c>kvmctl provider</c>: the clusters whose machines are managed.</summary>
internal static class ProviderCommand
{
    private const string Root = "/kubevirt/providers";

    private static readonly Argument<string> Name = new("provider") { Description = "The provider's name." };

    public static Command Create() => new("provider", "Manage the clusters whose virtual machines are managed.")
    {
        ProviderListCommand.Create(),
        Get(),
        Change("add", "Add a provider, once it has been seen to work."),
        Change("edit", "Change a provider, once that has been seen to work; what is not given stays, credentials are replaced whole."),
        Remove(),
        Printer.Option,
    };

    private static Command Get()
    {
        var command = new Command("get", "Show a provider, but not what is shown to it, in YAML or JSON.") { Name };
        command.Guard(async (result, cancel) =>
        {
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            var details = await client.PostAsync(
                $"{Root}/get", new ProviderGetRequest(result.GetValue(Name)), RestJson.Default.ProviderGetRequest, RestJson.Default.ProviderDetails, cancel).ConfigureAwait(false);
            await Printer.Of(result).ObjectAsync(details.Provider.Name, JsonSerializer.SerializeToNode(details, RestJson.Default.ProviderDetails)!).ConfigureAwait(false);
        });
        return command;
    }

    private static Command Change(string verb, string description)
    {
        var options = new ProviderOptions();
        var command = new Command(verb, description) { Name };
        options.AddTo(command);
        command.Guard(async (result, cancel) =>
        {
            var request = await options.ReadAsync(result, result.GetValue(Name)!, cancel).ConfigureAwait(false);
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            var answer = await client.PostAsync($"{Root}/{verb}", request, RestJson.Default.ProviderRequest, RestJson.Default.VmAnswer, cancel).ConfigureAwait(false);
            await Printer.Of(result).DoneAsync(answer).ConfigureAwait(false);
        });
        return command;
    }

    private static Command Remove()
    {
        var command = new Command("remove", "Forget a provider, and leave its virtual machines alone.") { Name };
        command.Guard(async (result, cancel) =>
        {
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            var answer = await client.PostAsync(
                $"{Root}/remove", new ProviderGetRequest(result.GetValue(Name)), RestJson.Default.ProviderGetRequest, RestJson.Default.VmAnswer, cancel).ConfigureAwait(false);
            await Printer.Of(result).DoneAsync(answer).ConfigureAwait(false);
        });
        return command;
    }
}
