using System.Text.Json;
using KvmAgent.Coordinator.Api;

namespace KvmAgent.HostTests.Cluster;

/// <summary>Machines as KubeVirt's users write them.</summary>
internal static class GuestMachine
{
    /// <param name="claim">Of the root disk.</param>
    public static VirtualMachine Of(string name, string claim) => WithRoot(name, $"\"persistentVolumeClaim\": {{\"claimName\": \"{claim}\"}}");

    /// <param name="image">With the root disk.</param>
    /// <param name="secret">Its pull secret.</param>
    public static VirtualMachine OfContainerDisk(string name, string image, string secret) =>
        WithRoot(name, $"\"containerDisk\": {{\"image\": \"{image}\", \"imagePullSecret\": \"{secret}\"}}");

    /// <param name="source">The root disk's, as a JSON property.</param>
    private static VirtualMachine WithRoot(string name, string source) => JsonSerializer.Deserialize(
        $$$"""
        {
          "metadata": {"name": "{{{name}}}", "namespace": "default"},
          "spec": {
            "runStrategy": "Always",
            "template": {
              "metadata": {"labels": {"app": "{{{name}}}"}},
              "spec": {
                "domain": {
                  "memory": {"guest": "256Mi"},
                  "devices": {"disks": [{"name": "root", "disk": {"bus": "virtio"}}, {"name": "cloud-init", "disk": {"bus": "virtio"}}], "interfaces": [{"name": "default", "masquerade": {}}]}
                },
                "networks": [{"name": "default", "pod": {}}],
                "volumes": [
                  {"name": "root", {{{source}}}},
                  {"name": "cloud-init", "cloudInitNoCloud": {"userData": "#cloud-config\n# test-guest: guest-agent\n"}}
                ]
              }
            }
          }
        }
        """,
        Kinds.VirtualMachines.Json)!;
}
