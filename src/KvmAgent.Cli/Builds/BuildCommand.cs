using System.CommandLine;
using System.Text.Json;
using KvmAgent.Cli.Management;
using KvmAgent.Cli.Output;
using KvmAgent.Contracts.Rest;

namespace KvmAgent.Cli.Builds;

/// <summary><c>kvmctl build</c>: container images that somebody has built, and where they run.</summary>
internal static class BuildCommand
{
    public const string Root = "/kubevirt/builds";

    public static Command Create() => new("build", "Look after builds of container images, and see where they run.") { List(), Get(), Register(), BuildRunningCommand.Create(), Printer.Option };

    private static Command List()
    {
        var name = new Option<string?>("--name") { Description = "Of this image alone." };
        var command = new Command("list", "List builds, of each image the newest first.") { name };
        command.Aliases.Add("ls");
        command.Guard(async (result, cancel) =>
        {
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            var list = await client.GetAsync($"{Root}{QueryText.Of(("name", result.GetValue(name)))}", RestJson.Default.BuildList, cancel).ConfigureAwait(false);
            await Printer.Of(result).ListAsync(
                list.Builds, JsonSerializer.SerializeToNode(list, RestJson.Default.BuildList)!, static b => $"{b.Id}", Columns(list.Timestamp), "there are no builds").ConfigureAwait(false);
        });
        return command;
    }

    private static Command Get()
    {
        var id = new Argument<string>("build") { Description = "The build's id." };
        var command = new Command("get", "Show a build, in YAML or JSON.") { id };
        command.Guard(async (result, cancel) =>
        {
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            var build = await client.GetAsync($"{Root}/{Uri.EscapeDataString(result.GetValue(id)!)}", RestJson.Default.BuildSummary, cancel).ConfigureAwait(false);
            await Printer.Of(result).ObjectAsync($"{build.Id}", JsonSerializer.SerializeToNode(build, RestJson.Default.BuildSummary)!).ConfigureAwait(false);
        });
        return command;
    }

    private static Command Register()
    {
        var name = new Argument<string>("image") { Description = "The image's name without a tag, such as registry.example.com/web." };
        var digests = new Option<string[]>("--digest") { Description = "As a registry has it: registry.example.com/web@sha256:…; may be given several times." };
        var imageId = new Option<string?>("--image-id") { Description = "Of the image's configuration: sha256:…" };
        var host = new Option<string?>("--build-host") { Description = "Where it was built." };
        var action = new Option<string?>("--action-id") { Description = "Of what has built it, in that system's own words." };
        var command = new Command("register", "Register a build of an image; its revision is counted up.") { name, digests, imageId, host, action };
        command.Guard(async (result, cancel) =>
        {
            var request = new BuildRequest
            {
                Name = result.GetValue(name)!,
                RepoDigests = result.GetValue(digests) is { Length: > 0 } given ? given : null,
                ImageId = result.GetValue(imageId),
                BuildHost = result.GetValue(host),
                ActionId = result.GetValue(action),
            };
            using var client = await ManagementClient.OfAsync(cancel).ConfigureAwait(false);
            var build = await client.PostAsync(Root, request, RestJson.Default.BuildRequest, RestJson.Default.BuildSummary, cancel).ConfigureAwait(false);
            await Printer.Of(result).DoneAsync(
                $"{build.Id}", $"build {build.Id} is revision {build.Revision} of {build.Name}", JsonSerializer.SerializeToNode(build, RestJson.Default.BuildSummary)!).ConfigureAwait(false);
        });
        return command;
    }

    private static IReadOnlyList<Column<BuildSummary>> Columns(DateTimeOffset now) =>
    [
        new("ID", static b => $"{b.Id}"),
        new("IMAGE", static b => b.Name),
        new("REVISION", static b => $"{b.Revision}"),
        new("HOST", static b => b.BuildHost ?? ""),
        new("AGE", b => Shown.Age(b.CreatedAt, now)),
        new("ACTION", static b => b.ActionId ?? "", Wide: true),
        new("DIGESTS", static b => string.Join(",", b.RepoDigests), Wide: true),
        new("IMAGE ID", static b => b.ImageId ?? "", Wide: true),
    ];
}
