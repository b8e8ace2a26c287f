using System.Diagnostics;
using KvmAgent.Contracts;
using KvmAgent.HostTests.Browser;
using Microsoft.Playwright;

namespace KvmAgent.Coordinator.Bench;

/// <summary>The web console in a browser on the same machine, with all the machines there.</summary>
internal static class Screen
{
    /// <param name="row">Takes a line of the table.</param>
    public static async Task MeasureAsync(Fleet fleet, CoordinatorProcess coordinator, Action<string, string> row)
    {
        await using var browser = await ConsoleBrowser.StartAsync(null);
        await browser.LogInAsync(coordinator.Management, fleet.Server.Token);
        var lines = browser.Page.Locator("tr[data-vm]");
        await lines.First.WaitForAsync();

        var paints = new List<double>();
        for (var i = 0; i < 10; i++)
        {
            var began = Stopwatch.GetTimestamp();
            await browser.Page.ReloadAsync(new PageReloadOptions { WaitUntil = WaitUntilState.Commit });
            await lines.First.WaitForAsync();
            paints.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
        }

        var (own, count) = (paints.Order().ToList(), await lines.CountAsync());
        row("first paint", $"of the list, {count} of {fleet.Created.Count} machines: median {own[own.Count / 2]:0.00} s, the slowest of {own.Count} {own[^1]:0.00} s (wanted: under 1)");

        var changes = new List<double>();
        for (var i = 0; i < 20; i++)
        {
            var id = (await lines.Nth(i).GetAttributeAsync("data-vm"))!;
            var (agent, state) = (fleet.PodOf(id.Split('/')[1]).Agent, browser.Page.Locator($"tr[data-vm='{id}'] .state"));
            var (phase, shown) = agent.Report.Status.Phase == VmPhase.Paused ? (VmPhase.Running, "Running") : (VmPhase.Paused, "Paused");
            var began = Stopwatch.GetTimestamp();
            agent.Set(phase, ready: phase == VmPhase.Running);
            await state.GetByText(shown).Or(state.Filter(new LocatorFilterOptions { HasText = shown })).First.WaitForAsync();
            changes.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
        }

        var seen = changes.Order().ToList();
        row("on the screen", $"an agent's change after {seen[seen.Count / 2]:0.00} s (median), {seen[^1]:0.00} s at most of {seen.Count} (wanted: within 1)");
    }
}
