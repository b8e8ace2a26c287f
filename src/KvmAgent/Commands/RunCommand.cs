using System.CommandLine;
using KvmAgent.Contracts.Link;
using KvmAgent.Lifecycle;
using KvmAgent.Link;
using KvmAgent.Processes;
using KvmAgent.Settings;
using KvmAgent.Status;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Commands;

/// <summary><c>kvm-agent run</c>: the VM itself, until it ends.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var command = new Command("run", "Run the VM that the environment describes, until it ends.");
        command.SetAction((_, _) => CommandLine.GuardAsync(RunAsync));
        return command;
    }

    private static async Task<int> RunAsync()
    {
        var (settings, warnings) = VmSettingsReader.Read(CommandLine.Environment(), Environment.MachineName);

        // What the agent makes is for itself and, by owner, for QEMU; nobody else needs to look.
        const uint others = 7;
        _ = Native.Umask(others);
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        AgentLog.Configure(builder.Logging, settings.Log);
        builder.Services
            .AddSingleton(settings)
            .AddSingleton(HostPaths.FromEnvironment())
            .AddSingleton(TimeProvider.System)
            .AddSingleton<StopSignal>()
            .AddSingleton<HoldGate>()
            .AddSingleton<GuestAccess>()
            .AddSingleton(new Journal(settings.RunDir, new AgentStart(Guid.NewGuid().ToString("N"), TimeProvider.System.GetUtcNow())))
            .AddSingleton<CoordinatorLink>()
            .AddSingleton<AgentExit>()
            .AddSingleton<VmRunner>()
            .AddSingleton(s => new StatusBoard(settings.Name, settings.Namespace, TimeProvider.System, s.GetRequiredService<ILogger<StatusBoard>>()))
            .AddSingleton<IHostLifetime, SignalLifetime>()
            .AddHostedService<VmService>();
        using var host = builder.Build();
        foreach (var warning in warnings)
        {
            host.Services.GetRequiredService<StatusBoard>().Warn(warning);
        }

        var exit = host.Services.GetRequiredService<AgentExit>();
        await host.RunAsync().ConfigureAwait(false);
        return exit.Code;
    }
}
