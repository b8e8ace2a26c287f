using System.Net.Http.Headers;
using System.Net.Http.Json;
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
    public async Task A_builds_pods_are_shown_and_whether_they_run_the_newest()
    {
        await using var server = await ClusterServer.StartAsync();
        await using var cluster = await TestCluster.StartAsync(server.Kubeconfig);
        var running = (await AgentContainer.PodmanAsync("image", "inspect", "--format", "{{index .RepoDigests 0}}", await AgentImage.NameAsync())).Trim();
        var name = running.Split('@')[0];

        await using var browser = await ConsoleBrowser.StartAsync(null);
        var page = browser.Page;
        await browser.LogInAsync(cluster.Management, server.Api.Token);
        await ShowsAsync("No build is registered.");
        await RegisterAsync($"{name}@{Unheard}");
        await ShowsAsync("none running");
        await cluster.CreateGuestClaimAsync("web-disk");
        await cluster.Client.CreateAsync(Kinds.VirtualMachines, GuestMachine.Of("web", "web-disk"), CancellationToken.None);
        await cluster.PrintsAsync("web", "Running");
        await ShowsAsync("unknown");
        await RegisterAsync(running);
        await ShowsAsync("consistent");
        await page.Locator("tr", new PageLocatorOptions { HasText = name }).Locator("summary").ClickAsync();
        await page.GetByText("compute: revision 2").WaitForAsync();
        await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(ConsoleBrowser.Pictures, "console-images.png") });
        await RegisterAsync($"{name}@{Unheard}");
        await ShowsAsync("outdated");
        browser.Complaints.ShouldBeEmpty();

        // Somebody looks again each time.
        async Task ShowsAsync(string what)
        {
            await browser.Link("Machines").ClickAsync();
            await browser.Link("Images").ClickAsync();
            await page.GetByText(what, new PageGetByTextOptions { Exact = true }).WaitForAsync();
        }

        async Task RegisterAsync(string digest)
        {
            using var http = new HttpClient(new HttpClientHandler { ServerCertificateCustomValidationCallback = static (_, _, _, _) => true }) { BaseAddress = cluster.Management };
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", server.Api.Token);
            using var answer = await http.PostAsJsonAsync("/kubevirt/builds", new Dictionary<string, object> { ["name"] = name, ["repo_digests"] = new[] { digest } });
            answer.IsSuccessStatusCode.ShouldBeTrue(await answer.Content.ReadAsStringAsync());
        }
    }
}
