using KvmAgent.Kubernetes.Resources;

namespace KvmAgent.Kubernetes.Tests;

public sealed class ResourceKindTests
{
    [Theory]
    [InlineData("", "v1", null, null, null, "api/v1/pods")]
    [InlineData("", "v1", "a", null, null, "api/v1/namespaces/a/pods")]
    [InlineData("kubevirt.io", "v1", "a", "x", null, "apis/kubevirt.io/v1/namespaces/a/pods/x")]
    [InlineData("kubevirt.io", "v1", "a", "x/../y", "status", "apis/kubevirt.io/v1/namespaces/a/pods/x%2F..%2Fy/status")]
    public void A_kind_knows_its_paths(string group, string version, string? ns, string? name, string? subresource, string path) =>
        new ResourceKind<IKubernetesObject>(group, version, "pods", "Pod", Namespaced: true, null!).Path(ns, name, subresource).ShouldBe(path);
}
