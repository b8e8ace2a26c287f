using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Subresources;
using KvmAgent.HostTests.Cluster;
using KvmAgent.HostTests.Containers;
using KvmAgent.HostTests.Guests;
using KvmAgent.TestSupport.Api;
using Microsoft.Playwright;

namespace KvmAgent.HostTests.Browser;

/// <summary>Two clusters, each with a real coordinator, in one real browser; the second's machines are real guests.</summary>
public class ProviderPageTests
{
    /// <summary>By what the one cluster is known to the other.</summary>
    private const string Known = "console-of-the-other";

    private static readonly LocatorWaitForOptions Patience = new() { Timeout = (float)AgentProcess.Patience.TotalMilliseconds };

    [ContainerFact]
    public async Task Another_cluster_is_added_its_machine_stopped_and_started_and_where_it_cannot_be_reached_the_others_go_on()
    {
        await using var server = await ClusterServer.StartAsync();
        await using var cluster = await TestCluster.StartAsync(server.Kubeconfig);
        await using var eastServer = await ClusterServer.StartAsync(https: true);
        await using var east = await TestCluster.StartAsync(eastServer.Kubeconfig);
        eastServer.Api.Aggregate(SubresourceApi.Group, new IPEndPoint(IPAddress.Loopback, east.ApiPort), eastServer.FrontProxyCertificate);
        await east.CreateGuestClaimAsync("web-disk");
        await east.Client.CreateAsync(Kinds.VirtualMachines, GuestMachine.Of("web", "web-disk"), CancellationToken.None);
        eastServer.Api.AddUser(Known, Known, "system:masters");
        eastServer.Api.Access = static _ => true;
        await CreateHaltedAsync("idle");

        await using var browser = await ConsoleBrowser.StartAsync(null);
        var page = browser.Page;
        await browser.LogInAsync(cluster.Management, server.Api.Token);
        await AddAsync();
        await EditAsync();
        await browser.Link("Machines").ClickAsync();
        await page.GetByRole(AriaRole.Columnheader, new PageGetByRoleOptions { Name = "Provider" }).WaitForAsync();
        var web = Line("east", "web");
        await Line("local", "idle").WaitForAsync();
        await web.GetByText("Running", new LocatorGetByTextOptions { Exact = true }).WaitForAsync(Patience);
        await page.GetByLabel("Provider").SelectOptionAsync("local");
        await web.WaitForAsync(new LocatorWaitForOptions { State = WaitForSelectorState.Detached });
        await page.GetByLabel("Provider").SelectOptionAsync("east");
        await web.WaitForAsync();
        (await Line("local", "idle").CountAsync()).ShouldBe(0);

        await web.GetByRole(AriaRole.Link, new LocatorGetByRoleOptions { Name = "web" }).ClickAsync();
        await page.GetByRole(AriaRole.Heading, new PageGetByRoleOptions { Name = "east / default / web" }).WaitForAsync();
        // A change that is shown takes the focus from nobody.
        await browser.Button("Stop").FocusAsync();
        await east.Client.MergePatchAsync(
            Kinds.VirtualMachines, TestCluster.Namespace, "web", new JsonObject { ["metadata"] = new JsonObject { ["labels"] = new JsonObject { ["tier"] = "front" } } }, null, CancellationToken.None);
        await page.GetByText("tier=front").WaitForAsync();
        await page.Keyboard.PressAsync("Enter");
        await page.GetByText("Stopped", new PageGetByTextOptions { Exact = true }).First.WaitForAsync(Patience);
        await east.PrintsAsync("web", "Stopped");
        await browser.Button("Start").ClickAsync();
        await page.GetByText("Running", new PageGetByTextOptions { Exact = true }).First.WaitForAsync(Patience);
        await east.PrintsAsync("web", "Running");

        await browser.Link("Machines").ClickAsync();
        await Line("local", "idle").WaitForAsync();
        // From here alone; its own coordinator and node go on.
        eastServer.Api.Faults.OnRequest = static request => request.Headers.Authorization == $"Bearer {Known}" ? new Fault { Drop = Drop.Before } : null;
        await page.Locator(".problem", new PageLocatorOptions { HasText = "east" }).GetByText("is unreachable").WaitForAsync();
        await web.WaitForAsync();
        await CreateHaltedAsync("late");
        await Line("local", "late").GetByText("Stopped", new LocatorGetByTextOptions { Exact = true }).WaitForAsync();
        await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(ConsoleBrowser.Pictures, "console-providers.png") });
        await web.GetByRole(AriaRole.Link, new LocatorGetByRoleOptions { Name = "web" }).ClickAsync();
        await page.Locator("main").GetByText("provider \"east\" cannot be reached").WaitForAsync();
        await browser.Link("Machines").ClickAsync();
        await page.Locator(".problem").WaitForAsync();
        eastServer.Api.Faults.OnRequest = null;
        await page.Locator(".problem").WaitForAsync(new LocatorWaitForOptions { State = WaitForSelectorState.Detached });

        await browser.Link("Providers").ClickAsync();
        await browser.Button("Remove east").ClickAsync();
        await page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new LocatorGetByRoleOptions { Name = "Remove" }).ClickAsync();
        await Told("east").WaitForAsync(new LocatorWaitForOptions { State = WaitForSelectorState.Detached });
        browser.Complaints.ShouldBeEmpty();

        // By a file with two contexts, of which the current one is nobody's.
        async Task AddAsync()
        {
            await browser.Link("Providers").ClickAsync();
            await browser.Link("Add a provider").ClickAsync();
            var kubeconfig = eastServer.Api.KubeconfigOf(Known).Replace("current-context: test", "current-context: stranger", StringComparison.Ordinal)
                .Replace("contexts:\n", "contexts:\n- {name: stranger, context: {cluster: test, user: stranger}}\n", StringComparison.Ordinal)
                .Replace("users:\n", "users:\n- {name: stranger, user: {token: nobodys}}\n", StringComparison.Ordinal);
            await page.GetByLabel("Kubeconfig: a file").SetInputFilesAsync(new FilePayload { Name = "config", MimeType = "text/plain", Buffer = Encoding.UTF8.GetBytes(kubeconfig) });
            await page.GetByLabel("Name", new PageGetByLabelOptions { Exact = true }).FillAsync("east");
            await page.Keyboard.PressAsync("Enter");
            await page.GetByRole(AriaRole.Alert).GetByText("does not take the credentials").WaitForAsync();
            await page.GetByLabel("Context").SelectOptionAsync("test");
            await browser.Button("Add it").ClickAsync();
            await Told("east").GetByText("connected", new LocatorGetByTextOptions { Exact = true }).WaitForAsync();
        }

        // First what is no secret, then the credentials as a whole.
        async Task EditAsync()
        {
            await browser.Link("Edit east").ClickAsync();
            (await page.ContentAsync()).ShouldNotContain(Known);
            (await page.GetByLabel("Context").InputValueAsync()).ShouldBe("test");
            await page.GetByLabel("Storage class").FillAsync("fast");
            await browser.Button("Change it").ClickAsync();
            await Told("east").GetByText("fast", new LocatorGetByTextOptions { Exact = true }).WaitForAsync();
            await browser.Link("Edit east").ClickAsync();
            await page.GetByLabel("It is known by").SelectOptionAsync("token");
            await page.GetByLabel("Server").FillAsync(eastServer.Api.Address.GetLeftPart(UriPartial.Authority));
            await page.GetByLabel("Its certificate's authority", new PageGetByLabelOptions { Exact = true }).FillAsync(eastServer.Api.CertificateAuthority!);
            await page.GetByLabel("Token").FillAsync("nobodys");
            await page.Keyboard.PressAsync("Enter");
            await page.GetByRole(AriaRole.Alert).GetByText("provider \"east\" is not changed").WaitForAsync();
            await page.GetByLabel("Token").FillAsync(Known);
            await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(ConsoleBrowser.Pictures, "console-provider-form.png"), FullPage = true });
            await page.Keyboard.PressAsync("Enter");
            await Told("east").GetByText("token", new LocatorGetByTextOptions { Exact = true }).WaitForAsync();
            await Told("east").GetByText("fast", new LocatorGetByTextOptions { Exact = true }).WaitForAsync();
            await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(ConsoleBrowser.Pictures, "console-provider-list.png") });
        }

        ILocator Told(string provider) => page.Locator("tbody tr", new PageLocatorOptions { HasText = provider });

        ILocator Line(string provider, string name) => page.Locator($"tr[data-vm='default/{name}'][data-provider='{provider}']");

        async Task CreateHaltedAsync(string name)
        {
            var machine = GuestMachine.Of(name, $"{name}-disk");
            await cluster.Client.CreateAsync(Kinds.VirtualMachines, machine with { Spec = machine.Spec! with { RunStrategy = "Halted" } }, CancellationToken.None);
        }
    }
}
