using KvmAgent.Coordinator.Api;
using KvmAgent.HostTests.Cluster;
using KvmAgent.HostTests.Containers;
using Microsoft.Playwright;

namespace KvmAgent.HostTests.Browser;

/// <summary>Builds and what runs of them, in a real browser: the agent's own image is one, and a machine's pod runs it.</summary>
public class ImagePageTests
{
    private const string Unheard = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

    [ContainerFact]
    public async Task A_build_is_registered_and_its_pods_are_shown_and_whether_they_run_the_newest()
    {
        await using var server = await ClusterServer.StartAsync();
        await using var cluster = await TestCluster.StartAsync(server.Kubeconfig);
        var running = (await AgentContainer.PodmanAsync("image", "inspect", "--format", "{{index .RepoDigests 0}}", await AgentImage.NameAsync())).Trim();
        var name = running.Split('@')[0];

        await using var browser = await ConsoleBrowser.StartAsync(null);
        var page = browser.Page;
        await browser.LogInAsync(cluster.Management, server.Api.Token);
        await ShowsAsync("No build is registered.");
        await RegisterAsync($"{name}@{Unheard}", 1);
        await ShowsAsync("none running");
        await cluster.CreateGuestClaimAsync("web-disk");
        await cluster.Client.CreateAsync(Kinds.VirtualMachines, GuestMachine.Of("web", "web-disk"), CancellationToken.None);
        await cluster.PrintsAsync("web", "Running");
        await ShowsAsync("unknown");
        await RegisterAsync(running, 2);
        await ShowsAsync("consistent");
        await page.Locator("tr", new PageLocatorOptions { HasText = name }).Locator("summary").ClickAsync();
        await page.GetByText("compute: revision 2").WaitForAsync();
        await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(ConsoleBrowser.Pictures, "console-images.png") });
        await RegisterAsync($"{name}@{Unheard}", 3);
        await ShowsAsync("outdated");
        browser.Complaints.ShouldBeEmpty();

        // Somebody looks again each time.
        async Task ShowsAsync(string what)
        {
            await browser.Link("Machines").ClickAsync();
            await browser.Link("Images").ClickAsync();
            await page.GetByText(what, new PageGetByTextOptions { Exact = true }).WaitForAsync();
        }

        async Task RegisterAsync(string digest, int revision)
        {
            await page.GetByText("Register a build").ClickAsync();
            await page.GetByLabel("Image", new PageGetByLabelOptions { Exact = true }).FillAsync($"{name}:latest");
            await page.GetByLabel("Digests in registries").FillAsync(digest);
            await page.GetByLabel("Built at").FillAsync("builder-1");
            await browser.Button("Register it").ClickAsync();
            await page.GetByRole(AriaRole.Alert).GetByText($"name=\"{name}:latest\" is no image without a tag").WaitForAsync();
            await page.GetByLabel("Image", new PageGetByLabelOptions { Exact = true }).FillAsync(name);
            await page.Keyboard.PressAsync("Enter");
            await page.GetByText($"{name} has revision {revision}").WaitForAsync();
        }
    }
}
