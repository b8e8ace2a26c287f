using KvmAgent.Coordinator.Api.Schemas;
using KvmAgent.Kubernetes;
using KvmAgent.TestSupport.Api;

namespace KvmAgent.Coordinator.Tests.Support;

/// <summary>The tests' own API server with the coordinator's kinds. Their CEL rules hold for everything: what they mean, a real server proves.</summary>
internal static class KubeVirtServer
{
    /// <summary>For a test that brings the kinds itself.</summary>
    public static TestApiServerOptions Options(bool https, params string[] namespaces) => new()
    {
        Https = https,
        CelRules = AnyRule.Of(CustomResourceDefinitions.All),
        AbsentGroups = [SnapshotKinds.Group],
        Namespaces = ["default", "kube-system", .. namespaces],
    };

    public static async Task<TestApiServer> StartAsync(params string[] namespaces)
    {
        var server = await TestApiServer.StartAsync(Options(https: false, namespaces));
        await ApplyKindsAsync(server);
        return server;
    }

    public static Task ApplyKindsAsync(TestApiServer server) =>
        server.ApplyCrdsAsync(string.Join("---\n", CustomResourceDefinitions.All.Select(static d => YamlText.Of(d))));
}
