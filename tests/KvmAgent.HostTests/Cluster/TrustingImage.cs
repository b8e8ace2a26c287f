using KvmAgent.HostTests.Containers;
using KvmAgent.TestSupport.Certificates;

namespace KvmAgent.HostTests.Cluster;

/// <summary>The agent's image with one more authority to trust, as an administrator makes it whose registry has a certificate of his own authority.</summary>
internal sealed class TrustingImage : IAsyncDisposable
{
    private TrustingImage()
    {
    }

    public string Name { get; } = $"localhost/kvmtest-agent:{Guid.NewGuid():N}";

    public static async Task<TrustingImage> BuildAsync(TestAuthority authority, string directory)
    {
        await File.WriteAllTextAsync(Path.Combine(directory, "authority.crt"), authority.Pem);
        var recipe = Path.Combine(directory, "Dockerfile");
        await File.WriteAllTextAsync(recipe, $"FROM {await AgentImage.NameAsync()}\nCOPY authority.crt /etc/ssl/certs/kvmtest.pem\n");
        var image = new TrustingImage();
        await AgentContainer.PodmanAsync("build", "--isolation", "chroot", "--pull=never", "--quiet", "--file", recipe, "--tag", image.Name, directory);
        return image;
    }

    public async ValueTask DisposeAsync() => await AgentContainer.TryPodmanAsync("rmi", "--force", Name);
}
