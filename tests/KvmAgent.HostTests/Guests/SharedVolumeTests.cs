using KvmAgent.HostTests.Support;

namespace KvmAgent.HostTests.Guests;

/// <summary>A base image is fetched once per volume however many pods start.</summary>
public class SharedVolumeTests
{
    private const int Pods = 8;

    [Fact]
    public async Task Eight_agents_on_one_volume_download_once()
    {
        var image = await File.ReadAllBytesAsync(await TestGuest.ImageAsync());
        var pods = new List<PodNamespace>();
        var things = new Stack<IAsyncDisposable>();
        try
        {
            var pages = new List<HttpPage>();
            for (var i = 0; i < Pods; i++)
            {
                pods.Add(Keep(await PodNamespace.CreateAsync(new PodOptions())));
                pages.Add(Keep(await HttpPage.ServeAsync(pods[i], "200 OK", image)));
            }

            var agents = pods.Select(pod => Keep(AgentProcess.Start(pod, new Dictionary<string, string>
            {
                ["IMG_SOURCE"] = HttpPage.Url,
                ["IMAGE_DIR"] = Path.Combine(pods[0].Directory, "image"),
            }))).ToList();
            foreach (var agent in agents)
            {
                await agent.WaitForLineAsync("made the VM's disk");
                agent.Kill();
            }

            pages.Sum(page => File.ReadAllLines(page.Requests).Length).ShouldBe(1);
            Directory.GetFiles(Path.Combine(pods[0].Directory, "image")).Select(Path.GetFileName).Order().ShouldBe(["base.qcow2", "base.qcow2.json"]);
        }
        finally
        {
            while (things.TryPop(out var thing))
            {
                await thing.DisposeAsync();
            }
        }

        T Keep<T>(T thing)
            where T : IAsyncDisposable
        {
            things.Push(thing);
            return thing;
        }
    }
}
