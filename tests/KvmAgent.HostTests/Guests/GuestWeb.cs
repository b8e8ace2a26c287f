using System.Text.Json;
using KvmAgent.HostTests.Support;

namespace KvmAgent.HostTests.Guests;

/// <summary>What the guest's web page says, asked from the other namespace by the pod's address.</summary>
internal static class GuestWeb
{
    public static async Task<string> GetAsync(this PodNamespace pod, string path, string address = PodNamespace.Address, int port = 80)
    {
        var host = address.Contains(':', StringComparison.Ordinal) ? $"[{address}]" : address;
        return await pod.Node.RunAsync("curl", "-sS", "--fail", "--max-time", "10", $"http://{host}:{port}{path}");
    }

    public static async Task<JsonElement> GuestStatusAsync(this PodNamespace pod)
    {
        using var document = JsonDocument.Parse(await pod.GetAsync("/status.json"));
        return document.RootElement.Clone();
    }

    public static string[] Texts(this JsonElement status, string name) => [.. status.GetProperty(name).EnumerateArray().Select(e => e.GetString()!)];
}
