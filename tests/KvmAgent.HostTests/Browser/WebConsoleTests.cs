using System.Net;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Subresources;
using KvmAgent.HostTests.Alone;
using KvmAgent.HostTests.Cluster;
using KvmAgent.HostTests.Containers;
using KvmAgent.HostTests.Guests;
using KvmAgent.HostTests.Support;
using Microsoft.Playwright;

namespace KvmAgent.HostTests.Browser;

/// <summary>The web console in a real browser, against a real coordinator, agent and guest.</summary>
public class WebConsoleTests
{
    private static readonly LocatorWaitForOptions Patience = new() { Timeout = (float)AgentProcess.Patience.TotalMilliseconds };

    [Fact]
    public async Task A_guests_screen_is_seen_and_its_serial_console_answers()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await using var coordinator = await AloneProcess.StartAsync(pod);
        var settings = coordinator.AgentSettings;
        settings["IMG_SOURCE"] = await TestGuest.ImageAsync();
        await using var agent = AgentProcess.Start(pod, settings);
        await coordinator.ReachesAsync("Running", "True");

        await using var browser = await ConsoleBrowser.StartAsync(pod.Node.Name);
        var page = browser.Page;
        await browser.LogInAsync(coordinator.Management, coordinator.Token);
        await page.GetByRole(AriaRole.Link, new PageGetByRoleOptions { Name = "web", Exact = true }).ClickAsync();
        await page.GetByText("Running", new PageGetByTextOptions { Exact = true }).First.WaitForAsync();

        // Two answers make a rate.
        foreach (var (chart, told) in new[] { ("CPU", "CPUs"), ("Memory", "MiB"), ("Network", "received"), ("Disks", "read") })
        {
            await page.Locator("figure.chart", new PageLocatorOptions { HasText = chart }).Locator("output").GetByText(told).WaitForAsync();
        }

        await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(ConsoleBrowser.Pictures, "console-machine.png"), FullPage = true });
        await page.GetByRole(AriaRole.Link, new PageGetByRoleOptions { Name = "Serial console" }).ClickAsync();
        await page.Locator(".xterm-helper-textarea").FocusAsync();
        await browser.TypeUntilAsync("echo $((6*7))-is-the-answer\n", page.Locator(".xterm-accessibility"), "42-is-the-answer");

        await page.GetByRole(AriaRole.Link, new PageGetByRoleOptions { Name = "Screen" }).ClickAsync();
        var screen = page.Locator("#screen canvas");
        await screen.WaitForAsync();
        await Until.TrueAsync(async () => await Canvas.LitAsync(screen) > 100, AgentProcess.Patience);
        await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(ConsoleBrowser.Pictures, "console-screen.png") });

        // Somebody else's browser, with a session of its own.
        await using var other = await ConsoleBrowser.StartAsync(pod.Node.Name);
        await other.LogInAsync(coordinator.Management, coordinator.Token);
        await other.Page.GotoAsync($"{coordinator.Management}#/vms/local/default/web/screen");
        await other.Page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Take over" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Take it back" }).WaitForAsync();
        await Until.TrueAsync(async () => await Canvas.LitAsync(other.Page.Locator("#screen canvas")) > 100, AgentProcess.Patience);

        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Pause" }).ClickAsync();
        await other.Page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Resume", Disabled = false }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Pause", Disabled = false }).WaitForAsync();

        await page.GotoAsync($"{coordinator.Management}#/events");
        await page.Locator("tr[data-event]", new PageLocatorOptions { HasText = "default/web" }).Filter(new LocatorFilterOptions { HasText = "Paused" }).First.WaitForAsync();
        await page.GotoAsync($"{coordinator.Management}#/jobs");
        await page.GetByText("There are no jobs.").WaitForAsync();
        await page.GotoAsync($"{coordinator.Management}#/images");
        await page.GetByRole(AriaRole.Heading, new PageGetByRoleOptions { Name = "Volumes" }).WaitForAsync();
        browser.Complaints.ShouldBeEmpty();
        other.Complaints.ShouldBeEmpty();
    }

    [ContainerFact]
    public async Task A_machine_is_made_by_the_form_and_another_stopped_and_started_by_its_buttons()
    {
        await using var server = await ClusterServer.StartAsync();
        await using var cluster = await TestCluster.StartAsync(server.Kubeconfig);
        server.Api.Aggregate(SubresourceApi.Group, new IPEndPoint(IPAddress.Loopback, cluster.ApiPort), server.FrontProxyCertificate);
        await cluster.CreateGuestClaimAsync("web-disk");
        var machine = GuestMachine.Of("web", "web-disk");
        // No name and no label is as bad, for the API allows none.
        const string hostile = "<img src=x onerror=alert(1)>";
        await cluster.Client.CreateAsync(
            Kinds.VirtualMachines, machine with { Metadata = machine.Metadata with { Annotations = new Dictionary<string, string> { ["hostile"] = hostile } } }, CancellationToken.None);

        await using var browser = await ConsoleBrowser.StartAsync(null);
        var page = browser.Page;
        await browser.LogInAsync(cluster.Management, server.Api.Token);
        var line = page.Locator("tr[data-vm='default/web']");
        await line.GetByText("Running", new LocatorGetByTextOptions { Exact = true }).WaitForAsync(Patience);
        await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(ConsoleBrowser.Pictures, "console-list.png") });
        await line.GetByRole(AriaRole.Button, new LocatorGetByRoleOptions { Name = "Stop" }).ClickAsync();
        await line.GetByText("Stopped", new LocatorGetByTextOptions { Exact = true }).WaitForAsync(Patience);
        await cluster.PrintsAsync("web", "Stopped");

        await line.GetByRole(AriaRole.Link, new LocatorGetByRoleOptions { Name = "web", Exact = true }).ClickAsync();
        await page.GetByRole(AriaRole.Link, new PageGetByRoleOptions { Name = "YAML" }).ClickAsync();
        await page.GetByText($"hostile: {hostile}").WaitForAsync();
        (await page.Locator("main img").CountAsync()).ShouldBe(0);
        await page.Locator("main").GetByRole(AriaRole.Link, new LocatorGetByRoleOptions { Name = "Events" }).ClickAsync();
        await page.GetByText("SuccessfulCreate", new PageGetByTextOptions { Exact = true }).First.WaitForAsync();
        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Start", Exact = true }).ClickAsync();
        await page.GetByText("Running", new PageGetByTextOptions { Exact = true }).First.WaitForAsync(Patience);
        await cluster.PrintsAsync("web", "Running");

        await page.GetByRole(AriaRole.Link, new PageGetByRoleOptions { Name = "New machine" }).ClickAsync();
        await page.GetByLabel("Name", new PageGetByLabelOptions { Exact = true }).FillAsync("made");
        await page.GetByLabel("Image").FillAsync("docker://registry.invalid/guest:1");
        await page.GetByLabel("CPUs").FillAsync("2");
        await page.GetByLabel("SSH key").FillAsync("ssh-ed25519 AAAA me@here");
        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Make it" }).ClickAsync();
        await page.GetByRole(AriaRole.Heading, new PageGetByRoleOptions { Name = "default / made" }).WaitForAsync();
        var made = (await cluster.MachineAsync("made")).Spec!.Template.Spec!;
        made.Domain!.Cpu!.Cores.ShouldBe(2);
        made.Volumes![0].ContainerDisk!.Image.ShouldBe("registry.invalid/guest:1");
        made.Volumes[1].CloudInitNoCloud!.UserData.ShouldBe("#cloud-config\nssh_authorized_keys:\n  - \"ssh-ed25519 AAAA me@here\"\n");

        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Delete" }).ClickAsync();
        await page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new LocatorGetByRoleOptions { Name = "Delete" }).ClickAsync();
        await page.GetByRole(AriaRole.Heading, new PageGetByRoleOptions { Name = "Machines" }).WaitForAsync();
        await page.Locator("tr[data-vm='default/made']").WaitForAsync(new LocatorWaitForOptions { State = WaitForSelectorState.Detached, Timeout = Patience.Timeout });
        browser.Complaints.ShouldBeEmpty();
    }
}
