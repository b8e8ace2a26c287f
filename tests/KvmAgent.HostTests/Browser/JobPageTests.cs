using System.Net;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Subresources;
using KvmAgent.HostTests.Cluster;
using KvmAgent.HostTests.Containers;
using KvmAgent.HostTests.Guests;
using Microsoft.Playwright;

namespace KvmAgent.HostTests.Browser;

/// <summary>What takes long, begun and seen in a real browser, against a real coordinator with real importers.</summary>
public class JobPageTests
{
    private static readonly LocatorWaitForOptions Patience = new() { Timeout = (float)AgentProcess.Patience.TotalMilliseconds };

    [ContainerFact]
    public async Task A_machine_is_cloned_from_its_page_and_its_job_is_seen_to_its_end()
    {
        await using var server = await ClusterServer.StartAsync();
        await using var cluster = await TestCluster.StartAsync(server.Kubeconfig, importers: server.Api);
        server.Api.Aggregate(SubresourceApi.Group, new IPEndPoint(IPAddress.Loopback, cluster.ApiPort), server.FrontProxyCertificate);
        await cluster.CreateGuestClaimAsync("web-disk");
        await cluster.Client.CreateAsync(Kinds.VirtualMachines, GuestMachine.Of("web", "web-disk"), CancellationToken.None);
        await cluster.PrintsAsync("web", "Running");

        await using var browser = await ConsoleBrowser.StartAsync(null);
        var page = browser.Page;
        await browser.LogInAsync(cluster.Management, server.Api.Token);
        await CloneAsync("copy");
        var copy = Job("copy");
        // Of a disk that a guest writes to there is no copy.
        await copy.GetByText("in use by pod").WaitForAsync(Patience);
        await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(ConsoleBrowser.Pictures, "console-jobs.png") });
        await CloneAsync("unwanted");
        await Job("unwanted").GetByRole(AriaRole.Button, new LocatorGetByRoleOptions { Name = "Cancel" }).ClickAsync();
        await page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new LocatorGetByRoleOptions { Name = "Cancel the job" }).ClickAsync();
        await Job("unwanted").GetByText("cancelled", new LocatorGetByTextOptions { Exact = true }).WaitForAsync(Patience);

        await OpenAsync("web");
        await browser.Button("Stop").ClickAsync();
        await page.GetByText("Stopped", new PageGetByTextOptions { Exact = true }).First.WaitForAsync(Patience);
        await browser.Link("Jobs").ClickAsync();
        await copy.GetByText("completed", new LocatorGetByTextOptions { Exact = true }).WaitForAsync(Patience);
        await copy.GetByText("machine default/copy is there with its disks").WaitForAsync();
        await copy.GetByRole(AriaRole.Link, new LocatorGetByRoleOptions { Name = "default/copy" }).ClickAsync();
        await page.GetByRole(AriaRole.Heading, new PageGetByRoleOptions { Name = "default / copy" }).WaitForAsync();
        await page.GetByText("Stopped", new PageGetByTextOptions { Exact = true }).First.WaitForAsync(Patience);
        (await cluster.Client.FindAsync(Kinds.VirtualMachines, TestCluster.Namespace, "unwanted", CancellationToken.None)).ShouldBeNull();
        browser.Complaints.ShouldBeEmpty();

        async Task OpenAsync(string name)
        {
            await browser.Link("Machines").ClickAsync();
            await browser.Link(name).ClickAsync();
        }

        // The jobs' page is where it leads.
        async Task CloneAsync(string name)
        {
            await OpenAsync("web");
            await browser.Button("Clone").ClickAsync();
            await page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Textbox).FillAsync(name);
            await page.Keyboard.PressAsync("Enter");
            await page.GetByRole(AriaRole.Heading, new PageGetByRoleOptions { Name = "Jobs" }).WaitForAsync();
        }

        ILocator Job(string name) => page.Locator("tbody tr", new PageLocatorOptions { HasText = $"default/{name}" });
    }
}
