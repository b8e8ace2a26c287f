using System.Globalization;
using KvmAgent.Contracts.Rest;
using KvmAgent.Coordinator.Jobs;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Providers;
using KvmAgent.Coordinator.Rest.Access;
using KvmAgent.Coordinator.Store;
using KvmAgent.Coordinator.Subresources;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Rest;

/// <summary>
/// <c>/jobs</c>, and the cloning of machines, which is one: what takes long is begun in the caller's name and goes on by itself. A caller sees its
/// own jobs, and those of namespaces whose machines it may list.
/// </summary>
internal sealed class JobRoutes(ProviderSet providers, IAccess access, RecordStore? records, TimeProvider time)
{
    private const string Root = "/jobs";
    private const int MostAtOnce = 100, UsualLimit = 100, MostListed = 1000;

    private static readonly RestJson Json = RestJson.Strict;

    private static readonly (string Name, string Description)[] Filters =
    [
        ("status", "pending, running, completed, failed or cancelled; several by commas."), ("provider", "The provider's name."),
        ("kind", "clone or import."), ("ids", "By commas."), ("limit", "How many at most; from 1 to 1000, and 100 without it."),
    ];

    public IReadOnlyList<RestRoute> All =>
    [
        RestRoute.Of(HttpMethods.Post, $"{Root}/submit", "Begins a job, or several.", Json.JobSubmitRequest, Json.JobSubmitAnswer, SubmitAsync),
        RestRoute.Of(HttpMethods.Get, $"{Root}/query", "Lists jobs, the newest first.", Json.JobList, request => QueryAsync(request, Asked(request))) with { Query = Filters },
        RestRoute.Of(HttpMethods.Post, $"{Root}/query", "Lists jobs, the newest first.", Json.JobQueryRequest, Json.JobList, QueryAsync, changes: false),
        RestRoute.Of(HttpMethods.Post, $"{Root}/cancel", "Cancels jobs: what was made for them is deleted.", Json.JobCancelRequest, Json.JobCancelAnswer, CancelAsync),
        RestRoute.Of(HttpMethods.Get, $"{Root}/{{id}}", "Tells how far a job is.", Json.JobDetails, GetAsync),
        RestRoute.Of(HttpMethods.Post, $"{VmRoutes.One}/clone", "Makes another machine with copies of a machine's disks: a job.", Json.VmCloneRequest, Json.VmCloneAnswer, CloneAsync) with { Status = 202 },
    ];

    private JobStore Store => new(records.Demand("jobs"));

    private Task<VmCloneAnswer> CloneAsync(RestRequest request, VmCloneRequest asked)
    {
        var (source, name, making) = (request.Machine, NameOf("name", asked.Name), new JobMaking(Store, time));
        return providers.UseAsync(request.Caller, asked.Provider, async provider =>
        {
            var plan = await ClonePlan.OfAsync(provider, provider.ClientFor(request.Caller), source, name, asked.Start, request.Cancel).ConfigureAwait(false);
            var job = await making.BeginAsync(request.Caller, provider, plan, request.Cancel).ConfigureAwait(false);
            return new VmCloneAnswer($"{job.Namespace}/{job.Name}", job.Id, plan.Words, time.GetUtcNow());
        }, request.Cancel);
    }

    private async Task<JobSubmitAnswer> SubmitAsync(RestRequest request, JobSubmitRequest asked)
    {
        if (asked.Jobs is not null && asked with { Jobs = null } != new JobSubmitRequest())
        {
            throw Wrong("jobs and fields of a single job exclude one another; give one of them");
        }

        IReadOnlyList<JobRequest> all = asked.Jobs ?? [asked];
        if (all.Count is 0 or > MostAtOnce)
        {
            throw Wrong($"jobs has {all.Count} of them; give 1 to {MostAtOnce}");
        }

        var making = new JobMaking(Store, time);
        var (ids, errors) = (new List<string>(), new List<string>());
        foreach (var (number, one) in all.Index())
        {
            try
            {
                ids.Add((await BeginAsync(request, making, one ?? throw Wrong("it is null; give an object")).ConfigureAwait(false)).Id);
            }
            catch (Exception e) when (ApiStatus.Of(e) is { } told && !request.Cancel.IsCancellationRequested)
            {
                errors.Add(all.Count == 1 ? told.Message : string.Create(CultureInfo.InvariantCulture, $"jobs[{number}]: {told.Message}"));
            }
        }

        return new JobSubmitAnswer(ids, ids.Count, errors.Count, errors.Count == 0 ? null : errors, time.GetUtcNow());
    }

    private Task<JobSummary> BeginAsync(RestRequest request, JobMaking making, JobRequest asked)
    {
        var kind = asked.Kind ?? (asked.VmPath is not null ? JobKinds.Export : throw Wrong($"kind is missing; give {JobKinds.Clone} or {JobKinds.Import}"));
        return kind switch
        {
            JobKinds.Export => throw new CoordinatorException(FailureReason.NotImplemented, "export is not there yet: live migration, snapshots and export are the next step of kvm-coordinator"),
            JobKinds.Clone or JobKinds.Import => providers.UseAsync(request.Caller, asked.Provider, async provider =>
            {
                var (ns, name) = (asked.Namespace is null ? provider.Namespace : NameOf("namespace", asked.Namespace), NameOf("name", asked.Name));
                var plan = kind == JobKinds.Import ? ImportPlan.Of(provider, asked, ns, name)
                    : await ClonePlan.OfAsync(provider, provider.ClientFor(request.Caller), SourceOf(asked, ns), name, asked.Start, request.Cancel).ConfigureAwait(false);
                return await making.BeginAsync(request.Caller, provider, plan, request.Cancel).ConfigureAwait(false);
            }, request.Cancel),
            _ => throw Wrong($"kind=\"{kind}\" is not known; give {JobKinds.Clone} or {JobKinds.Import}"),
        };
    }

    private async Task<JobList> QueryAsync(RestRequest request, JobQueryRequest asked)
    {
        var statuses = (asked.Status ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (statuses.FirstOrDefault(static s => !JobStates.All.Contains(s)) is { } wrong)
        {
            throw Wrong($"status=\"{wrong}\" is not known; give {string.Join(", ", JobStates.All)}");
        }

        if (asked.Limit is < 1 or > MostListed)
        {
            throw Wrong($"limit={asked.Limit} is not possible; give 1 to {MostListed}");
        }

        if (asked.Ids is { Count: > MostListed })
        {
            throw Wrong($"ids has {asked.Ids.Count} of them; give {MostListed} at most");
        }

        var store = Store;
        var lines = await store.LinesAsync(statuses, asked.Provider, asked.Kind, asked.Ids ?? [], request.Cancel).ConfigureAwait(false);
        var eyes = new JobEyes(providers, access, request);
        var seen = new List<string>();
        foreach (var line in lines)
        {
            if (await eyes.MaySeeAsync(line.Provider, line.Namespace, line.Owner).ConfigureAwait(false))
            {
                seen.Add(line.Id);
            }
        }

        return new JobList(await store.ReadAsync([.. seen.Take(asked.Limit ?? UsualLimit)], request.Cancel).ConfigureAwait(false), seen.Count, time.GetUtcNow());
    }

    private async Task<JobDetails> GetAsync(RestRequest request)
    {
        var id = (string)request.Http.Request.RouteValues["id"]!;
        return new JobDetails(await FindAsync(new JobEyes(providers, access, request), Store, id, request.Cancel).ConfigureAwait(false), time.GetUtcNow());
    }

    private async Task<JobCancelAnswer> CancelAsync(RestRequest request, JobCancelRequest asked)
    {
        if (asked.JobIds is not { Count: > 0 and <= MostAtOnce } ids)
        {
            throw Wrong($"job_ids has {asked.JobIds?.Count ?? 0} of them; give 1 to {MostAtOnce}");
        }

        var (store, eyes) = (Store, new JobEyes(providers, access, request));
        var (cancelled, errors) = (new List<string>(), new Dictionary<string, string>());
        foreach (var id in ids.Distinct())
        {
            try
            {
                var job = await FindAsync(eyes, store, id, request.Cancel).ConfigureAwait(false);
                await new JobCancelling(store, providers, time).CancelAsync(request.Caller, job, request.Cancel).ConfigureAwait(false);
                cancelled.Add(id);
            }
            catch (Exception e) when (ApiStatus.Of(e) is { } told && !request.Cancel.IsCancellationRequested)
            {
                errors[id] = told.Message;
            }
        }

        return new JobCancelAnswer(cancelled, [.. errors.Keys], errors.Count == 0 ? null : errors, time.GetUtcNow());
    }

    /// <exception cref="CoordinatorException">There is none that the caller may see.</exception>
    private static async Task<JobSummary> FindAsync(JobEyes eyes, JobStore store, string id, CancellationToken cancel) =>
        await store.FindAsync(id, cancel).ConfigureAwait(false) is { Job: var job } && await eyes.MaySeeAsync(job.Provider, job.Namespace, job.Owner).ConfigureAwait(false) ? job
            : throw JobCancelling.NotFound(id);

    private static JobQueryRequest Asked(RestRequest request) => new()
    {
        Status = request.Query("status"),
        Provider = request.Query("provider"),
        Kind = request.Query("kind"),
        Ids = request.Query("ids")?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries),
        Limit = request.Query("limit") is not { } limit ? null
            : int.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : throw Wrong($"limit=\"{limit}\" is no number; give 1 to {MostListed}"),
    };

    private static MachineKey SourceOf(JobRequest asked, string ns) => new(ns, NameOf("source", asked.Source));

    private static string NameOf(string field, string? value) => value is not null && RestRequest.NamespaceName().IsMatch(value) ? value
        : throw Wrong(value is null ? $"{field} is missing; give a name" : $"{field}=\"{value}\" is no name in Kubernetes: lower-case letters, digits and '-', not more than 63");

    private static CoordinatorException Wrong(string message) => new(FailureReason.BadRequest, message);
}
