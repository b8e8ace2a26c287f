using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>What a test may choose of its API server.</summary>
public sealed class TestApiServerOptions
{
    /// <summary>Speak TLS, with a certificate made for this server; the kubeconfig has it as its authority.</summary>
    public bool Https { get; init; }

    /// <summary>Whose time timestamps, expiries, timeouts and bookmarks are.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Of how many changes of each kind a watch may begin in the past.</summary>
    public int WatchHistory { get; init; } = 20_000;

    /// <summary>How often a watch that allows it gets a bookmark; besides those of <see cref="TestApiServer.SendBookmarks"/>.</summary>
    public TimeSpan BookmarkEvery { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Answer <c>sendInitialEvents</c> as servers with the WatchList feature do; otherwise such a watch is refused (422).</summary>
    public bool WatchList { get; init; }

    /// <summary>What each x-kubernetes-validations rule of the test's CRDs means, by its exact text: self, oldSelf → holds.</summary>
    public IReadOnlyDictionary<string, Func<JsonNode, JsonNode?, bool>> CelRules { get; init; } =
        new Dictionary<string, Func<JsonNode, JsonNode?, bool>>();

    /// <summary>API groups that a client may ask for in vain: of kinds that not each cluster has.</summary>
    public IReadOnlyList<string> AbsentGroups { get; init; } = [];

    /// <summary>Namespaces that are there from the beginning.</summary>
    public IReadOnlyList<string> Namespaces { get; init; } = ["default", "kube-system", "kube-public", "kube-node-lease"];
}
