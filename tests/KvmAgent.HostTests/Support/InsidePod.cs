using System.Text.Json;
using KvmAgent.Network;
using Microsoft.Extensions.Logging;

namespace KvmAgent.HostTests.Support;

/// <summary>
/// What the test assembly does when it is run as a program: the agent's network alone, in the namespace where it is run
/// (NetworkRunner starts it). It says what happened line by line, and undoes its work when its input ends.
/// </summary>
internal static class InsidePod
{
    public static async Task<int> Main(string[] args)
    {
        var options = JsonSerializer.Deserialize<NetworkOptions>(args[0])!;
        var time = TimeProvider.System;
        VmNetwork? network = null;
        try
        {
            var started = time.GetTimestamp();
            var pod = await PodNetwork.DiscoverAsync(new HostPaths());
            Say("discovered", time.GetElapsedTime(started));
            var plan = NetworkPlan.Create(options.ToRequest(), pod);
            foreach (var warning in plan.Warnings)
            {
                Console.WriteLine($"warning {warning}");
            }

            Say("planned", time.GetElapsedTime(started));
            network = new VmNetwork(plan, new HostPaths(), time, new ConsoleLogger());
            network.LeasesChanged += leases => Console.WriteLine($"leases {string.Join(' ', leases.Select(lease => lease.Address))}");
            await network.CreateLinksAsync();
            Say("links", time.GetElapsedTime(started));
            await network.CreateRulesAsync();
            Say("ready", time.GetElapsedTime(started));
            await Console.In.ReadToEndAsync();
            return 0;
        }
        catch (AgentException e)
        {
            Console.WriteLine($"error {e.Message}");
            return e.ExitCode;
        }
        finally
        {
            if (network is not null)
            {
                await network.UndoAsync();
            }
        }
    }

    private static void Say(string what, TimeSpan elapsed) => Console.WriteLine($"{what} {elapsed.TotalMilliseconds:0.0} ms");

    private sealed class ConsoleLogger : ILogger<VmNetwork>
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Console.WriteLine($"{logLevel} {formatter(state, exception)}");
    }
}
