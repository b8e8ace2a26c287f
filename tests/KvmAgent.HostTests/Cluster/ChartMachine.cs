using System.Text;
using System.Text.Json.Nodes;
using KvmAgent.HostTests.Containers;
using KvmAgent.HostTests.Guests;
using KvmAgent.TestSupport.Api;
using KvmAgent.TestSupport.Charts;

namespace KvmAgent.HostTests.Cluster;

/// <summary>A VM of charts/kvm-agent that is linked to the cluster's coordinator, installed as its README says.</summary>
internal static class ChartMachine
{
    /// <summary>Of its pod, and so of its instance.</summary>
    public const string Name = "web-kvm-agent-0";

    private const string ImageClaim = "images", Image = "test-guest.qcow2";

    private static readonly HelmChart Chart = new("kvm-agent", "web", TestCluster.Namespace, "KvmAgent.Tests");

    /// <summary>Makes the chart's objects, and the pod that the StatefulSet's controller would make of them.</summary>
    public static async Task InstallAsync(TestCluster cluster)
    {
        var objects = Yaml.Documents(await ManifestAsync(cluster)).ToList();
        foreach (var (kind, plural) in new[] { ("Secret", "secrets"), ("ConfigMap", "configmaps") })
        {
            foreach (var obj in objects.Where(o => (string?)o["kind"] == kind))
            {
                obj["metadata"]!["namespace"] = TestCluster.Namespace;
                await cluster.Client.CreateAsync(RawObjects.Kind("", "v1", plural, kind), obj.ToJsonString());
            }
        }

        await CreatePodAsync(cluster, objects.Single(static o => (string?)o["kind"] == "StatefulSet"));
    }

    /// <summary>The chart's objects, as helm would make them in a cluster that has the image they name.</summary>
    public static async Task<string> ManifestAsync(TestCluster cluster)
    {
        File.Copy(await TestGuest.ImageAsync(), Path.Combine(cluster.Storage.Claim(TestCluster.Namespace, ImageClaim), Image), overwrite: true);
        await cluster.CreateClaimAsync(ImageClaim);
        return await RenderAsync(cluster);
    }

    private static async Task<string> RenderAsync(TestCluster cluster)
    {
        var image = await AgentImage.NameAsync();
        var tag = image.LastIndexOf(':');
        var files = Directory.CreateTempSubdirectory("kvmtest-chart-");
        try
        {
            var authority = Path.Combine(files.FullName, "coordinator-ca.crt");
            await File.WriteAllTextAsync(authority, await AuthorityAsync(cluster));
            var user = Path.Combine(files.FullName, "user-data");
            await File.WriteAllTextAsync(user, "#cloud-config\n# test-guest: guest-agent\n");
            return await Chart.TemplateAsync(
                "--set-file", $"coordinator.ca.value={authority},configDrive.userdata.value={user}",
                "--set", $"coordinator.url={TestCluster.AgentUrl}",
                "--set", $"image.target={Image},imageVolume.existingClaim={ImageClaim},vmVolume.emptyDir=true,vm.memory=256Mi,vm.cpus=2,vm.display=spice",
                "--set", "configDrive.format=nocloud,vnc.password=none",
                "--set", $"containerImage.repository={image[..tag]},containerImage.tag={image[(tag + 1)..]},containerImage.pullPolicy=Never");
        }
        finally
        {
            files.Delete(recursive: true);
        }
    }

    /// <summary>By <c>kubectl get apiservice v1.subresources.kubevirt.io -o jsonpath='{.spec.caBundle}' | base64 -d</c>.</summary>
    private static async Task<string> AuthorityAsync(TestCluster cluster)
    {
        var services = RawObjects.Kind("apiregistration.k8s.io", "v1", "apiservices", "APIService", namespaced: false);
        var service = await cluster.Client.GetAsync(services, null, "v1.subresources.kubevirt.io", CancellationToken.None);
        return Encoding.ASCII.GetString(Convert.FromBase64String((string)service.ToJson()["spec"]!["caBundle"]!));
    }

    /// <summary>The template with the name that the controller gives it. The StatefulSet itself is not there, so it is not the owner either.</summary>
    private static Task<RawObject> CreatePodAsync(TestCluster cluster, JsonNode statefulSet)
    {
        var pod = statefulSet["spec"]!["template"]!.DeepClone();
        pod["metadata"]!["namespace"] = TestCluster.Namespace;
        pod["metadata"]!["name"] = $"{statefulSet["metadata"]!["name"]}-0";
        pod["metadata"]!["labels"]!["statefulset.kubernetes.io/pod-name"] = $"{statefulSet["metadata"]!["name"]}-0";
        return cluster.Client.CreateAsync(RawObjects.Kind("", "v1", "pods", "Pod"), pod.ToJsonString());
    }
}
