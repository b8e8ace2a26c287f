using KvmAgent.HostTests.Support;
using Microsoft.Playwright;

namespace KvmAgent.HostTests.Browser;

/// <summary>Debian's Chromium without a window, in a network namespace; it fails on whatever a page complains of.</summary>
internal sealed class ConsoleBrowser : IAsyncDisposable
{
    /// <summary>Where pictures are left, for people.</summary>
    public static readonly string Pictures = Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, "pictures")).FullName;

    /// <summary>In milliseconds, as a person types: a guest's keyboard keeps few keys, and loses what comes faster.</summary>
    private const int KeyPace = 30;

    private readonly string _directory;
    private readonly IPlaywright _playwright;
    private readonly IBrowser _browser;
    private readonly List<string> _complaints = [];

    private ConsoleBrowser(string directory, IPlaywright playwright, IBrowser browser, IPage page)
    {
        (_directory, _playwright, _browser, Page) = (directory, playwright, browser, page);
        page.Console += (_, message) =>
        {
            // What the API refuses is the page's to show: that there is no session yet, that a machine is not there any more.
            if (message.Type == "error" && !message.Location.Contains("/session:", StringComparison.Ordinal) && !message.Location.Contains("/kubevirt/", StringComparison.Ordinal))
            {
                Complain($"{message.Text} ({message.Location})");
            }
        };
        page.PageError += (_, error) => Complain(error);
        page.SetDefaultTimeout(60_000);
    }

    public IPage Page { get; }

    /// <summary>Errors of the page's scripts, what its policy forbids, and what could not be loaded.</summary>
    public IReadOnlyList<string> Complaints
    {
        get
        {
            lock (_complaints)
            {
                return [.. _complaints];
            }
        }
    }

    /// <param name="ns">The namespace; null: the tests' own.</param>
    public static async Task<ConsoleBrowser> StartAsync(string? ns)
    {
        var directory = Directory.CreateTempSubdirectory("kvm-browser-").FullName;
        var program = "/usr/bin/chromium";
        if (ns is not null)
        {
            var inside = Path.Combine(directory, "chromium");
            await File.WriteAllTextAsync(inside, $"#!/bin/sh\nexec ip netns exec {ns} {program} \"$@\"\n");
            File.SetUnixFileMode(inside, UnixFileMode.UserRead | UnixFileMode.UserExecute);
            program = inside;
        }

        var playwright = await Playwright.CreateAsync();
        var browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
        {
            ExecutablePath = program,
            Args =
            [
                "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            ],
        });
        // The authority is the coordinator's own; whether clients check it is not what a browser's test is of.
        var context = await browser.NewContextAsync(new BrowserNewContextOptions { IgnoreHTTPSErrors = true, ViewportSize = new ViewportSize { Width = 1280, Height = 860 }, ColorScheme = ColorScheme.Dark });
        return new ConsoleBrowser(directory, playwright, browser, await context.NewPageAsync());
    }

    public async Task LogInAsync(Uri console, string token)
    {
        await Page.GotoAsync(console.ToString());
        await Page.GetByLabel("Token").FillAsync(token);
        await Page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Log in" }).ClickAsync();
        await Page.GetByRole(AriaRole.Heading, new PageGetByRoleOptions { Name = "Machines" }).WaitForAsync();
    }

    public ILocator Button(string name) => Page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = name, Exact = true });

    public ILocator Link(string name) => Page.GetByRole(AriaRole.Link, new PageGetByRoleOptions { Name = name, Exact = true });

    /// <summary>Types it again and again, for nobody may be there yet, until a place shows the answer.</summary>
    public Task TypeUntilAsync(string text, ILocator where, string answer) =>
        TypeUntilAsync(text, async () => (await where.InnerTextAsync()).Contains(answer, StringComparison.Ordinal));

    public async Task TypeUntilAsync(string text, Func<Task<bool>> answered)
    {
        var asked = TimeProvider.System.GetTimestamp() - TimeProvider.System.TimestampFrequency * 10;
        await Until.TrueAsync(
            async () =>
            {
                if (TimeProvider.System.GetElapsedTime(asked) > TimeSpan.FromSeconds(5))
                {
                    await Page.Keyboard.TypeAsync(text, new KeyboardTypeOptions { Delay = KeyPace });
                    asked = TimeProvider.System.GetTimestamp();
                }

                return await answered();
            },
            TimeSpan.FromMinutes(3));
    }

    public async ValueTask DisposeAsync()
    {
        await _browser.CloseAsync();
        _playwright.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private void Complain(string text)
    {
        lock (_complaints)
        {
            _complaints.Add(text);
        }
    }
}
