using KvmAgent.HostTests.Alone;
using KvmAgent.HostTests.Guests;
using KvmAgent.HostTests.Support;
using Microsoft.Playwright;

namespace KvmAgent.HostTests.Browser;

/// <summary>A guest's SPICE screen in a real browser and a real viewer, with a real coordinator, agent and guest.</summary>
public class SpiceScreenTests
{
    private static readonly string Kvmctl = Path.Combine(AppContext.BaseDirectory, "kvmctl.dll");

    private static readonly LocatorWaitForOptions Patience = new() { Timeout = (float)AgentProcess.Patience.TotalMilliseconds };

    [Fact]
    public async Task It_is_seen_typed_at_and_taken_over()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await using var coordinator = await AloneProcess.StartAsync(pod);
        await using var agent = await StartAsync(pod, coordinator);

        await using var browser = await ConsoleBrowser.StartAsync(pod.Node.Name);
        var page = browser.Page;
        await browser.LogInAsync(coordinator.Management, coordinator.Token);
        await page.GetByRole(AriaRole.Link, new PageGetByRoleOptions { Name = "web", Exact = true }).ClickAsync();
        await page.GetByRole(AriaRole.Link, new PageGetByRoleOptions { Name = "SPICE screen" }).ClickAsync();
        var screen = page.Locator("#screen canvas");
        await screen.WaitForAsync(Patience);
        await Until.TrueAsync(async () => await Canvas.LitAsync(screen) > 100, AgentProcess.Patience);

        await screen.HoverAsync();
        await browser.TypeUntilAsync("say from-the-keyboard\n", () => Task.FromResult(agent.Lines.Any(static l => l.Contains("test-guest: from-the-keyboard", StringComparison.Ordinal))));
        await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(ConsoleBrowser.Pictures, "console-spice.png") });

        // Somebody else's browser, with a session of its own.
        await using var other = await ConsoleBrowser.StartAsync(pod.Node.Name);
        await other.LogInAsync(coordinator.Management, coordinator.Token);
        await other.Page.GotoAsync($"{coordinator.Management}#/vms/local/default/web/spice");
        await other.Page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Take over" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Take it back" }).WaitForAsync();
        await Until.TrueAsync(async () => await Canvas.LitAsync(other.Page.Locator("#screen canvas")) > 100, AgentProcess.Patience);

        // All channels of the first are back, and VNC's screen is there beside.
        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Take it back" }).ClickAsync();
        await other.Page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Take it back" }).WaitForAsync();
        await screen.WaitForAsync(Patience);
        await screen.HoverAsync();
        await browser.TypeUntilAsync("say back-again\n", () => Task.FromResult(agent.Lines.Any(static l => l.Contains("test-guest: back-again", StringComparison.Ordinal))));
        await other.Page.GetByRole(AriaRole.Link, new PageGetByRoleOptions { Name = "Screen", Exact = true }).ClickAsync();
        await Until.TrueAsync(async () => await Canvas.LitAsync(other.Page.Locator("#screen canvas")) > 100, AgentProcess.Patience);

        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Ctrl-Alt-Del" }).ClickAsync();
        await agent.WaitForLineAsync("test-guest: rebooting");
        browser.Complaints.ShouldBeEmpty();
        other.Complaints.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_viewer_on_a_persons_computer_has_it_by_kvmctl()
    {
        await using var pod = await PodNamespace.CreateAsync(new PodOptions());
        await using var coordinator = await AloneProcess.StartAsync(pod);
        await using var agent = await StartAsync(pod, coordinator);
        await using var kvmctl = pod.Node.Start("env", $"KVMCTL_CONFIG={coordinator.Login}", "dotnet", Kvmctl, "vm", "spice", "web", "--once");
        var address = await kvmctl.WaitForLineAsync("spice://127.0.0.1:");
        var picture = Path.Combine(pod.Directory, "screen.ppm");

        await pod.Node.RunAsync("spicy-screenshot", $"--uri={address}", $"--out-file={picture}");

        (await File.ReadAllBytesAsync(picture)).Count(static b => b > 0x80).ShouldBeGreaterThan(100);
        (await kvmctl.ExitAsync()).ShouldBe(0, string.Join('\n', kvmctl.Lines));
    }

    private static async Task<AgentProcess> StartAsync(PodNamespace pod, AloneProcess coordinator)
    {
        var settings = coordinator.AgentSettings;
        settings["IMG_SOURCE"] = await TestGuest.ImageAsync();
        settings["VM_DISPLAY"] = "spice";
        var agent = AgentProcess.Start(pod, settings);
        try
        {
            await coordinator.ReachesAsync("Running", "True");
            return agent;
        }
        catch
        {
            await agent.DisposeAsync();
            throw;
        }
    }
}
