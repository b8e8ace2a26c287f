using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Kubernetes.Core;
using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Coordinator.Imports.Crons;

/// <summary>What a decision about a cron rests on.</summary>
/// <param name="Volumes">Those with the cron's label, and whichever has the name of the wanted one.</param>
/// <param name="Source">Of the managed DataSource's name, whoever made it.</param>
/// <param name="Pod">Of <see cref="CronImports.PodName"/>, likewise.</param>
internal sealed record CronView(DataImportCron Cron, IReadOnlyList<DataVolume> Volumes, DataSource? Source, Pod? Pod, DateTimeOffset Now);

/// <summary>One write, beside that of the status.</summary>
internal abstract record CronStep
{
    /// <summary>A pod looks for the revision, when there is a turn.</summary>
    public sealed record Poll(ImportRequest Request) : CronStep;

    public sealed record DeletePod(Pod Pod) : CronStep;

    /// <summary>On the cron; null takes one away.</summary>
    public sealed record Annotate(JsonObject Annotations) : CronStep;

    public sealed record Import(DataVolume Volume) : CronStep;

    public sealed record Delete(DataVolume Volume) : CronStep;

    public sealed record CreateSource(DataSource Source) : CronStep;

    public sealed record PointSource(DataSource Source, SourceObject Claim) : CronStep;

    public sealed record OwnVolume(DataVolume Volume, IReadOnlyList<OwnerReference> Owners) : CronStep;

    public sealed record OwnSource(DataSource Source, IReadOnlyList<OwnerReference> Owners) : CronStep;
}

/// <param name="Steps">In this order, before the status.</param>
/// <param name="Again">When the next look is due.</param>
internal sealed record CronPlan(DataImportCronStatus Status, IReadOnlyList<CronStep> Steps, TimeSpan? Again, IReadOnlyList<MachineEvent> Events);
