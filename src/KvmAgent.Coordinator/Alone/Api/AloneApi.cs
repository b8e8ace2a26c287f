using System.Text.Json.Nodes;
using KvmAgent.Coordinator.Agents;
using KvmAgent.Coordinator.Subresources;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace KvmAgent.Coordinator.Alone.Api;

/// <summary>People's token is the only one there is, and may do everything.</summary>
internal static class AloneUser
{
    public static RequestUser Admin { get; } = new("admin", null, ["system:masters"], new Dictionary<string, IReadOnlyList<string>>());
}

/// <summary>
/// What unmodified <c>kubectl</c> and <c>virtctl</c> ask of an API server: discovery, instances, and the very subresources that a cluster has.
/// Every path wants people's token.
/// </summary>
internal static class AloneApi
{
    private static readonly string[] OfMachines = ["start", "stop", "restart"];

    public static void Map(IEndpointRouteBuilder routes, VmiResource instances, AloneMachines machines, AgentRegistry agents, TimeProvider time, ILogger<SubresourceApi> log)
    {
        Discovery.Answer(routes, "/version", Discovery.Version);
        // No version of the core's: kubectl would complain of one without resources.
        Discovery.Answer(routes, "/api", static () => new JsonObject { ["kind"] = "APIVersions", ["versions"] = new JsonArray() });
        instances.Map(routes);
        var links = new InstanceLinks((key, _) => Task.FromResult(machines.Find(key)), agents, null, time);
        var subresources = new SubresourceApi(
            [.. SubresourceList.OfInstances(links), .. NoMachines],
            static (_, _, _, _, _) => Task.FromResult(AloneUser.Admin),
            null,
            log)
        {
            Others = [VmiResource.Group],
        };
        subresources.Map(routes);
    }

    /// <summary>Nobody gets further without people's token.</summary>
    public static Func<HttpContext, RequestDelegate, Task> Gate(byte[] tokenHash) => (context, next) =>
        BearerTokens.Of(context) is { } token && Token.AreSame(Token.Hash(token), tokenHash)
            ? next(context)
            : ApiStatus.WriteAsync(context, StatusCodes.Status401Unauthorized, "Unauthorized", "Unauthorized: the token is not the one in the coordinator's kubeconfig");

    /// <summary>Who starts and stops a VM is whoever runs its agent: there is no object that says whether it shall run.</summary>
    private static IEnumerable<Subresource> NoMachines => OfMachines.Select(static name => new Subresource(
        HttpMethods.Put,
        MachineVerbs.Resource,
        name,
        static request => throw new CoordinatorException(
            FailureReason.NotFound,
            $"virtualmachine.kubevirt.io \"{request.Name}\" not found: without a cluster there are instances alone; `kubectl delete vmi {request.Name}` shuts one down")));
}
