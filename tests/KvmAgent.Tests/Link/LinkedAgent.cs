using System.Net;
using KvmAgent.Contracts.Link;
using KvmAgent.Lifecycle;
using KvmAgent.Link;
using KvmAgent.Status;
using KvmAgent.Tests.Status;
using KvmAgent.Tests.Support;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvmAgent.Tests.Link;

/// <summary>The agent's end of links without a VM: a board that the test moves, its journal, and whatever the coordinator's name is said to mean.</summary>
internal sealed class LinkedAgent : IAsyncDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly LinkPool _pool;
    private readonly StopSignal _stop = new(TimeProvider.System);

    public LinkedAgent(int port, params string[] addresses)
    {
        Token = _directory.Write("token", "first\n");
        var settings = Given.Settings(
            ("COORDINATOR_URL", $"http://localhost:{port}/prefix/"),
            ("COORDINATOR_TOKEN_FILE", Token),
            ("POD_UID", "uid-1"),
            ("VM_DIR", _directory.FullPath),
            ("RUN_DIR", _directory.FullPath));
        Journal = new Journal(_directory.FullPath, new AgentStart(Guid.NewGuid().ToString("N"), DateTimeOffset.UnixEpoch));
        Board.Changed += Journal.Record;
        Journal.Record(Board.Current);
        var (access, time) = (new GuestAccess(), TimeProvider.System);
        Enrolment = new Enrolment(settings);
        OwnToken = Enrolment.PathOf(settings);
        var dialer = new LinkDialer(settings.Link, Enrolment, time);
        var usage = new UsageReader(new HostPaths(), access);
        var commands = new LinkCommands(Board, access, _stop, new GuestFreeze(access, _stop, time, NullLogger<GuestFreeze>.Instance), usage);
        var targets = new StreamTargets(settings, access);
        var owners = new StreamOwners();
        _pool = new LinkPool(
            settings.Link,
            (_, _) => Task.FromResult(addresses.Select(IPAddress.Parse).ToArray()),
            (address, ended) => new LinkToAddress(
                address,
                dialer,
                new LinkReports(settings, Enrolment, Journal, Board, usage, time),
                commands,
                new LinkStreams(address, dialer, targets, owners, time, NullLogger<LinkStreams>.Instance, ended),
                time,
                new LinesLogger(Lines)),
            time,
            NullLogger<LinkPool>.Instance);
    }

    public string Token { get; }

    /// <summary>Where the VM's own is kept.</summary>
    public string OwnToken { get; }

    public Enrolment Enrolment { get; }

    public string RunDir => _directory.FullPath;

    public StatusBoard Board { get; } = Boards.New();

    public Journal Journal { get; }

    public CancellationToken Stopping => _stop.Requested;

    /// <summary>What the links have logged.</summary>
    public List<string> Lines { get; } = [];

    public Task FinishAsync() => _pool.FinishAsync(CoordinatorDouble.Limit);

    public async ValueTask DisposeAsync()
    {
        await _pool.DisposeAsync();
        _stop.Dispose();
        _directory.Dispose();
    }

    private sealed class LinesLogger(List<string> lines) : ILogger<LinkToAddress>
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (lines)
            {
                lines.Add(formatter(state, exception) + exception);
            }
        }
    }
}
