using KvmAgent.HostTests.Alone;
using KvmAgent.HostTests.Guests;
using KvmAgent.HostTests.Support;
using Microsoft.Playwright;

namespace KvmAgent.HostTests.Browser;

/// <summary>The web console in a real browser, against a real coordinator, agent and guest.</summary>
public class WebConsoleTests
{
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

        await page.GetByRole(AriaRole.Link, new PageGetByRoleOptions { Name = "Serial console" }).ClickAsync();
        await page.Locator(".xterm-helper-textarea").FocusAsync();
        await browser.TypeUntilAsync("echo $((6*7))-is-the-answer\n", page.Locator(".xterm-accessibility"), "42-is-the-answer");

        await page.GetByRole(AriaRole.Link, new PageGetByRoleOptions { Name = "Screen" }).ClickAsync();
        var screen = page.Locator("#screen canvas");
        await screen.WaitForAsync();
        await Until.TrueAsync(async () => await LitAsync(screen) > 100, AgentProcess.Patience);
        await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(ConsoleBrowser.Pictures, "console-screen.png") });

        // Somebody else's browser, with a session of its own.
        await using var other = await ConsoleBrowser.StartAsync(pod.Node.Name);
        await other.LogInAsync(coordinator.Management, coordinator.Token);
        await other.Page.GotoAsync($"{coordinator.Management}#/vms/default/web/screen");
        await other.Page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Take over" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Take it back" }).WaitForAsync();
        await Until.TrueAsync(async () => await LitAsync(other.Page.Locator("#screen canvas")) > 100, AgentProcess.Patience);

        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Pause" }).ClickAsync();
        await other.Page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Resume", Disabled = false }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Pause", Disabled = false }).WaitForAsync();
        browser.Complaints.ShouldBeEmpty();
        other.Complaints.ShouldBeEmpty();
    }

    /// <returns>How many of a canvas' points are not black.</returns>
    private static Task<int> LitAsync(ILocator canvas) => canvas.EvaluateAsync<int>("""
        canvas => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let lit = 0;
          for (let at = 0; at < data.length; at += 4) {
            lit += data[at] + data[at + 1] + data[at + 2] > 0 ? 1 : 0;
          }
          return lit;
        }
        """);
}
