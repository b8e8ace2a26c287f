using System.Net.WebSockets;
using System.Text;
using KvmAgent.HostTests.Guests;

namespace KvmAgent.HostTests.Cluster;

/// <summary>A stream of a guest's, as a person has it: types, and reads until what is looked for is there.</summary>
internal static class StreamText
{
    public static Task TypeAsync(this WebSocket socket, string text) =>
        socket.SendAsync(Encoding.ASCII.GetBytes(text), WebSocketMessageType.Binary, true, CancellationToken.None);

    public static async Task ReadUntilAsync(this WebSocket socket, string text)
    {
        using var limit = new CancellationTokenSource(AgentProcess.Patience);
        var seen = new StringBuilder();
        var buffer = new byte[4096];
        while (!seen.ToString().Contains(text, StringComparison.Ordinal))
        {
            var part = await socket.ReceiveAsync(buffer.AsMemory(), limit.Token);
            part.MessageType.ShouldNotBe(WebSocketMessageType.Close, seen.ToString());
            seen.Append(Encoding.UTF8.GetString(buffer, 0, part.Count));
        }
    }

    /// <summary>The guest's shell computes, over its serial console.</summary>
    public static async Task CalculateAsync(this WebSocket console)
    {
        await console.ReadUntilAsync("test-guest: ready");
        await console.TypeAsync("echo $((6*7))-is-the-answer\n");
        await console.ReadUntilAsync("42-is-the-answer");
        await console.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
    }
}
